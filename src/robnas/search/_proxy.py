"""Search that a proxy guides: it orders the candidates, the table answers."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import ClassVar, final

import numpy as np

from robnas._files import read_text
from robnas._registry import Registry
from robnas._settings import ABSENT_IF_EMPTY, check_keys
from robnas.benchmarks import load_scores, scores_path
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.networks import top_score
from robnas.search._algorithm import Loop, Steps, one_objective
from robnas.search._classes import Class, Classes
from robnas.search._costs import counter
from robnas.spaces import Architecture, Space, live_convolutions
from robnas.types import check_count

Proxy = Callable[[Architecture], float | None]
Ranked = Callable[[Architecture], float]


def _sizes(space: Space | None) -> dict[str, Ranked]:
    """Scores by size."""
    counts = counter(space, every=False)
    return {"parameters": lambda arch: float(counts(arch).parameters), "macs": lambda arch: float(counts(arch).macs)}


@cache
def _convolutions(arch: Architecture) -> float:
    return float(live_convolutions(arch))


@cache
def _top_score(arch: Architecture) -> float:
    found = top_score(arch)
    return -np.inf if found is None else found


SIZES: Registry[Ranked] = Registry(
    "proxy (without a file of scores)",
    {
        **_sizes(None),
        "convolutions": _convolutions,
        "top_score": _top_score,
    },
    Callable,
)
"""Proxies that need no weights: sizes, and two that only NAS-Bench-201 has, ``convolutions``, the number of live ones,
and ``top_score``, see `robnas.networks.top_score`. Sizes of NAS-Bench-201 are those of live edges. Others come as a
function, a mapping or a file of scores."""


@final
@dataclass(frozen=True)
class ProxySearch:
    """Random candidates in the order of a proxy, then neighbours that it prefers (Abdelfattah et al. 2021).

    The first queries are the warm-up of that paper, the later ones its move proposal: regularized evolution in which
    the proxy chooses among several children of a parent.
    """

    name: ClassVar[str] = "proxy-search"

    proxy: str | Proxy | Mapping[str, float | None] = "parameters"
    """Score of an untrained network, higher is better: a name of `SIZES`, or of a score in the file `scores`; a
    function of an architecture, a mapping from texts of architectures, or the path of such a mapping as ``.json`` or
    as ``.csv`` with the columns architecture, score. One that is nan, infinite or None is undefined, and comes last."""
    pool: int = 1000
    """Random candidates that the proxy orders; the best are asked for first."""
    warmup: int = 30
    """Queries in that order before evolution starts from them; the whole run where it is at least the budget."""
    proposals: int = 5
    """New neighbours of a parent among which the proxy chooses one; 1 leaves the choice to chance."""
    sample: int = 10
    """Architectures drawn from the population, which are the last `warmup`; the best is the parent."""
    scores: str = ""
    """File that ``robnas score --out`` wrote, or a table that holds scores, such as ``nas-bench-suite-zero``. An
    architecture that is not in it has the score of one of its class of the space's first partition (``official``), if
    there is one; those whose score is missing come last."""
    dataset: str = field(default="", metadata=ABSENT_IF_EMPTY)
    """Of a table of `scores`, whose; may be omitted where it has those of one data set."""

    def __post_init__(self) -> None:
        for what in ("pool", "warmup", "proposals", "sample"):
            check_count(f"proxy-search {what}", getattr(self, what))
        for what, most in (("warmup", "pool"), ("sample", "warmup")):
            if getattr(self, what) > getattr(self, most):
                raise InputError(
                    f"proxy-search {what}",
                    expected=f"at most the {most}, {getattr(self, most)}",
                    got=Verbatim(str(getattr(self, what))),
                )
        if not (isinstance(self.proxy, str | Mapping) or callable(self.proxy)):
            raise InputError("proxy-search proxy", expected="a name, a file, a mapping or a function", got=self.proxy)
        if not isinstance(self.scores, str):
            raise InputError("proxy-search scores", expected="the path of a file", got=self.scores)
        if not isinstance(self.dataset, str) or (self.dataset and not self.scores):
            raise InputError(
                "proxy-search dataset", expected="the name of one of the table of scores", got=self.dataset
            )
        if self.scores:
            if not isinstance(self.proxy, str):
                raise InputError("proxy-search proxy", expected="the name of one of the scores", got=self.proxy)
        elif isinstance(self.proxy, str) and Path(self.proxy).suffix not in (".json", ".csv"):
            check_keys("proxy (without a file of scores)", [self.proxy], SIZES)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        classes = Classes.of(space)
        one_objective(self, classes)
        return Loop(self._steps(classes, rng, self._function(classes.space)), 1)

    def _function(self, space: Space) -> Ranked:
        proxy = self.proxy
        if self.scores and isinstance(proxy, str):
            return _of_file(self.scores, proxy, space, self.dataset)
        if isinstance(proxy, str):
            if proxy in SIZES:
                return _that_fits(proxy, space)
            proxy = _mapping(Path(proxy), space)
        if not isinstance(proxy, Mapping):
            return _ranked(proxy)
        scores = proxy

        def look_up(arch: Architecture) -> float | None:
            if arch.text not in scores:
                raise InputError("proxy scores", expected="one for every candidate", got=Verbatim(f"none for {arch}"))
            return scores[arch.text]

        return _ranked(look_up)

    def _steps(self, classes: Classes, rng: np.random.Generator, proxy: Ranked) -> Steps:
        drawn = list(islice(classes.shuffled(rng, classes=True), self.pool))
        scores = [proxy(arch) for arch in drawn]
        if max(scores) == -np.inf:
            got = Verbatim(f"none for {len(drawn):,}")
            raise InputError("proxy-search proxy", expected="a score for some of the candidates", got=got)
        order = [drawn[place] for place in sorted(range(len(drawn)), key=scores.__getitem__, reverse=True)]
        alive: deque[tuple[float, Architecture]] = deque(maxlen=self.warmup)
        asked = set[Class]()
        first = order[: self.warmup]
        answers = yield first
        asked.update(map(classes.class_of, first))
        alive.extend((value, arch) for arch, (value,) in zip(first, answers, strict=True))
        while True:
            places = rng.integers(len(alive), size=self.sample).tolist()
            parent = max([alive[place] for place in places], key=itemgetter(0))[1]
            child = self._child(parent, asked, classes, rng, proxy)
            if child is None:
                return
            (value,) = yield child
            asked.add(classes.class_of(child))
            alive.append((value, child))

    def _child(
        self, parent: Architecture, asked: set[Class], classes: Classes, rng: np.random.Generator, proxy: Ranked
    ) -> Architecture | None:
        """Of some neighbours that are new, the one that the proxy prefers; any new one where there are none."""
        near = [other for other in classes.neighbours(parent) if classes.class_of(other) not in asked]
        if not near:
            return classes.fresh(asked, rng)
        best: Architecture = max(
            (near[place] for place in rng.permutation(len(near))[: self.proposals].tolist()), key=proxy
        )
        return best


def _that_fits(name: str, space: Space) -> Ranked:
    """One of `SIZES`, tried on an architecture of the space.

    Raises:
        InputError: it scores none of that space.
    """
    proxy = _sizes(space).get(name, SIZES[name])
    try:
        proxy(space.at([0] * len(space.genes)))
    except InputError as error:
        raise InputError(
            f"proxy-search proxy {name}",
            expected=f"a score of architectures of space {space.name}",
            got=Verbatim(f"none ({error})"),
            remedy="choose another, such as a function of an architecture",
        ) from None
    return proxy


def _ranked(proxy: Proxy) -> Ranked:
    """Its scores as numbers that can be ordered, minus infinity where there is none: nan is neither less nor more.

    An infinite score is none either, as in `robnas.proxies.score`: a number overflowed.
    """

    def value(arch: Architecture) -> float:
        found = proxy(arch)
        try:
            number = np.nan if found is None else float(found)
        except (TypeError, ValueError, OverflowError):
            raise InputError(
                f"proxy score of {arch}", expected="a number, nan where there is none", got=found
            ) from None
        return number if np.isfinite(number) else -np.inf

    return value


def _of_file(source: str, name: str, space: Space, dataset: str) -> Ranked:
    """A score of a file that ``robnas score`` wrote, or of a table; many runs share it.

    Raises:
        DataError: the file is missing or something else.
        InputError: it has no such score.
    """
    path = scores_path(source)
    return _looked_up(source, name, space, dataset, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)
def _looked_up(source: str, name: str, space: Space, dataset: str, changed: int) -> Ranked:
    """An architecture's own score, or that of a member of its class; the lowest where it is missing."""
    scores = load_scores(source, space, dataset=dataset or None)
    if scores.space.name != space.name:
        got = Verbatim(f"those of space {scores.space.name}")
        raise InputError(source, expected=f"scores of architectures of space {space.name}", got=got)
    values = [-np.inf if value != value else value for value in scores.column(name).tolist()]
    own = dict(zip(scores.codes, values, strict=True))
    classes = Classes(space, next(iter(space.partitions), None))
    of_class: dict[Class, float] = {}
    for text, value in own.items():  # the first member, but for one that has a score
        place = classes.class_of(space.parse(text))
        if of_class.get(place, -np.inf) == -np.inf:
            of_class[place] = value

    def look_up(arch: Architecture) -> float:
        value = own.get(arch.text)
        if value is None:
            value = of_class.get(classes.class_of(arch))
        if value is None:
            remedy = "robnas score --all writes them; the same command with --all goes on with what there is"
            got = Verbatim(f"none for {arch}")
            raise InputError(source, expected="a score for every candidate", got=got, remedy=remedy)
        return value

    return look_up


def _mapping(path: Path, space: Space) -> dict[str, float]:
    """Scores by text from a file.

    Raises:
        DataError: the file is missing or malformed.
    """
    try:
        text = read_text(path)
        if path.suffix == ".json":
            pairs = list(json.loads(text).items())
        else:
            pairs = [(row["architecture"], row["score"]) for row in csv.DictReader(text.splitlines())]
        scores = {space.parse(key).text: float(value) for key, value in pairs}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            str(path), expected="scores: JSON {architecture: score}, or CSV with those columns", got=reason(error)
        ) from None
    if len(scores) < len(pairs):
        got = Verbatim(f"{len(pairs):,} lines of {len(scores):,}")
        raise DataError(str(path), expected="each architecture once", got=got)
    if not scores or not np.isfinite(list(scores.values())).all():
        raise DataError(str(path), expected="at least one score, all finite", got=Verbatim("others"))
    return scores
