"""What each setting costs, and what its order of the architectures is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from robnas.benchmarks import Table, pareto_front, tied
from robnas.building import Expansion, table_of_plan
from robnas.errors import InputError, Verbatim
from robnas.records import OF_TRAINING, RecordStore, plan_doubts, store_status, stored_plans
from robnas.statistics import TOPS, Best, Bootstrap, Correlation, regret_interval, summarised, table_ceiling
from robnas.training._overfitting import is_overfitted

from .study import GOLD_SEEDS, SEED, Setting, Study

FEWEST = 10  # architectures of which anything is said
RESAMPLES = 1000
FREE = "counting parameters"


@dataclass(frozen=True)
class Finding:
    """What a setting costs and what it is worth."""

    name: str
    setting: Setting | None
    """None of what needs no training."""
    count: int
    failed: int
    passes: int
    cost: float
    """Passes of the standard width."""
    seconds: float
    spearman: Correlation
    top: Correlation
    """Spearman's ρ among gold's best tenth."""
    first: Correlation
    """Regret of the first choice, a fraction."""
    ten: Correlation
    """Of the best of the first ten."""
    overfitted: Correlation
    """Share of the networks."""
    drawn: Any
    """ρ, and that of each resample; shape (1 + resamples,)."""


PRICES: dict[str, Callable[[Finding], float]] = {
    "passes of the standard width": lambda one: one.cost,
    "measured seconds": lambda one: one.seconds,
}


class Gold:
    """The values that settings are to foretell, of architectures that have all seeds; and resamples of these.

    Args:
        study: what is compared.
        table: of its long trainings.

    Raises:
        InputError: it has too few such architectures.
    """

    def __init__(self, study: Study, table: Table) -> None:
        self.study, column = study, table.column(study.data, study.metric, "test")
        runs = (~np.isnan(column.values)).sum(axis=1)
        rows = {arch.text: row for row, arch in enumerate(table.architectures) if runs[row] == len(GOLD_SEEDS)}
        self.archs = [arch for arch in study.archs if arch.text in rows]
        if len(self.archs) < FEWEST:
            got = Verbatim(f"{len(self.archs)}")
            raise InputError(
                "gold", expected=f"at least {FEWEST} architectures with all seeds", got=got, remedy="train on"
            )
        self.truth = tied(column.mean[[rows[arch.text] for arch in self.archs]])
        self._table, self._column = table, column
        self._draws = Bootstrap(len(self.archs), np.random.default_rng(0), RESAMPLES)

    @cached_property
    def ceiling(self) -> Correlation:
        """The highest ρ that the noise of gold leaves to anybody."""
        return table_ceiling(self._table, self._column, np.random.default_rng(0))

    def judged(self, name: str, scores: Mapping[str, float], **facts: Any) -> Finding:
        """A finding about scores, higher is better, by the text of the architecture; `facts` are what it costs."""
        score = np.array([scores.get(arch.text, np.nan) for arch in self.archs])
        known = ~np.isnan(score)
        number, drawn = int(known.sum()), self._draws.spearman(score, self.truth, known)
        best, share = Best(self.truth[known], self._draws.index(known)), TOPS["top_decile"]
        first, ten = (regret_interval(best.regret(score[known], choices), number) for choices in (1, 10))
        return Finding(
            name=name,
            count=number,
            spearman=summarised(drawn, number),
            top=summarised(best.spearman(score[known], share), best.count(share)),
            first=first,
            ten=ten,
            drawn=drawn,
            **facts,
        )


def findings(
    study: Study, plans: Mapping[Setting, Expansion], store: RecordStore
) -> tuple[Gold, list[Finding], list[str]]:
    """Gold, what is there of the settings, counting parameters first, and the names of what is not there yet.

    Raises:
        InputError: too little of gold is there.
    """
    done = {status.plan: status.done for status in store_status(store)}
    if done.get(plans[study.gold].hash, 0) < 1:
        raise InputError("gold", expected="finished trainings", got=Verbatim("none"), remedy="train on")
    gold = Gold(study, table_of_plan(store, _stored(plans[study.gold], store)))
    sizes = {arch.text: float(study.count(study.channels, arch).parameters) for arch in gold.archs}
    nothing: dict[str, Any] = {"setting": None, "failed": 0, "passes": 0, "cost": 0.0, "seconds": 0.0}
    found, lacking = [gold.judged(FREE, sizes, overfitted=share([]), **nothing)], []
    for setting in study.settings:
        one = _finding(gold, setting, plans[setting], store) if done.get(plans[setting].hash, 0) else None
        if one is None:
            lacking.append(str(setting))
        else:
            found.append(one)
    return gold, found, lacking


def _stored(expansion: Expansion, store: RecordStore) -> Any:
    return next(plan for plan in stored_plans(store) if plan.hash == expansion.hash)


def _finding(gold: Gold, setting: Setting, expansion: Expansion, store: RecordStore) -> Finding | None:
    """None where too few of the architectures that gold knows are trained."""
    study, plan = gold.study, _stored(expansion, store)
    table = table_of_plan(store, plan)
    texts = [arch.text for arch in table.architectures]
    if len({arch.text for arch in gold.archs} & set(texts)) < FEWEST:
        return None
    robust, single = (
        table.column(study.data, metric, "validation").mean.tolist() for metric in (study.metric, study.one_step)
    )
    doubts = (line.partition(": ") for line in plan_doubts(store, plan))
    warned = {text for text, _, doubt in doubts if doubt.startswith("training: ")}
    fooled = [is_overfitted(one, pgd) or text in warned for text, one, pgd in zip(texts, single, robust, strict=True)]
    return gold.judged(
        str(setting),
        dict(zip(texts, robust, strict=True)),
        setting=setting,
        failed=table.provenance["failed_trials"],
        passes=setting.passes(study.threat),
        cost=study.cost(setting),
        seconds=_seconds(expansion, set(texts), store),
        overfitted=share(fooled),
    )


def _seconds(expansion: Expansion, texts: set[str], store: RecordStore) -> float:
    """Median over trainings of the seconds of all epochs: some share their core with others, or wait."""
    where = {
        "space": expansion.plan.space.of.key,
        "dataset_hash": expansion.dataset_hash,
        "recipe_hash": expansion.plan.recipe.hash,
    }
    curves = store.curves(metric="seconds", split=OF_TRAINING, seed=SEED, **where)
    return float(np.median([sum(curve.values) for curve in curves if curve.architecture.text in texts]))


def share(flags: Sequence[bool]) -> Correlation:
    """A share with its exact binomial interval (Clopper and Pearson 1934): a bootstrap of none is none."""
    from scipy.stats import binomtest

    if not flags:
        return Correlation(np.nan, np.nan, np.nan, 0.95, 0)
    interval = binomtest(sum(flags), len(flags)).proportion_ci()
    return Correlation(sum(flags) / len(flags), float(interval.low), float(interval.high), 0.95, len(flags))


def frontier(found: Sequence[Finding], price: Callable[[Finding], float]) -> tuple[list[int], Any]:
    """Places of what nothing as cheap orders better, by price; and the share of resamples in which each is there."""
    prices = -np.array([price(one) for one in found])
    drawn = np.stack([one.drawn for one in found], axis=1)
    members = np.zeros(drawn.shape, dtype=bool)
    for row, rhos in enumerate(drawn):
        members[row, pareto_front(np.stack([prices, rhos], axis=1))] = True
    places = sorted(np.flatnonzero(members[0]).tolist(), key=lambda place: -prices[place])
    return places, members[1:].mean(axis=0)


def better(one: Finding, other: Finding) -> bool:
    """Whether its ρ is the higher one in 97.5 % of the resamples, which are the same where both know all of gold."""
    return bool((one.drawn[1:] > other.drawn[1:]).mean() >= 0.975)
