"""Several weights β of the robust loss side by side, and how kernels order what a table measured with each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any, final

from robnas.cli._theory_rows import accuracy_text

if TYPE_CHECKING:
    from robnas.benchmarks import Column, Table
    from robnas.kernels import RobustKernels
    from robnas.spaces import Architecture
    from robnas.statistics import BetaOrder, Correlation
    from robnas.types import Progress

CLEAN, SPLIT = "clean", "test"
_KERNELS = {"clean": ("mixed", "K_all"), "robust": ("mixed-twice", "K̃_all")}
_LABEL, _CELL = 24, 10  # letters of a line and of each β
_FEWEST = 3  # networks of a correlation


def as_betas(text: str) -> tuple[float, ...]:
    """Numbers with commas between.

    Raises:
        InputError: something else than numbers in [0, 1].
    """
    from robnas._betas import as_beta
    from robnas.errors import InputError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError("--betas", expected="numbers with commas between, such as 0,.5,1", got=text) from None
    return tuple(dict.fromkeys(as_beta("--betas", number) for number in numbers))


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """What a table holds of networks trained with each β: means over seeds on test images."""

    table: Table
    dataset: str
    metric: str
    """The robust accuracy."""
    betas: tuple[float, ...]

    @classmethod
    def of(
        cls, name: str, dataset: str | None, metric: str | None, betas: tuple[float, ...] | None, space: str | None,
        progress: Progress,
    ) -> Measured:  # fmt: skip
        """What the options name.

        Raises:
            InputError: a table of one β, of several data sets none of which is named, or without what is asked for.
        """
        from robnas.benchmarks import load, measured_only
        from robnas.errors import InputError, Verbatim

        table = measured_only(load(name, progress, space=space))
        _check_several(table.betas, table.name)
        if dataset is None:
            names = sorted({column.dataset for column in table.columns})
            if len(names) > 1:
                raise InputError("--dataset", expected=f"one of {', '.join(names)}", got=Verbatim("none"))
            dataset = names[0]
        robust = _robust(table, dataset, metric)
        metric = robust[0].metric if metric is None else metric
        if betas is None:
            clean = {column.beta for column in table.columns
                     if (column.dataset, column.split, column.metric) == (dataset, SPLIT, CLEAN)}  # fmt: skip
            both = clean & {column.beta for column in robust}
            betas = tuple(beta for beta in table.betas if beta in both)
            _check_several(betas, table.name, f" with {CLEAN} and {metric} on {dataset} {SPLIT}")
        found = cls(table, dataset, metric, betas)
        found._means  # noqa: B018  # says what is missing before long work begins
        return found

    @property
    def epsilon(self) -> str | None:
        """Radius of the robust accuracy, if its key says one.

        Raises:
            InputError: it is one of another norm than L∞, in which images of cells are attacked.
        """
        from robnas.errors import InputError, Verbatim
        from robnas.types import NORMS, Metric, format_epsilon

        if self.metric.partition("@")[0].rpartition("-")[2] in NORMS:  # also of averages, such as pgd-l2@average
            expected = f"the radius of an L∞ attack, since {self.metric} is of another norm"
            raise InputError("--epsilon", expected=expected, got=Verbatim("none"))
        try:
            threat = Metric.parse(self.metric).threat
        except InputError:  # an average over several, or with a source before it
            return None
        return None if threat is None else format_epsilon(threat.epsilon)

    def chosen(self, texts: Sequence[str] | None, sample: int | None, seed: int) -> list[Architecture]:
        """The architectures of these texts, or so many random ones that were measured at every β.

        Raises:
            InputError: malformed ones, ones that the table does not hold, or more than there are.
        """
        import numpy as np

        from robnas.types import check_count, check_range

        if sample is None:
            found = list(dict.fromkeys(self.table.architecture(text) for text in texts or ()))
            for arch in found:
                self.table.row(arch)
            return found
        columns = [values for means in self._means.values() for values in means.values()]
        rows = np.flatnonzero(~np.isnan(columns).any(axis=0))
        check_range("sample count", check_count("--sample", sample), 1, len(rows))
        drawn = np.random.default_rng(seed).choice(rows, size=sample, replace=False)
        return [self.table.at(row) for row in drawn.tolist()]

    def at(self, arch: Architecture, beta: float) -> dict[str, float]:
        """Accuracies by metric; nan where there is none."""
        row = self.table.row(arch)
        return {metric: float(values[row]) for metric, values in self._means[beta].items()}

    @cached_property
    def _means(self) -> dict[float, dict[str, Any]]:
        """By β and metric, shape (architectures of the table,)."""
        from robnas.benchmarks import tied

        return {
            beta: {
                metric: tied(self.table.column(self.dataset, metric, SPLIT, beta=beta).mean)
                for metric in (CLEAN, self.metric)
            }
            for beta in self.betas
        }


def _check_several(betas: Sequence[float], table: str, of: str = "") -> None:
    from robnas.errors import InputError, Verbatim

    if len(betas) < 2:
        got = Verbatim(", ".join(f"{one:g}" for one in betas) or "none that is known")
        raise InputError(f"betas of table {table}", expected=f"several{of}", got=got)


def _robust(table: Table, dataset: str, metric: str | None) -> list[Column]:
    """The columns of a robust accuracy on test images, of every β; of the strongest attack if none is named.

    Raises:
        InputError: no such data set or metric, or one that is no robust accuracy.
    """
    from robnas.errors import InputError, Verbatim
    from robnas.statistics import strongest
    from robnas.types import is_attacked

    here = [column for column in table.columns if (column.dataset, column.split) == (dataset, SPLIT)]
    if not here or (metric is not None and not any(column.is_called(metric) for column in here)):
        table.column(dataset, metric, SPLIT)  # says what there is
    attacked = [column.metric for column in here if column.is_accuracy and is_attacked(column.metric)]
    if metric is None and not attacked:
        expected = f"robust accuracies on {dataset} {SPLIT}"
        raise InputError(f"table {table.name}", expected=expected, got=Verbatim("none"))
    name = strongest(attacked) if metric is None else metric
    found = [column for column in here if column.is_called(name)]
    if any(not column.is_accuracy or not is_attacked(column.metric) for column in found):
        raise InputError("--metric", expected="a robust accuracy", got=name)
    return found


def print_at_betas(row: dict[str, Any]) -> None:
    """A column for each β."""
    found = row["betas"]
    lines = list(zip(*map(_lines, found), strict=True))
    wide = max(_LABEL, len(row["architecture"]), *(len(line[0][0]) + 2 for line in lines))
    print(f"{row['architecture']:<{wide}}" + "".join(f"{at['beta']:>{_CELL}g}" for at in found))
    for line in lines:
        shown = wide - 2 + line[0][0].count("\u0303")  # the tilde of K̃ takes no room
        print(f"  {line[0][0]:<{shown}}" + "".join(f"{text:>{_CELL}}" for _, text in line))
    print(flush=True)


def _lines(at: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What stands in the column of a β: labels and numbers."""
    control = at.get("random_labels")
    for side, (kernel, name) in _KERNELS.items():
        yield f"λ_min of {name}", _number(at["lambda_min"][kernel])
        if control:
            yield "  random attacks", _number(control["lambda_min"].get(kernel))
        yield f"{side} error ~", _number(at["bound"][side])
        if control:
            yield "  random attacks", _number(control["bound"].get(side))
            yield "  random labels", _number(control["noise"].get(side))
    for what, value in at.get("regression", {}).items():
        yield f"regression, {what}", accuracy_text(value)
    for metric, value in at.get("measured", {}).items():
        yield f"measured, {metric}", "missing" if isnan(value) else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if isfinite(value) else "singular"


