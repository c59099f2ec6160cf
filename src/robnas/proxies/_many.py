"""Scores of many architectures, on one core or several, which go on where they were interrupted."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas._own import Parcel
from robnas._own import facts as own_facts
from robnas._settings import to_dict
from robnas._version import __version__
from robnas.benchmarks import Scores
from robnas.errors import InputError, RobnasError, reason
from robnas.proxies._batch import OF_SPACE, Batch, ProxySettings, SpaceLike, placed, space_for
from robnas.proxies._journal import Found, Journal
from robnas.proxies._proxies import check_fit, proxy_named, selected
from robnas.proxies._score import NetworkScore, ProxyScore, draw_batches, scores_or_error, summary
from robnas.proxies._worker import prepare, score_one
from robnas.spaces import Architecture, Space
from robnas.types import Progress, check_count, silent

if TYPE_CHECKING:
    from robnas.data import Dataset

_SETTINGS = ProxySettings()
_AHEAD = 2  # architectures per process that wait for it


def score_many(
    architectures: Iterable[object],
    data: Dataset,
    proxies: Iterable[str] = ("cheap",),
    *,
    space: SpaceLike = None,
    repeats: int = 1,
    seed: int = 0,
    settings: ProxySettings = _SETTINGS,
    device: str = "cpu",
    jobs: int = 1,
    out: Path | None = None,
    progress: Progress = silent,
) -> Found:
    """`score` for many architectures.

    Args:
        architectures: of one space, in any form that it reads; each is scored as it is, once.
        data: its training split is read.
        proxies: names of `PROXIES` or groups, see `score`.
        space: of the architectures, see `score`.
        repeats: networks and batches; the seeds are `seed`, `seed` + 1, …
        seed: of the first repeat.
        settings: batch and kernels.
        device: where to compute.
        jobs: processes of one thread each; 1 computes in this process, with the threads it has. More need a script that
            starts under ``if __name__ == "__main__"``. Scores differ by rounding at most.
        out: a Parquet file, see `robnas.benchmarks.Scores`. Finished architectures are kept in ``OUT.part`` until all
            are there; the same call goes on with them, and one for further architectures adds them.
        progress: told about finished architectures, or repeats of one process, and their rate.

    Returns:
        Scores by text and name, in the order given.

    Raises:
        InputError: an unknown name, a malformed architecture, a proxy of another space, fewer than 2 images; the first
            network cannot be built or scored (once one was, such networks have missing scores); `out` was made with
            other settings, which are not mixed, or is something else.
        RobnasError: a process died; what was finished is kept.
    """
    space, archs = placed(architectures, space, settings)
    names = selected(proxies, space)
    check_fit(names, space)
    check_count("jobs", jobs)
    batches = draw_batches(data, repeats, seed, settings)
    facts = score_settings(data, names, repeats, seed, settings, space)
    journal = None if out is None else Journal(out, facts, space)
    found: Found = {} if journal is None else journal.known
    finished = False
    try:
        missing = [arch for arch in archs if arch.text not in found]
        for text, scores in _fresh(missing, space, batches, names, settings, device, jobs, progress):
            if isinstance(scores, InputError):
                if not found:  # most likely none can be scored so
                    raise scores
                scores = {name: summary([NetworkScore(None, str(scores))] * repeats) for name in names}
            if journal is None:
                found[text] = scores
            else:
                journal.add(text, scores)
        if journal is not None and (journal.unsaved or not journal.out.exists()):
            as_table(found, facts, space).write(journal.out)
        finished = True
    finally:
        if journal is not None:
            journal.close(finished=finished)
    return {arch.text: found[arch.text] for arch in archs}


def score_settings(
    data: Dataset, names: Sequence[str], repeats: int, seed: int, settings: ProxySettings, space: SpaceLike = None
) -> dict[str, Any]:
    """What scores depend on, as JSON values."""
    space = space_for(space, settings)
    facts = {name: value for name, value in to_dict(settings).items() if name not in OF_SPACE}
    facts["kernel"] = {key: value for key, value in facts["kernel"].items() if key not in ("seed", "memory_mib")}
    if settings.images < 2 * data.num_classes:
        facts["drawn"] = "pairs of a class"  # which scores of earlier versions were not
    if own := own_facts():
        facts["imports"] = own
    return {
        "data": data.name,
        "data_version": data.content_hash,
        "proxies": list(names),
        "repeats": repeats,
        "seed": seed,
        "space": space.key,
        "space_version": space.fingerprint,
        **facts,
        "robnas": __version__,
    }


def as_table(
    found: Mapping[str, Mapping[str, ProxyScore]], settings: Mapping[str, Any], space: Space | None = None
) -> Scores:
    """Scores as the value that files hold, in the order of texts.

    Args:
        found: by text and name.
        settings: what they depend on, `score_settings`.
        space: of the architectures, where it is not registered.
    """
    codes = sorted(found)
    names = list(found[codes[0]])
    rows = [[found[code][name] for name in names] for code in codes]
    return Scores(
        tuple(codes),
        tuple(names),
        np.array([[np.nan if one.mean is None else one.mean for one in row] for row in rows]),
        np.array([[np.nan if one.standard_error is None else one.standard_error for one in row] for row in rows]),
        {
            (code, name): one.reason
            for code, row in zip(codes, rows, strict=True)
            for name, one in zip(names, row, strict=True)
            if one.mean is None
        },
        settings,
        space=space,  # type: ignore[arg-type]  # which the settings name
    )


def _fresh(
    archs: Sequence[Architecture], space: Space, batches: Sequence[Batch], names: Sequence[str],
    settings: ProxySettings, device: str, jobs: int, progress: Progress,
) -> Iterator[tuple[str, dict[str, ProxyScore] | InputError]]:  # fmt: skip
    """Scores as they come, or why there are none."""
    begun = time.monotonic()
    if jobs > 1 and len(archs) > 1:
        work = _in_processes(archs, space, batches, names, settings, device, min(jobs, len(archs)))
    else:
        work = ((arch.text, scores_or_error(arch, space, batches, names, settings, device)) for arch in archs)
    progress(0, len(archs), "scores")
    for done, (text, scores) in enumerate(work, start=1):
        rate = 60 * done / max(time.monotonic() - begun, 1e-9)
        progress(done, len(archs), f"scores of {text}, {rate:.3g} architectures/min")
        yield text, scores


def _in_processes(
    archs: Sequence[Architecture], space: Space, batches: Sequence[Batch], names: Sequence[str],
    settings: ProxySettings, device: str, jobs: int,
) -> Iterator[tuple[str, dict[str, ProxyScore] | InputError]]:  # fmt: skip
    try:
        packed = pickle.dumps(Parcel((space, batches, {name: proxy_named(name) for name in names}, settings, device)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        expected = "1 for a proxy or a space that cannot travel between processes"
        raise InputError("jobs", expected=expected, got=reason(error)) from error
    left, waiting = iter(archs), set[Future[tuple[str, dict[str, ProxyScore] | InputError]]]()
    context = get_context("spawn")  # torch does not survive a fork
    with ProcessPoolExecutor(jobs, context, initializer=prepare, initargs=(packed, os.getpid())) as pool:
        try:
            while True:
                waiting |= {pool.submit(score_one, arch) for arch in islice(left, _AHEAD * jobs - len(waiting))}
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise RobnasError(
                "a process died, for want of memory or because a script that starts several lacks "
                '`if __name__ == "__main__":`; use fewer jobs, the same call goes on'
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
