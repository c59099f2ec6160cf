"""What fewer epochs tell of the last one, and what algorithms that use them save.

    python experiments/multi_fidelity.py --table digits --metric pgd@32/255 --split validation --out runs/multi-fidelity

**Ranks**: of each epoch of the learning curves Spearman's ρ with the final values of the column, the share of the final
best tenth that is among the best tenth at that epoch, and the regret of taking the best at that epoch (percentage
points). **Search**: mean regret with its 95 % interval at several budgets, in whole trainings' worth of epochs, of the
multi-fidelity algorithms beside random search and regularized evolution, which train to the end. Written as Markdown
(``multi_fidelity.md``), with a figure (``multi_fidelity.pdf``), and printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import robnas
from robnas.benchmarks import Table
from robnas.search import Case, Repetitions, Result, Task, repeat_all, searcher
from robnas.statistics import spearman

WHOLE = ("random-search", "regularized-evolution")
FEWER = ("successive-halving", "hyperband", "asha", "bohb")
AROUND = ("median-stopping", "optuna-pruner")


def main() -> None:
    """Measure, print and write."""
    given = _arguments()
    table = robnas.load(given.table)
    task = _task(table, given)
    lines = [f"# {task.name}, table {table.name}", "", *_markdown(list(_ranks(task))), ""]
    results = list(_results(task, given))
    lines += [f"Mean regret (percentage points) with 95 % interval, {given.runs} runs, η = {given.eta}", ""]
    text = "\n".join([*lines, *_markdown(list(_regrets(results)))]) + "\n"
    print(text)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "multi_fidelity.md").write_text(text, encoding="utf-8")
    _draw(results, given.out / "multi_fidelity.pdf")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default="digits")
    parser.add_argument("--dataset")
    parser.add_argument("--metric", help="of the curves; their first if omitted")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--report-split", help="by which what is found is judged; the same if omitted")
    parser.add_argument("--eta", type=int, default=2)
    parser.add_argument("--budget", type=int, default=40)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/multi-fidelity"))
    return parser.parse_args()


def _task(table: Table, given: argparse.Namespace) -> Task:
    curves = [curve for curve in table.curves if curve.split == given.split]
    if not curves:
        raise SystemExit(f"table {table.name} has no learning curves of split {given.split}")
    names = given.dataset or curves[0].dataset, given.metric or curves[0].metric
    return Task.named(table, *names, split=given.split, report_split=given.report_split)


def _ranks(task: Task) -> Iterator[Sequence[str]]:
    """A line per epoch."""
    yield "epoch", "Spearman's ρ", "best tenth", "regret"
    (column,) = task.seen
    curve = task.table.curve_column(column.dataset, column.metric, column.split, column.space)
    for epoch in curve.epochs:
        early = curve.after(epoch).mean
        known = ~np.isnan(early) & ~np.isnan(column.mean)
        now, last = early[known], column.mean[known]
        tenth = max(1, len(now) // 10)
        shared = len({*np.argsort(-now, kind="stable")[:tenth]} & {*np.argsort(-last, kind="stable")[:tenth]})
        missed = 100 * (last.max() - last[now.argmax()])
        yield str(epoch), f"{spearman(now, last):.3f}", f"{100 * shared / tenth:.0f} %", f"{missed:.3f}"


def _results(task: Task, given: argparse.Namespace) -> Iterator[Result]:
    points = sorted({max(1, given.budget // part) for part in (8, 4, 2, 1)})
    evolution = {"population": 10, "sample": 3}
    cases = [Case(searcher(WHOLE[0]), task), Case(searcher(WHOLE[1], evolution), task)]
    cases += [Case(searcher(name, {"eta": given.eta}), task) for name in FEWER]
    cases += [Case(searcher(name), task) for name in AROUND]
    return repeat_all(cases, Repetitions(given.budget, given.runs, 0, tuple(points)), jobs=given.jobs)


def _regrets(results: Sequence[Result]) -> Iterator[Sequence[str]]:
    """A line per algorithm."""
    yield "algorithm", *(f"{budget} trainings" for budget in results[0].checkpoints)
    for result in results:
        cells = []
        for budget in result.checkpoints:
            regrets = 100 * result.at(budget)
            half = 1.96 * regrets.std(ddof=1) / np.sqrt(len(regrets)) if len(regrets) > 1 else np.nan
            cells.append(f"{regrets.mean():.3f} ± {half:.3f}")
        yield result.algorithm, *cells


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    header, *rest = [f"| {' | '.join(row)} |" for row in rows]
    return [header, f"|{'---|' * len(rows[0])}", *rest]


def _draw(results: Sequence[Result], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for result in results:
        budgets, error = np.arange(1, result.budget + 1), 196 * result.standard_error
        dashed = "--" if result.algorithm in WHOLE else "-"
        (line,) = axes.plot(budgets, 100 * result.mean, dashed, label=result.algorithm)
        low, high = 100 * result.mean - error, 100 * result.mean + error
        axes.fill_between(budgets, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set_xlabel("whole trainings' worth of epochs")
    axes.set_ylabel("mean regret (percentage points)")
    axes.legend(fontsize=8)
    figure.savefig(path)


if __name__ == "__main__":
    main()