def orders(
    rows: Sequence[dict[str, Any]], measured: Measured, architectures: Sequence[Architecture]
) -> list[BetaOrder]:
    """How what kernels say orders what was measured, β by β; the rival of each kernel is K, which is K_all(0).

    Nothing where fewer than 3 networks were measured. Architectures that share a row of the table are one network.

    Args:
        rows: with `without_attacks` and ``measured``.
        measured: where that is from.
        architectures: of the rows.
    """
    import numpy as np

    from robnas.statistics import beta_orders

    firsts = dict(zip(map(measured.table.row, reversed(architectures)), reversed(range(len(rows))), strict=True))
    chosen = sorted(firsts.values())
    columns = list(zip(*(rows[place]["betas"] for place in chosen), strict=True))
    metrics = {"clean": CLEAN, "robust": measured.metric}
    truth = {
        metric: np.array([[at["measured"][metric] for at in column] for column in columns])
        for metric in metrics.values()
    }
    if any((~np.isnan(values)).sum(axis=1).min() < _FEWEST for values in truth.values()):
        return []
    found = [[_scores(at) for at in column] for column in columns]
    names = list(found[0][0])
    return beta_orders(
        measured.betas,
        {name: np.array([[one[name] for one in column] for column in found]) for name in names},
        truth,
        _parameters(measured.table, [architectures[place] for place in chosen]),
        [(name, metrics[name.partition(",")[0]]) for name in names],
        {f"{side}, {what}": [rows[place]["without_attacks"][what] for place in chosen]
         for side in metrics for what in ("λ_min", "term")},
        rng=np.random.default_rng(0),
    )  # fmt: skip


