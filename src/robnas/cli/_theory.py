"""The command about infinitely wide networks: their kernels, what these bound, and what is measured of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import inf, isfinite, isinf
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import AllowPartial, DataDir, Json, print_json, progress_bar
from robnas.cli._space import SpaceName, named_space, with_settings
from robnas.cli._theory_betas import Measured, as_betas, orders, print_at_betas, print_orders, without_attacks
from robnas.cli._theory_options import sample_of
from robnas.cli._theory_rows import accuracies_text, row_at, row_of
from robnas.cli._theory_samples import Sample
from robnas.cli.nas_bench_201 import CELLS

if TYPE_CHECKING:
    from robnas.kernels import RobustKernels
    from robnas.spaces import Architecture, Space
    from robnas.types import Progress


def theory(
    architectures: Annotated[
        list[str] | None,
        typer.Argument(
            help="Of the theory space, such as fc:relu,tanh:1 or conv3-flat:relu,relu:1; of nas-bench-201 with that "
            "--space or a --table of it.",
            show_default=False,
        ),
    ] = None,
    space: SpaceName = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="digits, cifar10, cifar100, imagenet16-120, an .npz file or a folder.  [default: the data set of "
            "--table, or digits]",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="The two classes of the task, as numbers; of cells two or more.  [default: 3,8, or 0,1 of fewer than "
            "nine; of cells all]",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[int, typer.Option(help="Training inputs N, balanced over the classes.")] = 100,
    rho: Annotated[
        float | None,
        typer.Option(help="Radius of the attack on the unit sphere.  [default: 0.1]", show_default=False),
    ] = None,
    epsilon: Annotated[
        str | None,
        typer.Option(
            help="Cells: radius of the attack, L∞, 10 steps.  [default: that of --metric, or 8/255]", show_default=False
        ),
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Weight of the robust loss in training.  [default: 0.5]", show_default=False)
    ] = None,
    betas: Annotated[
        str | None,
        typer.Option(
            help="Several weights, such as 0,.25,.5,.75,1: a column for each.  [default with --table: its own]",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="As --table of query: its accuracies at every β stand beside kernels, and how these order them.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="With --table: its data set, if it has several.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="With --table: its robust accuracy.  [default: PGD with the largest radius]", show_default=False
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="With --table: so many of its architectures at random.", show_default=False)
    ] = None,
    test: Annotated[
        int | None,
        typer.Option(
            help="Test inputs of kernel regression, clean and attacked; 0 for none.  [default: with --betas or --table "
            "100, or all that there are; else 0]",
            show_default=False,
        ),
    ] = None,
    ridge: Annotated[float, typer.Option(help="Of kernel regression, in units of the kernel.")] = 0.0,
    time: Annotated[float, typer.Option(help="Of its gradient flow; inf is the closed form.")] = inf,
    width: Annotated[
        int | None,
        typer.Option(
            help="Of the random network that is attacked; of cells channels of the first stage.  [default: 512; of "
            "cells 16]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of that network and of what is chosen at random.")] = 0,
    second_init: Annotated[
        bool, typer.Option("--second-init", help="Make the second attack on an independent second initialisation.")
    ] = False,
    control: Annotated[
        bool, typer.Option(help="Each term of attacked inputs under random labels too, for twice the time.")
    ] = True,
    memory: Annotated[float, typer.Option(help="Limit of the working memory of a kernel in MiB.")] = 1024,
    data_dir: DataDir = None,
    allow_partial: AllowPartial = False,
    as_json: Json = False,
) -> None:
    """Kernels of infinitely wide networks, and what they bound: eigenvalues, clean and robust error."""
    from robnas.data import load_data
    from robnas.errors import InputError, Verbatim
    from robnas.types import check_count, check_range

    _check_options(architectures, beta, betas, table, {"--dataset": dataset, "--metric": metric, "--sample": sample})
    weights = as_betas(betas) if betas is not None else None
    check_count("seed", seed, 0)
    for what, value in (("ridge", ridge), ("time", time)):
        check_range(what, value, 0)
    if isinf(ridge):
        raise InputError("ridge", expected="a finite number", got=ridge)
    check_range("beta", one := 0.5 if beta is None else beta, 0, 1)
    tested = test if test is not None or weights or table else 0
    if tested == 0 and (ridge > 0 or time < inf):
        raise InputError("--test", expected="a number above 0 beside --ridge or --time, of regression", got=Verbatim(0))
    with progress_bar(as_json) as progress:
        measured = Measured.of(table, dataset, metric, weights, space, progress) if table else None
        of = named_space(space)
        if measured:
            of = measured.table.space
            _check_infinite(of, f"space of table {measured.table.name}", of.name)
            weights = measured.betas
            epsilon = epsilon or (measured.epsilon if of.name == CELLS else None)
            found = measured.chosen(architectures, sample, seed)
        else:
            found = [_parsed(text, space) for text in dict.fromkeys(architectures or ())]
        source = load_data(
            data or (measured.dataset if measured else "digits"), data_dir=data_dir, allow_partial=allow_partial,
            progress=progress,
        )  # fmt: skip
        task = sample_of(
            of, source, classes=classes, inputs=inputs, tested=tested, rho=rho, epsilon=epsilon, width=width, seed=seed,
            second_init=second_init, memory=memory,
        )  # fmt: skip
        facts = {
            "data": source.name, "classes": task.classes, "inputs": inputs, **task.radius, "width": task.width,
            "seed": task.seed,
        }  # fmt: skip
        if tested != 0:
            facts["regression"] = {"test": task.tested, "ridge": ridge, "time": time}
        if measured:
            facts["table"] = {"name": measured.table.name, "dataset": measured.dataset, "metric": measured.metric}
        rows = list[dict[str, Any]]()
        for arch, hit, blind, regression in _kernels(found, task, control, ridge, time, tested != 0, progress):
            if weights is None:
                row = {"architecture": str(arch), **row_of(arch, task, hit, blind, one, regression)}
            else:
                columns = [
                    {"beta": weight, **row_at(task, hit, blind, weight, regression),
                     **({"measured": measured.at(arch, weight)} if measured else {})}
                    for weight in weights
                ]  # fmt: skip
                row = {
                    "architecture": str(arch),
                    "without_attacks": without_attacks(hit, task.labels),
                    "betas": columns,
                }
            if not (rows or as_json):
                print(", ".join([f"{source.name} {task.classes}", f"N = {inputs}", task.radius_text]
                                + ([] if weights else [f"β = {one:g}"])))  # fmt: skip
            rows.append(row)
            if not as_json:
                _print_theory(row) if weights is None else print_at_betas(row)
    order = orders(rows, measured, found) if measured else []
    if as_json:
        shown = {"beta": one} if weights is None else {"betas": list(weights)}
        extra = {"orders": [asdict(one) for one in order]} if measured else {}
        print_json(_finite({**facts, **shown, "second_init": second_init, "rows": rows, **extra}))
        return
    print("bounds hold up to factors that do not depend on the kernel; they are no probabilities")
    if control:
        print("attacks tell kernels their labels: a term far below that of random attacks is small because of this")
    if order:
        print_orders(order)


def _check_options(
    architectures: list[str] | None, beta: float | None, betas: str | None, table: str | None, of_table: dict[str, Any]
) -> None:
    """What cannot stand together, or alone."""
    from robnas.errors import InputError, Verbatim

    if beta is not None and (betas is not None or table):
        raise InputError("--beta", expected="--betas instead, with a table or for several", got=beta)
    for option, given in of_table.items():
        if given is not None and not table:
            raise InputError(option, expected="a --table beside it", got=given)
    if table and bool(architectures) == (of_table["--sample"] is not None):
        got = Verbatim("both" if architectures else "neither")
        raise InputError("architectures", expected="texts, or --sample", got=got)
    if not table and not architectures:
        raise InputError("architectures", expected="texts such as fc:relu,tanh:1", got=Verbatim("none"))


def _parsed(text: str, given: str | None) -> Architecture:
    """A theory architecture of any depth or, where the option names a space or its settings, one of that space."""
    from robnas.cli._space import architecture_in
    from robnas.errors import InputError
    from robnas.spaces import TheoryArchitecture, space_of

    space = named_space(given)
    _check_infinite(space, "--space", given)
    if space is not None and space.name == CELLS:
        return architecture_in(space, text)
    if space is not None and with_settings(given):
        return space.parse(text)
    if space is None and space_of(CELLS).reads(text):
        expected, remedy = "such as fc:relu,tanh,relu:10", f"give --space {CELLS} for cells"
        raise InputError("architecture of the theory space", expected=expected, got=text, remedy=remedy)
    return TheoryArchitecture.parse(text)


def _check_infinite(space: Space | None, what: str, got: str | None) -> None:
    """Refuse spaces whose networks have no kernel of infinite width here."""
    from robnas.errors import InputError
    from robnas.spaces import TheorySpace

    if not (space is None or isinstance(space, TheorySpace) or space.name == CELLS):
        expected = f"{TheorySpace().name} or {CELLS}, whose networks may be infinitely wide"
        raise InputError(what, expected=expected, got=got)


def _kernels(
    found: Sequence[Architecture], task: Sample, control: bool, ridge: float, time: float, tested: bool,
    progress: Progress,
) -> Iterator[tuple[Architecture, RobustKernels, RobustKernels | None, Any]]:  # fmt: skip
    """Of each architecture the kernels, those under attacks at random labels and accuracies by β, where wanted."""
    steps = 2 if control else 1
    for done, arch in enumerate(found):
        progress(steps * done, steps * len(found), str(arch))
        hit = task.attacked(arch, task.labels)
        regression = task.accuracies(arch, hit, ridge, time) if tested else None
        blind = None
        if control:
            progress(steps * done + 1, steps * len(found), f"{arch}, control")
            blind = task.attacked(arch, task.noise).kernels
        yield arch, hit.kernels, blind, regression
    progress(steps * len(found), steps * len(found), str(found[-1]))


def _finite(value: Any) -> Any:
    """With null for what is infinite or nan, which JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _print_theory(row: dict[str, Any]) -> None:
    def listed(values: dict[str, float]) -> str:
        return "  ".join(
            f"{name} {value:.4g}" if isfinite(value) else f"{name} singular" for name, value in values.items()
        )

    bound, control = row["bound"], row.get("random_labels")
    print(row["architecture"])
    print(f"  smallest eigenvalue  {listed(row['lambda_min'])}")
    if control:
        print(f"    random attacks     {listed(control['lambda_min'])}")
    if row["lower_bounds_clean"]:
        print(f"  clean at least       {listed(row['lower_bounds_clean'])}")
    print(f"  mixed at least       {listed(row['lower_bounds_mixed'])}")
    for side in ("clean", "robust"):
        print(f"  {side + ' error ~':<20} {bound[side]:.4g}  (by the eigenvalue alone {bound[side + '_spectral']:.4g})")
        if control and side in control["bound"]:
            blind = control["bound"]
            print(
                f"    random attacks     {blind[side]:.4g}  (by the eigenvalue alone {blind[side + '_spectral']:.4g})"
            )
            print(f"    random labels      {control['noise'][side]:.4g}", flush=True)
    if "regression" in row:
        print(f"  kernel regression    {accuracies_text(row['regression'])}")
