"""The command that scores untrained networks, a few or the whole space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import ENCODINGS, AllowPartial, DataDir, Json, checked_device, print_json, progress_bar, say
from robnas.cli._space import SpaceName, architecture_in, chosen_space

if TYPE_CHECKING:
    from robnas.proxies import ProxyScore
    from robnas.spaces import Architecture, Space

    Found = dict[str, dict[str, ProxyScore]]

DEFAULT = ("parameters", "nwot", "synflow", "robust_score")
_SHOWN = 20  # architectures that are printed
_ACROSS = 6  # columns that fit a screen


def score(
    architectures: Annotated[
        list[str] | None, typer.Argument(help=f"{ENCODINGS}; several will do.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every architecture, one per class of --partition.")] = False,
    sample: Annotated[
        int | None, typer.Option(help="So many random architectures, one per class of --partition.")
    ] = None,
    sample_seed: Annotated[int, typer.Option(help="Of that choice.")] = 0,
    partition: Annotated[
        str | None,
        typer.Option(
            help="A partition of the space, such as official, one of each of whose classes is scored; none for every "
            "architecture.  [default: the first that the space has]",
            show_default=False,
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Names with commas between, or the option again; cheap: those that take a second or two, all: every "
            "one of an untrained network, trained: those after a short training. An unknown name lists the known.  "
            f"[default: {','.join(DEFAULT)}]",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str, typer.Option(help="digits, cifar10, cifar100, imagenet16-120, an .npz file or a folder.")
    ] = "digits",
    images: Annotated[int, typer.Option(help="Training images, balanced over classes.")] = 64,
    repeats: Annotated[int, typer.Option(help="Initialisations and batches; the mean is reported.")] = 3,
    space: SpaceName = None,
    channels: Annotated[int | None, typer.Option(help="Setting of the space, if not the usual.")] = None,
    cells: Annotated[int | None, typer.Option(help="Setting of the space, if not the usual.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, batch and attack of the first repeat.")] = 0,
    calibration: Annotated[int, typer.Option(help="Kernels: training images whose statistics batch norm takes.")] = 512,
    epsilon: Annotated[str, typer.Option(help="Kernels: radius of the attacks of robust ones, L∞.")] = "8/255",
    beta: Annotated[float, typer.Option(help="Kernels: weight of the robust part in mixed ones.")] = 0.5,
    reduction: Annotated[
        str, typer.Option(help="Kernels: how outputs become one, trace, sum, label or proj.")
    ] = "trace",
    batch_norm: Annotated[
        str, typer.Option(help="Kernels: calibrated-eval, eval-raw, or train as TE-NAS.")
    ] = "calibrated-eval",
    parameters: Annotated[str, typer.Option(help="Kernels: all, or weights as TE-NAS.")] = "all",
    float64: Annotated[bool, typer.Option("--float64", help="Kernels: compute gradients in float64 too.")] = False,
    memory: Annotated[float, typer.Option(help="Kernels: limit of the working memory in MiB.")] = 1024,
    out: Annotated[
        Path | None, typer.Option(help="A .parquet file; an interrupted command goes on with what is finished.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes of one thread each; 1 uses all threads of one process.")] = 1,
    data_dir: DataDir = None,
    allow_partial: AllowPartial = False,
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 …")] = "cpu",
    as_json: Json = False,
) -> None:
    """Score untrained networks, higher is better: mean over initialisations and batches."""
    from robnas._files import check_writable
    from robnas.data import load_data
    from robnas.errors import InputError
    from robnas.kernels import NTKSettings
    from robnas.proxies import ProxySettings, score_many, score_settings, selected
    from robnas.types import ThreatModel

    if out is not None and out.suffix != ".parquet":
        raise InputError("--out", expected="a file ending in .parquet", got=str(out))
    if out is not None:
        check_writable(out)
    of = chosen_space(space, channels=channels, cells=cells)
    names = selected([name.strip() for text in proxy or DEFAULT for name in text.split(",")], of)
    settings = ProxySettings(
        images=images,
        calibration=calibration,
        threat=ThreatModel.linf(epsilon),
        beta=beta,
        kernel=NTKSettings(
            reduction=reduction,  # type: ignore[arg-type]
            batch_norm=batch_norm,  # type: ignore[arg-type]
            parameters=parameters,  # type: ignore[arg-type]
            float64=float64,
            memory_mib=memory,
        ),
    )
    archs = _chosen(of, architectures or [], every, sample, sample_seed, partition)
    where = checked_device(device)
    with progress_bar(as_json) as progress:
        source = load_data(data, data_dir=data_dir, allow_partial=allow_partial, progress=progress)
        found = score_many(
            archs, source, names, space=of, repeats=repeats, seed=seed, settings=settings, device=where, jobs=jobs,
            out=out, progress=progress,
        )  # fmt: skip
    if as_json:
        facts: dict[str, Any] = {
            "space": of.key, "settings": score_settings(source, names, repeats, seed, settings, of)
        }  # fmt: skip
        if out is None:
            print_json({"scores": found, **facts})
        else:
            print_json({"path": str(out), "architectures": len(found), "missing": _missing(found), **facts})
        return
    attacked = any(name.startswith("ntk-") for name in names)
    title = f"{source.name}, {images} images, {of.key}, {repeats} repeats"
    print(title + (f", ε = {epsilon}" if attacked else ""))
    _print(found, names)
    if out is not None:
        print(f"{len(found):,} architectures: {out}")


def _chosen(
    space: Space, texts: list[str], every: bool, sample: int | None, sample_seed: int, partition: str | None
) -> list[Architecture]:
    """The architectures that were asked for in one of three ways."""
    import numpy as np

    from robnas.errors import InputError, Verbatim
    from robnas.types import check_count, check_range

    given = {"codes": bool(texts), "--all": every, "--sample": sample is not None}
    ways = [way for way, there in given.items() if there]
    if len(ways) != 1:
        got = Verbatim(" and ".join(ways) or "nothing")
        raise InputError("architectures", expected=f"texts such as {space.example}, --all or --sample", got=got)
    if texts:
        return [architecture_in(space, text) for text in texts]
    classes = _representatives(space, partition)
    if sample is None:
        if classes is None:
            space.check_listable("scoring it all")
        return list(space if classes is None else classes)
    rng, count = np.random.default_rng(check_count("sample-seed", sample_seed, 0)), check_count("sample", sample)
    if classes is None:
        return space.sample(rng, count)
    check_range("sample count", count, 0, len(classes))
    return [classes[place] for place in rng.choice(len(classes), size=count, replace=False).tolist()]


def _representatives(space: Space, partition: str | None) -> Sequence[Architecture] | None:
    """One architecture per class of a partition, the first that the space has unless told; None for all."""
    from robnas._settings import check_keys

    known = space.partitions
    if partition == "none" or (partition is None and not known):
        return None
    if partition is not None and known:
        check_keys("partition", [partition.partition("@")[0]], [*known, "none"])  # effective@1 is an earlier version
    found: Sequence[Architecture] = space.partition(known[0] if partition is None else partition).representatives()
    return found


def _missing(found: Found) -> dict[str, dict[str, int]]:
    """How many architectures lack a score, by score and reason."""
    counts: dict[str, dict[str, int]] = {}
    for scores in found.values():
        for name, one in scores.items():
            if one.mean is None:
                counts.setdefault(name, Counter())[one.reason] += 1
    return counts


def _print(found: Found, names: list[str]) -> None:
    """Best first by the first score; the longer side goes down the screen."""

    def key(code: str) -> float:
        mean = found[code][names[0]].mean
        return -inf if mean is None else mean

    order = sorted(found, key=key, reverse=True)
    if len(names) > _ACROSS >= len(order):
        rows = [["", *order], *([name, *(_cell(found[code][name]) for code in order)] for name in names)]
    else:
        rows = [["", *names], *([code, *(_cell(found[code][name]) for name in names)] for code in order[:_SHOWN])]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for first, *cells in rows:
        print("  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]))
    if len(order) > _SHOWN >= len(rows) - 1:
        print(f"… {len(order) - _SHOWN:,} more")
    for name, reasons in _missing(found).items():
        for reason, count in reasons.items():
            such = next(code for code in order if found[code][name].mean is None and found[code][name].reason == reason)
            where = such if count == 1 else f"{count:,} architectures such as {such}"
            say(f"{name} is missing for {where}: {reason}")


def _cell(one: ProxyScore) -> str:
    if one.mean is None:
        return "missing"
    return f"{one.mean:.4g}" + ("" if one.standard_error is None else f" ±{one.standard_error:.2g}")
