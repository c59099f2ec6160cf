"""Scores of untrained networks as one Parquet file: a row per architecture, a column per score; no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from robnas._brief import brief
from robnas._content import CONTENT, check_content, digest, note_unverified
from robnas._files import write_atomically
from robnas._settings import check_keys
from robnas.benchmarks._fields import LONGEST, LONGEST_TEXT, checked_text, one_line, read_field, to_numpy, to_texts
from robnas.errors import DataError, InputError, Verbatim, reason, shorten
from robnas.spaces import SPACES, Space, configured, parse_key, space_of
from robnas.spaces.nas_bench_201 import named_space

SCORES_VERSION = 2
_UNHASHED = {"schema_version", "names", "settings"}  # what a file of version 1 says, no more
_KEY = b"robnas.scores"
_ARCHITECTURE, _ERROR, _REASON = "architecture", ":standard_error", ":reason"
_LARGEST = 256 * 2**20  # bytes of a file that is opened at all

_CHANGED = "bring the space as it was when they were made"

Floats = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of untrained networks over repeats; higher is better, a missing one says why.

    Raises:
        InputError: shapes that do not fit, an unknown space or architecture, one of them or a name that comes twice, an
            infinite score.
    """

    __repr__ = brief

    codes: tuple[str, ...]
    """Texts of the architectures, each once."""
    names: tuple[str, ...]
    """Of the scores, such as ``nwot``."""
    means: Floats
    """Shape (architectures, names), over initialisations and batches; nan where the score is missing."""
    standard_errors: Floats
    """Of the means, same shape; nan where there was one repeat, or the score is missing."""
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Why a score is missing, by text and name."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the scores depend on, as JSON values: space, data set, images, repeats, seed, version …"""
    verified: bool = True
    """Whether damage to the file they were read from would have been seen; one of version 1 has no hash."""
    space: Space = None  # type: ignore[assignment]
    """Of the architectures; if omitted that which the settings name, as files of earlier versions name none."""

    def __post_init__(self) -> None:
        shape = (len(self.codes), len(self.names))
        if 0 in shape:
            raise InputError("scores", expected="at least one architecture and one name", got=Verbatim(f"{shape}"))
        for what in ("means", "standard_errors"):
            values = np.asarray(getattr(self, what), dtype=np.float64)
            if values.shape != shape or np.isinf(values).any():
                got = "infinite values" if values.shape == shape else f"shape {values.shape}"
                raise InputError(f"scores, {what}", expected=f"shape {shape}, numbers or nan", got=Verbatim(got))
            values.flags.writeable = False
            object.__setattr__(self, what, values)
        for name in self.names:
            if checked_text(name) == _ARCHITECTURE or not name or ":" in name:
                raise InputError("name of a score", expected="text without a colon, not architecture", got=name)
        self._check_space()
        for code in self.codes:
            if (text := self.space.parse(code).text) != code:
                raise InputError("scores, architectures", expected=f"the text {text}", got=code)
        for what, values_ in (("codes", self.codes), ("names", self.names)):
            if len(set(values_)) != len(values_):
                twice = next(value for value in values_ if values_.count(value) > 1)
                raise InputError(f"scores, {what}", expected="each once", got=Verbatim(f"{twice} twice"))

    def _check_space(self) -> None:
        facts, given = self.settings, cast("Space | None", self.space)
        if given is None:
            object.__setattr__(self, "space", space_of(parse_key(facts["space"]) if "space" in facts else None))
        elif "space" not in facts and self.space != space_of(None):
            facts = {"space": self.space.key, "space_version": self.space.fingerprint} | dict(facts)
        for what, own in (("space", self.space.key), ("space_version", self.space.fingerprint)):
            if (said := facts.get(what, own)) != own:
                raise InputError(f"scores of space {self.space.name}, {what}", expected=own, got=said, remedy=_CHANGED)
        object.__setattr__(self, "settings", facts)

    def column(self, name: str) -> Floats:
        """Means of one score, shape (architectures,); nan where it is missing.

        Raises:
            InputError: there is no such score.
        """
        check_keys("score", [name], self.names)
        found: Floats = self.means[:, self.names.index(name)]
        return found

    def by_code(self, name: str) -> dict[str, float]:
        """Means of one score by text, missing ones left out.

        Raises:
            InputError: there is no such score.
        """
        pairs = zip(self.codes, self.column(name).tolist(), strict=True)
        return {code: value for code, value in pairs if not np.isnan(value)}

    def at(self, codes: Iterable[str], name: str) -> Floats:
        """Means of one score for `codes` in their order, shape (len(codes),); nan where it is missing or not there.

        Raises:
            InputError: there is no such score.
        """
        known = self.by_code(name)
        return np.array([known.get(code, np.nan) for code in codes], dtype=np.float64)

    def _missing(self) -> list[tuple[str, str]]:
        rows, places = np.nonzero(np.isnan(self.means))
        return [(self.codes[row], self.names[place]) for row, place in zip(rows, places, strict=True)]

    def write(self, path: Path | str) -> None:
        """Write a Parquet file, atomically: ``architecture``, and NAME, NAME:standard_error, NAME:reason for each.

        Standard errors are left out where there are none, reasons where nothing is missing. The settings are JSON in
        the schema's metadata.
        """
        kept = {key: one_line(self.reasons[key]) for key in self._missing() if self.reasons.get(key)}
        arrays: dict[str, Any] = {_ARCHITECTURE: pa.array(self.codes, pa.string())}
        for place, name in enumerate(self.names):
            arrays[name] = _nullable(self.means[:, place])
            if not np.isnan(self.standard_errors[:, place]).all():
                arrays[name + _ERROR] = _nullable(self.standard_errors[:, place])
            if np.isnan(self.means[:, place]).any():
                arrays[name + _REASON] = pa.array([kept.get((code, name)) for code in self.codes], pa.string())
        facts = {"schema_version": SCORES_VERSION, "names": list(self.names), "settings": dict(self.settings)}
        written = json.dumps({**facts, CONTENT: _digest(facts, replace(self, reasons=kept))})
        content = pa.table(arrays).replace_schema_metadata({_KEY: written.encode()})
        write_atomically(Path(path), lambda stream: pq.write_table(content, stream, compression="zstd"))


