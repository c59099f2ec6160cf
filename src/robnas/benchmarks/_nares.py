"""NARes' file → table: wide residual networks of any depth and width per stage, adversarially trained on CIFAR-10."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, final

import numpy as np

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.spaces import SPACES, Architecture
from robnas.types import Split

FILE = "cifar10.jsonl"
SPACE = SPACES["wide-resnet"]
_LONGEST = 2**22  # bytes of a line
_MOST_SEEDS = 100
_SEVERITIES = tuple("12345")
_VALIDATION = {"val_acc": "clean", "pgd": "pgd@8/255", "cw": "pgd:cw@8/255"}
"""Lists of one training, with an entry for each epoch."""
_TEST = {
    "test_clean_acc": "clean", "Linf_fgsm_acc": "fgsm@8/255", "Linf_pgd_acc": "pgd@8/255",
    "Linf_cw_acc": "pgd:cw@8/255", "Linf_aa_acc": "autoattack@8/255",
}  # fmt: skip
_CORRUPTIONS = "corruptions"


@final
@dataclass(frozen=True)
class _Line:
    """One architecture."""

    number: int
    """Its id, from 1."""
    arch: Architecture
    macs: float
    runs: Mapping[int, Mapping[tuple[Split, str], float]]
    """Accuracies by seed, then split and metric; nan where there is none."""
    days: float
    """GPU days of its trainings; nan where the file does not say."""


def nares(files: Mapping[str, Path], provenance: Mapping[str, Any]) -> Table:
    """The release's ``cifar10.jsonl``: one training of each architecture, measured at its best epoch.

    Validation accuracies are those of CIFAR-10.1 after the epoch that the authors chose by them. ``corruptions`` is the
    mean over all kinds and severities.

    Raises:
        DataError: the file is malformed, its numbers are no percentages, or its ids do not follow the order of MACs.
    """
    path = files[FILE]
    lines = sorted(_lines(path), key=lambda line: line.number)
    if not lines:
        _refuse(path, "a line per architecture", Verbatim("none"))
    _check_order(path, lines)
    seeds = tuple(sorted({seed for line in lines for seed in line.runs}))
    if len(seeds) > _MOST_SEEDS:
        _refuse(path, f"at most {_MOST_SEEDS} seeds", len(seeds))
    columns = [_column(lines, seeds, split, metric) for split, metric in _spots()]
    if not any(np.nanmax(column.values, initial=0) > 0.01 for column in columns):
        _refuse(path, "accuracies in percent", Verbatim("none above 1"))
    facts = {**provenance}
    if not math.isnan(days := sum(line.days for line in lines)):
        facts["gpu_days"] = round(days, 3)
    if missing := (SPACE.size or 0) - len(lines):
        facts["missing_architectures"] = missing
    try:
        return Table("nares", [line.arch for line in lines], columns, space=SPACE, provenance=facts)
    except InputError as error:
        raise DataError(path.name, expected="a consistent table", got=Verbatim(str(error))) from None


def _spots() -> list[tuple[Split, str]]:
    validation: list[tuple[Split, str]] = [("validation", metric) for metric in _VALIDATION.values()]
    return [*validation, *(("test", metric) for metric in _TEST.values()), ("test", _CORRUPTIONS)]


def _column(lines: list[_Line], seeds: tuple[int, ...], split: Split, metric: str) -> Column:
    values = [[line.runs[seed][split, metric] if seed in line.runs else math.nan for seed in seeds] for line in lines]
    facts = {"images_of": "CIFAR-10.1"} if split == "validation" else {}
    return Column("cifar10", split, metric, np.array(values), seeds, facts=facts, space=SPACE.key)


def _lines(path: Path) -> Iterator[_Line]:
    """The file is read line by line: it holds every epoch of every training."""
    try:
        with path.open("rb") as stream:
            for place in range(1, (SPACE.size or 0) + 2):
                raw = stream.readline(_LONGEST + 1)
                if not raw:
                    return
                if len(raw) > _LONGEST:
                    _refuse(path, f"lines of at most {_LONGEST:,} bytes", Verbatim("a longer one"), place)
                if raw.strip():
                    yield _line(path, place, raw)
            if stream.readline(1):
                _refuse(path, f"at most {SPACE.size:,} lines", Verbatim("more"))
    except OSError as error:
        _refuse(path, "a file that can be read", reason(error))


def _line(path: Path, place: int, raw: bytes) -> _Line:
    try:
        entry = json.loads(raw)
        trained, tested, genes = entry["train"], entry["test_best"], entry["arch"]
        number, macs = _whole(entry["arch_id"]), float(entry["MACs"])
        if not isinstance(genes, dict) or not 0 < len(trained) == len(tested):
            raise ValueError("as many test results as trainings, and at least one, belong to an architecture")
        runs = {_whole(run["seed"]): _accuracies(run, test) for run, test in zip(trained, tested, strict=True)}
        if len(runs) < len(trained):
            raise ValueError("a seed twice")
        days = sum(float(run.get("training_time", math.nan)) for run in trained)
        return _Line(number, SPACE.from_genes(genes), macs, runs, days)
    except InputError as error:
        _refuse(path, f"an architecture of space {SPACE.name}", Verbatim(str(error)), place)
    except KeyError as error:
        _refuse(path, f"a key {error.args[0]}", Verbatim("none"), place)
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError, OverflowError) as error:
        _refuse(path, "an architecture, its training and its test results", reason(error), place)


def _accuracies(run: Mapping[str, Any], test: Mapping[str, Any]) -> dict[tuple[Split, str], float]:
    """Of one training, at its best epoch, which counts from 0."""
    epoch = _whole(run["best_epoch"])
    found: dict[tuple[Split, str], float] = {
        ("validation", metric): _fraction(run[key][epoch]) for key, metric in _VALIDATION.items()
    }
    found |= {("test", metric): _fraction(test.get(key)) for key, metric in _TEST.items()}
    levels = [kind[level]["acc"] for kind in (test.get(_CORRUPTIONS) or {}).values() for level in _SEVERITIES]
    found["test", _CORRUPTIONS] = float(np.mean([_fraction(level) for level in levels])) if levels else math.nan
    return found


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{value!r:.40} where a whole number belongs")
    return value


def _fraction(percent: Any) -> float:
    """A percentage as a fraction; nan where there is none."""
    if percent is None:
        return math.nan
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise ValueError(f"{percent!r:.40} where a percentage belongs")
    return percent / 100


def _check_order(path: Path, lines: list[_Line]) -> None:
    """The ids are 1 to the size of the space, each once, by ascending MACs."""
    for before, line in zip([None, *lines[:-1]], lines, strict=True):
        if not 1 <= line.number <= (SPACE.size or 0) or (before is not None and before.number == line.number):
            _refuse(path, f"ids from 1 to {SPACE.size:,}, each once", line.number)
        if before is not None and not before.macs <= line.macs:
            _refuse(path, f"ids by ascending MACs, more for {line.number} than for {before.number}", line.macs)


def _refuse(path: Path, expected: str, got: Any, line: int | None = None) -> NoReturn:
    where = path.name if line is None else f"{path.name}, line {line}"
    raise DataError(where, expected=expected, got=got, remedy="fetch it again from its authors") from None
