"""How cheap may adversarial training be, if it is to order architectures as a long one does?

    python experiments/fidelity.py --dry-run
    python experiments/fidelity.py --store sqlite:///runs/fidelity.db --jobs 2 --out runs/fidelity
    python experiments/fidelity.py --store sqlite:///runs/fidelity.db --analyse --out runs/fidelity
    python experiments/fidelity.py --data cifar10 --device cuda --minutes 10 --work-dir runs/work

Random architectures, one per `effective` class, are trained by a long PGD-10 with three seeds: their mean accuracy
under PGD-10 on test images is *gold*. Then, with a seed that gold has not, by the standard recipe of the study, by
recipes that differ from it in one of attack, epochs, width of the network and number of images, and by some that differ
in several; each is judged as a search would use it, by accuracy under PGD-10 on validation images. Every setting is a
plan of its own in one store: what is stopped goes on where it was, with ``--minutes`` after so many, and
``--architectures 50`` are the first ones of 200.

**Cost** of a training: *passes*, images times forward and backward through the network, of attack and update; the same
in passes of the standard width (by multiply-accumulates); median seconds of its epochs, on one worker, without what
is measured between and after them. **Worth**: Spearman's ρ with gold, over all and among gold's best tenth; regret,
gold of the best architecture minus gold of the one that the setting puts first, and minus the best of its first ten;
networks with catastrophic overfitting, which one step leaves more than twice as accurate as PGD-10 does, and by more
than 20 points: FGSM on validation images, or the training's own attack on training images where it has one step.
Intervals of 95 % are bootstraps over architectures (m out of n for regrets), those of shares exact binomial ones.

The **frontier** are settings of which none as cheap has a higher ρ, with counting parameters, which costs nothing,
among them, and how often each is on it in the resamples; what is not shown to order better than that is named, too.
Written as Markdown, CSV and a figure (png, svg).
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from cheap_training.findings import FEWEST, findings
from cheap_training.pages import figure, report, table
from cheap_training.study import SEED, STUDIES, Setting, Study

from robnas._files import write_text
from robnas.building import Expansion, enrol, estimate, load_and_expand, run_plan
from robnas.cli._build import executor_options
from robnas.errors import InputError, RobnasError
from robnas.evaluation import evaluate
from robnas.records import RecordStore, StoreAddress, stored_plans
from robnas.reports import write_csv, write_pictures
from robnas.types import Progress, check_count

PROBES = 2  # architectures that a dry run trains for an epoch


def expanded(study: Study, data_dir: Path | None = None) -> dict[Setting, Expansion]:
    """Gold and all settings, in the order in which they are trained."""
    return {one: load_and_expand(study.plan(one), data_dir) for one in (study.gold, *study.settings)}


def build(plans: Mapping[Setting, Expansion], store: RecordStore, minutes: float | None = None, **how: Any) -> bool:
    """Train what is missing.

    Args:
        plans: of `expanded`.
        store: where records go.
        minutes: stop after so many.
        how: arguments of `run_plan`.

    Returns:
        Whether all was asked for; False if the time was up before.
    """
    ends = math.inf if minutes is None else time.monotonic() + 60 * minutes
    try:
        with _interrupted_at(ends):
            for setting, expansion in plans.items():
                if estimate(expansion, store).to_do:
                    run_plan(expansion, store, progress=_progress(str(setting)), note=_say, **how)
    except KeyboardInterrupt:
        if time.monotonic() < ends:
            raise
        _say("time is up; the same command goes on")
        return False
    return True


@contextmanager
def _interrupted_at(ends: float) -> Iterator[None]:
    """Press Ctrl-C then: a build keeps what is finished and gives back what is not."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    if ends < math.inf:
        signal.setitimer(signal.ITIMER_REAL, max(ends - time.monotonic(), 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _progress(name: str) -> Progress:
    def tell(done: int, total: int, text: str, /) -> None:
        print(f"\r{name}: {text[:60]:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell


def _say(text: str) -> None:
    print(f"\n{text}", file=sys.stderr, flush=True)


def told(study: Study, plans: Mapping[Setting, Expansion], store: RecordStore | None, **where: Any) -> Iterator[str]:
    """What there is to do and what it will cost, a line per plan and one for all."""
    total = 0.0
    for setting, expansion in plans.items():
        found, passes = estimate(expansion, store), setting.passes(study.threat) / 1000
        if found.mean_seconds is not None and found.measured >= PROBES:
            seconds, how = found.mean_seconds, f"from {found.measured} trials of the store"
        else:
            seconds, how = probed(study, setting, **where), f"from an epoch of {PROBES} networks"
        hours = found.to_do * seconds / 3600
        total += hours
        yield f"{setting!s:53}{found.to_do:5,} trials {passes:8,.0f} k passes {seconds:7.2f} s {hours:6.2f} h  {how}"
    yield f"{len(plans)} plans, {total:.1f} hours of one worker to do"


def probed(study: Study, setting: Setting, data_dir: Path | None = None, device: str = "cpu") -> float:
    """Seconds of a trial, of one core where that computes, from an epoch of networks of some sizes."""
    torch.set_num_threads(1)
    clock = time.process_time if device == "cpu" else time.perf_counter
    plan, seconds = study.plan(setting), 0.0
    data = plan.source.load(data_dir).to(device)
    by_size = sorted(study.archs, key=lambda arch: study.count(setting.channels, arch).macs)
    recipe = plan.recipe.replace(epochs=1)
    for number in range(PROBES):
        arch, begun = by_size[(2 * number + 1) * len(by_size) // (2 * PROBES)], clock()
        network, _ = replace(plan.trial(arch, SEED), recipe=recipe).train(data, None, device=device)
        trained = clock()
        for split in plan.measuring.splits:
            how = {"seed": SEED, "batch_size": plan.measuring.batch_size, "device": device, "limit": study.measured}
            evaluate(network, data, plan.measuring.suite, split=split, **how)
        seconds += setting.epochs * (trained - begun) + clock() - trained
    return seconds / PROBES


def write(study: Study, plans: Mapping[Setting, Expansion], store: RecordStore, out: Path) -> str:
    """Analyse what is there, write it and return the Markdown."""
    _enrol(plans, store)
    gold, found, lacking = findings(study, plans, store)
    text = report(gold, found, lacking)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "fidelity.md", text)
    write_csv(out / "fidelity.csv", *table(gold, found))
    write_pictures(out / "fidelity", figure(gold, found))
    return text


def _enrol(plans: Mapping[Setting, Expansion], store: RecordStore) -> None:
    """Make the store know plans of which it has trainings, as those of the first 50 architectures of 200."""
    stored = {plan.hash for plan in stored_plans(store)}
    for expansion in plans.values():
        if expansion.hash not in stored and estimate(expansion, store).done:
            enrol(expansion, store)


def main() -> None:
    """Say what there is to do, or train what is missing and analyse what is there."""
    given = _arguments()
    study = replace(STUDIES[given.data], architectures=given.architectures, seed=given.seed)
    where = {"data_dir": given.data_dir, "device": given.device}
    place, plans = StoreAddress.parse(given.store), expanded(study, given.data_dir)
    with ExitStack() as stack:
        if given.dry_run:
            store = stack.enter_context(RecordStore(place, complete=False)) if place.exists() else None
            for line in told(study, plans, None if store is None or store.version is None else store, **where):
                print(line, flush=True)
            return
        store, finished = stack.enter_context(RecordStore(place)), True
        if not given.analyse:
            options = executor_options("local", given.jobs, None, 0.0, given.device)
            finished = build(plans, store, given.minutes, options=options, work_dir=given.work_dir, **where)
        try:
            print(write(study, plans, store, given.out))
        except InputError as error:
            if finished:
                raise
            _say(str(error))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(STUDIES), default="digits")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--architectures", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the drawing of architectures")
    parser.add_argument("--store", default="sqlite:///runs/fidelity.db")
    parser.add_argument("--jobs", type=int, default=1, help="workers, of one thread each")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--minutes", type=float, help="stop training after so many; the same command goes on")
    parser.add_argument("--work-dir", type=Path, help="keep a checkpoint per epoch of what is unfinished here")
    parser.add_argument("--dry-run", action="store_true", help="say what there is to do and its cost; write nothing")
    parser.add_argument("--analyse", action="store_true", help="train nothing")
    parser.add_argument("--out", type=Path, default=Path("runs/fidelity"))
    given = parser.parse_args()
    check_count("--architectures", given.architectures, FEWEST)
    if given.minutes is not None and not 0 < given.minutes < math.inf:
        raise InputError("--minutes", expected="a number above 0", got=given.minutes)
    return given


if __name__ == "__main__":
    try:
        main()
    except RobnasError as error:
        sys.exit(f"error: {error}")
