"""Whether the number of runs was fixed before: what was planned, what is missing, what came later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from robnas.search import Planned, Result

_SUPPOSED = "p-values and intervals suppose a number that was fixed before anything was seen"


def run_notes(results: Sequence[Result], planned: Sequence[Planned] = ()) -> list[str]:
    """Lines for a page: the plan, and where results depart from it.

    Args:
        results: at least one.
        planned: every plan that was made for them, in order; without one, that in the results.
    """
    plans = Counter((result.runs, result.seed) for result in results)
    again, notes = _again(results, planned), []
    when = "Planned last" if again else "Planned before the first run"
    for (runs, seed), pairs in plans.items():
        of = "all pairs" if len(plans) == 1 else f"{pairs} of {len(results)} pairs"
        notes.append(f"{when}, for {of} of algorithm and task: {_planned(runs, seed)}.")
    departed = [*(text for result in results for text in _departed(result)), *again]
    return [*notes, *departed] if departed else [*notes, "All of them finished, none was added."]


def _departed(result: Result) -> list[str]:
    """Runs that are missing, and runs that were not planned."""
    where, wanted = f"{result.algorithm} on {result.task['name']}", range(result.seed, result.seed + result.runs)
    finished, failed = set(result.seeds), {failure.seed for failure in result.failures}
    added = sum(seed not in wanted for seed in finished | failed)
    missing = result.runs - sum(seed in wanted for seed in finished)
    known = sum(seed in wanted for seed in failed - finished)
    texts = []
    if missing:
        why = f"{known:,} failed" if known else "no failure is recorded"
        texts.append(f"{where}: {missing:,} of {result.runs:,} planned runs are missing ({why}).")
    if added:
        texts.append(f"{where}: {added:,} runs were added that were not planned; {_SUPPOSED}.")
    return texts


def _again(results: Sequence[Result], planned: Sequence[Planned]) -> list[str]:
    """Comparisons for which more than one number of runs was planned."""
    found: dict[str, list[str]] = {}
    for result in results:
        now = Planned.by(result)
        same = [plan for plan in planned if plan.question == now.question and plan.algorithm == now.algorithm]
        if any(plan != now for plan in same):
            steps = dict.fromkeys((plan.runs, plan.seed) for plan in (*(plan for plan in same if plan != now), now))
            text = ", then ".join(f"{_counted(runs)} from seed {seed}" for runs, seed in steps)
            found.setdefault(text, []).append(f"{result.algorithm} on {result.task['name']}")
    return [
        f"Planned more than once in this folder: {text}, of "
        f"{'all pairs' if len(where) == len(results) else '; '.join(where)}; {_SUPPOSED}."
        for text, where in found.items()
    ]


def _planned(runs: int, seed: int) -> str:
    return f"{_counted(runs)}, seed" + (f"s {seed} to {seed + runs - 1}" if runs > 1 else f" {seed}")


def _counted(runs: int) -> str:
    return f"{runs:,} runs" if runs > 1 else "one run"