def _digest(facts: dict[str, Any], scores: Scores) -> str:
    reasons = sorted([code, name, why] for (code, name), why in scores.reasons.items())
    return digest("robnas scores", [facts, scores.codes, reasons], [scores.means, scores.standard_errors])


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def read_scores(path: Path | str, space: Space | None = None) -> Scores:
    """Read a file that `Scores.write` or ``robnas score --out`` wrote.

    Args:
        path: of the file.
        space: of its architectures, where it is not registered.

    Returns:
        The scores, with settings as they are said now; those of a file of version 1, which has no hash of its content,
        are not `verified`.

    Raises:
        DataError: the file is missing, damaged, something else, of another schema version, or of a space that is not
            known here, or has changed.
    """
    path = Path(path)
    expected, remedy = "a file of scores", "robnas score --all --proxy nwot,synflow --out scores.parquet writes one"
    if not os.path.isfile(path):
        raise DataError(str(path), expected=expected, got=Verbatim("nothing"), remedy=remedy)
    if path.stat().st_size > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{path.stat().st_size:,}"))
    try:
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            metadata = file.schema_arrow.metadata or {}
            texts = [column.name for column in file.schema_arrow if pa.types.is_string(column.type)]
        if _KEY not in metadata:
            raise DataError(str(path), expected=expected, got=Verbatim("another Parquet file"), remedy=remedy)
        facts = json.loads(metadata[_KEY])
        old = facts["schema_version"] == 1 and facts.keys() <= _UNHASHED
        if not old and facts["schema_version"] != SCORES_VERSION:
            expected = f"schema version {SCORES_VERSION}"
            remedy = "read it with the robnas that wrote it"
            raise DataError(str(path), expected=expected, got=facts["schema_version"], remedy=remedy)
        settings = named_space(facts["settings"])
        own = _named(path, settings, space)
        # a text that many rows repeat is stored once, and stays so in memory
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False, read_dictionary=texts) as file:
            cells = file.metadata.num_rows * file.metadata.num_columns
            if 8 * cells > _LARGEST:
                got = Verbatim(f"{file.metadata.num_rows:,} rows, {file.metadata.num_columns:,} columns")
                raise DataError(str(path), expected="some rows of some columns", got=got)
            written = None if old else facts.pop(CONTENT)
            scores = _assemble(facts, settings, file, own)
        if old:
            note_unverified(path)
            return replace(scores, verified=False)
        check_content(path, written, _digest(facts, scores), "delete it to score again")
        return scores
    except DataError:
        raise
    except (
        pa.ArrowException, InputError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
        OverflowError,
    ) as error:  # fmt: skip
        raise DataError(str(path), expected=expected, got=reason(error), remedy=remedy) from None


def _named(path: Path, settings: Mapping[str, Any], known: Space | None) -> Space:
    """The space of a file, which earlier versions do not name."""
    if "space" not in settings:
        return space_of(None)
    facts = parse_key(settings["space"])
    name = facts.pop("name")
    if known is None or known.name != name:
        if name not in SPACES:
            there, remedy = ", ".join(SPACES), "a space of your own is brought by --import FILE"
            raise DataError(str(path), expected=f"scores in one of {there}", got=Verbatim(shorten(name)), remedy=remedy)
        known = SPACES[name]
    known = configured(known, facts)
    if settings.get("space_version", known.fingerprint) != known.fingerprint:
        got = settings["space_version"]
        raise DataError(f"{path}, version of {name}", expected=known.fingerprint, got=got, remedy=_CHANGED)
    return known


def _assemble(facts: dict[str, Any], settings: Mapping[str, Any], file: pq.ParquetFile, space: Space) -> Scores:
    fields = {column.name: column.type for column in file.schema_arrow}
    if len(fields) != len(file.schema_arrow):
        raise ValueError("two columns of one name")
    codes = _texts(file, _ARCHITECTURE, LONGEST_TEXT)
    names = tuple(checked_text(name) for name in facts["names"])
    means = [_numbers(file, name) for name in names]
    errors = [
        _numbers(file, name + _ERROR) if name + _ERROR in fields else np.full(len(codes), np.nan) for name in names
    ]
    reasons = {
        (code, name): why
        for name in names
        if name + _REASON in fields
        for code, why in zip(codes, _texts(file, name + _REASON, LONGEST), strict=True)
        if why
    }
    both = np.stack(means, axis=1), np.stack(errors, axis=1)
    return Scores(codes, names, *both, reasons, dict(settings), space=space)


def _numbers(file: pq.ParquetFile, name: str) -> Floats:
    column = read_field(file, name)
    if not pa.types.is_floating(column.type):
        raise ValueError(f"column {name!r:.60} of type {column.type!s:.60}")
    found: Floats = to_numpy(column).astype(np.float64)
    return found


def _texts(file: pq.ParquetFile, name: str, longest: int) -> tuple[str, ...]:
    """Text per row, empty where there is none."""
    column = read_field(file, name)
    if not pa.types.is_dictionary(column.type):
        raise ValueError(f"column {name!r:.60} of type {column.type!s:.60}")
    return to_texts(column, longest)