def without_attacks(five: RobustKernels, labels: Any) -> dict[str, float]:
    """The scores of K, which knows neither attacks nor β."""
    from robnas.kernels import MEASURES

    return {"λ_min": MEASURES["lambda-min"](five.clean, labels), "term": -five.bound(labels, 0).clean}


def _scores(at: dict[str, Any]) -> dict[str, float]:
    """What kernels say of a β, the higher the better, by side and name."""
    found: dict[str, float] = {}
    for side, (kernel, _) in _KERNELS.items():
        found[f"{side}, λ_min"] = at["lambda_min"][kernel]
        found[f"{side}, term"] = -at["bound"][side]
        if "random_labels" in at:  # without attacked inputs, at β = 0, the term is its own control
            found[f"{side}, term under random attacks"] = -at["random_labels"]["bound"].get(side, at["bound"][side])
        if "regression" in at:
            found[f"{side}, regression"] = at["regression"]["clean" if side == "clean" else "attacked"]
    return found


def _parameters(table: Table, architectures: Sequence[Architecture]) -> list[float]:
    """Of what is built; nan where nothing builds it here."""
    from robnas.errors import InputError
    from robnas.networks import count

    try:
        return [count(arch, live=True, space=table.space).parameters for arch in architectures]
    except (InputError, ImportError):
        return [float("nan")] * len(architectures)


def print_orders(found: Sequence[BetaOrder]) -> None:
    """A line per score and β."""
    counts = sorted({one.spearman.count for one in found})  # fewer where trainings failed
    over = " to ".join(map(str, counts if len(counts) < 2 else (counts[0], counts[-1])))
    print(f"\nSpearman over {over} architectures, above 0 where the theory is right, 95 % intervals")
    wide = max(len(_name(one)) for one in found)
    print(f"{'':<{wide}}{'β':>6}  {'Spearman':<25}{'given parameters':<25}more than K_all(0)")
    for one in found:
        cells = [_interval(part) for part in (one.spearman, one.given_parameters, one.gain)]
        print(f"{_name(one):<{wide}}{one.beta:>6g}  {cells[0]:<25}{cells[1]:<25}{cells[2]}".rstrip())


def _name(one: BetaOrder) -> str:
    return f"{one.score} ~ {one.metric}"


def _interval(found: Correlation) -> str:
    """Few architectures have no interval."""
    return "" if isnan(found.value) else f"{found.value:.3f}" if isnan(found.low) else str(found)
