"""What the columns of a CSV or JSON file are called: ``DATASET SPLIT METRIC``, and whatever tells them apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from robnas._betas import as_beta, beta_text
from robnas.benchmarks._column import Direction
from robnas.errors import DataError, Verbatim
from robnas.spaces import parse_key, space_of
from robnas.types import SPLITS, Split, canonical_metric, check_split

SD, MEASURED = ":sd", ":measured"
"""Behind the name of a column in which some values were predicted."""
_ACCURACY: tuple[str, Direction] = ("", "maximise")
_KIND = re.compile(r"(?P<name>.*\S)\s*\[(?:(?P<unit>[^\s,\[\]]+),? *)?(?P<direction>maximise|minimise)\]")
_BEHIND = re.compile(f"({SD}|{MEASURED})$")
_EPOCH = re.compile(" epoch [0-9]+$")
_BETA = "beta="
_DIGITS = 19
_REMEDY = "name data set and split of metrics that stand alone"


def written(name: str, told: Mapping[Any, Any]) -> str:
    """The header of a column of a data frame, as `read_headers` reads it; `told` are the attributes of the frame.

    The beta is said where the name does not say it and it is another one than 1, that of training on attacked images
    alone.
    """
    kinds, betas = told.get("kinds", {}), told.get("betas", {})
    if epoch := _EPOCH.search(name):
        base, kind, weight = name[: epoch.start()], None, betas.get(name)
    else:
        base = name if name in kinds or name in betas else _BEHIND.sub("", name)
        kind, weight = kinds.get(base), betas.get(base)
    behind = name[len(base) :]
    beta = "" if weight in (None, 1) else beta_text(weight)
    header = base + (f" {beta}" if beta not in [*base.split(), ""] else "") + behind
    return header if kind is None or behind == MEASURED else f"{header} [{', '.join(filter(None, kind.values()))}]"


@final
@dataclass(frozen=True)
class Header:
    """What a column of a file is called."""

    dataset: str
    split: Split
    metric: str
    space: str | None
    beta: float | None
    seed: int | None
    epoch: int | None
    kind: tuple[str, Direction]
    """Unit and direction."""
    source: str
    text: str
    sd: str | None = None
    """The column with standard deviations of what was predicted, if there is one."""
    measured: str | None = None
    """The column that says what was measured, if something was predicted."""

    @property
    def spot(self) -> tuple[str, Split, str, str | None, float | None, str]:
        """What the columns of several seeds and epochs share."""
        return self.dataset, self.split, self.metric, self.space, self.beta, self.source

    @property
    def is_accuracy(self) -> bool:
        """Whether the values lie in [0, 1]."""
        return self.kind == _ACCURACY and not (self.epoch is not None and self.split == "train")  # a loss, or seconds


def read_headers(
    path: Path, texts: Sequence[str], where: tuple[str | None, str | None], key: str | None
) -> list[Header]:
    """The columns of a file, those that say what was predicted with the ones that they belong to.

    Args:
        path: of the file.
        texts: its headers.
        where: data set and split of metrics that stand alone.
        key: of the space of columns that name none.

    Raises:
        DataError: a header that is none, or deviations without what says which values were predicted.
    """
    named = {text: _read_kind(text)[0] for text in texts}
    by_name = {name: text for text, name in named.items()}
    measured = {text: name + MEASURED for text, name in named.items() if name + MEASURED in texts}
    sds = {text: by_name[named[text] + SD] for text in measured if named[text] + SD in by_name}
    beside = {*measured.values(), *sds.values()}
    for text in texts:  # an accuracy's; without it predicted values would be read as measured ones
        if text.endswith(SD) and text not in beside and text.removesuffix(SD) in named:
            wanted = text.removesuffix(SD) + MEASURED
            raise DataError(str(path), expected=f"a column {wanted} beside {text}", got=Verbatim("none"))
    return [
        replace(_read_header(path, text, where, key), sd=sds.get(text), measured=measured.get(text))
        for text in texts
        if text not in beside
    ]


def _read_header(path: Path, header: str, where: tuple[str | None, str | None], key: str | None) -> Header:
    named, kind = _read_kind(header)
    source, parts = _read_source(named.split())
    epoch = int(parts[-1]) if len(parts) > 2 and parts[-2] == "epoch" and _is_whole(parts[-1]) else None
    if epoch is not None:
        del parts[-2:]
    betas = [part for part in parts if part.startswith(_BETA)]
    parts = [part for part in parts if part not in betas]
    if len(parts) < 3 and None not in where:
        parts = [*map(str, where), *parts]
    seed = int(parts.pop()) if len(parts) > 3 and _is_whole(parts[-1]) else None
    try:
        if len(parts) == 4:
            key = space_of(parse_key(parts.pop())).key
        dataset, split, metric = parts
        beta = _read_beta(betas)
        return Header(
            dataset, check_split(split), canonical_metric(metric), key, beta, seed, epoch, kind, source, header
        )
    except ValueError:
        expected, remedy = "columns such as 'digits test pgd@8/255'", _REMEDY if len(parts) < 3 else ""
        raise DataError(str(path), expected=expected, got=header, remedy=remedy) from None


def _read_beta(words: Sequence[str]) -> float | None:
    """The number behind ``beta=``, of which there is one or none; ValueError otherwise."""
    if len(words) > 1:
        raise ValueError("several")
    return as_beta("beta", float(words[0].removeprefix(_BETA))) if words else None


def _read_kind(header: str) -> tuple[str, tuple[str, Direction]]:
    """A header without unit and direction, and these."""
    found = _KIND.fullmatch(header.strip())
    if found is None:
        return header, _ACCURACY
    return found["name"], (found["unit"] or "", "maximise" if found["direction"] == "maximise" else "minimise")


def _read_source(parts: list[str]) -> tuple[str, list[str]]:
    """The source before the data set, and the other words of a header; a metric that stands alone may have one too."""
    splits = [place for place, word in enumerate(parts) if word in SPLITS and place]
    place = next((place - 1 for place in splits if ":" in parts[place - 1]), None)
    if place is None:
        return "", parts
    before, _, dataset = parts[place].rpartition(":")
    return " ".join([*parts[:place], before]), [dataset, *parts[place + 1 :]]


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < _DIGITS
