"""Finished architectures beside a file of scores, so that an interrupted run goes on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from robnas._content import note_unverified, seal, unseal
from robnas._files import saying
from robnas.benchmarks import read_scores
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.proxies._score import NetworkScore, ProxyScore, summary
from robnas.spaces import Space, space_of
from robnas.spaces.nas_bench_201 import named_space

Found = dict[str, dict[str, ProxyScore]]
_VERSION = 2
_KIND, _REMEDY = "robnas unfinished scores", "delete it"


class Journal:
    """A line of JSON per finished architecture in ``OUT.part``, after one with the settings, each with a hash.

    A line is with the operating system before the next architecture begins, so a killed process loses what it was
    computing and no more; a line that is cut short is computed again.

    Args:
        out: the file of scores that will be written; what it holds already counts as finished.
        settings: what scores depend on, as JSON values.
        space: of the architectures; the one that earlier versions knew if omitted.

    Raises:
        InputError: either file was made with other settings, or another process is writing it.
        DataError: either file is something else, or damaged.
        WriteError: the journal cannot be written.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], space: Space | None = None) -> None:
        self.out, self.settings, self.space = out, settings, space_of(None) if space is None else space
        self.path = out.with_name(out.name + ".part")
        with saying(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._locked()
        try:
            self.known: Found = _finished(out, settings, self.space)  # nobody else writes it from here on
            self._saved = len(self.known)
            self._resume()
        except BaseException:
            if not os.fstat(self._file.fileno()).st_size:
                self.path.unlink()
            with contextlib.suppress(OSError):  # of what could not be written
                self._file.close()
            raise

    @property
    def unsaved(self) -> bool:
        """Whether there are architectures, of this run or an earlier one, that the file of scores lacks."""
        return len(self.known) > self._saved

    def add(self, text: str, scores: Mapping[str, ProxyScore]) -> None:
        """Keep one architecture."""
        self.known[text] = dict(scores)
        row = {name: {"values": list(one.values), "reason": one.reason} for name, one in scores.items()}
        self._write({"architecture": text, "scores": row})

    def close(self, *, finished: bool) -> None:
        """End; where the file of scores is written, the journal goes."""
        with saying(self.path):
            if finished:
                self.path.unlink(missing_ok=True)
            self._file.close()

    def _locked(self) -> BinaryIO:
        """The journal, opened and locked."""
        while True:
            file = self.path.open("a+b")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                    return file
            except FileNotFoundError:
                pass
            except BlockingIOError:
                file.close()
                raise InputError(
                    str(self.out), expected="one process that writes it", got=Verbatim("another that is at work"),
                    remedy="wait for it, or choose another file",
                ) from None  # fmt: skip
            file.close()  # another process finished, and removed it, between opening and locking

    def _resume(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        if len(lines) < 2:  # nothing is lost
            self._file.truncate(0)
            self._write({"version": _VERSION, "settings": self.settings})
            return
        with self._saying_what_is_no_journal():
            head, *rows = (json.loads(line) for line in lines)
            if old := head.keys() == {"settings"}:  # of version 1, which has no hashes
                note_unverified(self.path)
            else:
                head, *rows = (unseal(self.path, _KIND, row, _REMEDY) for row in (head, *rows))
            if not isinstance(head["settings"], dict) or not (old or head["version"] == _VERSION):
                raise ValueError(f"{head!r:.60}")
            settings = named_space(head["settings"])
        _check_same(self.path, settings, self.settings)
        with self._saying_what_is_no_journal():
            self.known |= dict(_scored(row, self.settings["proxies"], self.space) for row in rows)
        self._file.truncate(sum(len(line) + 1 for line in lines))

    @contextlib.contextmanager
    def _saying_what_is_no_journal(self) -> Iterator[None]:
        try:
            yield
        except DataError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArithmeticError) as error:
            expected = "the unfinished scores of robnas score"
            raise DataError(str(self.path), expected=expected, got=reason(error), remedy=_REMEDY) from None

    def _write(self, row: Mapping[str, Any]) -> None:
        with saying(self.path):
            self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(seal(_KIND, row), ensure_ascii=False).encode() + b"\n")
            self._file.flush()


def _scored(row: Mapping[str, Any], names: Sequence[str], space: Space) -> tuple[str, dict[str, ProxyScore]]:
    """Architecture and scores of a line."""
    scores = {name: _score(**one) for name, one in row["scores"].items()}
    return space.parse(row["architecture"]).text, {name: scores[name] for name in names}


def _score(values: list[float | None], reason: str) -> ProxyScore:
    if not isinstance(reason, str) or not all(value is None or math.isfinite(value) for value in values):
        raise ValueError(f"scores {values!r:.60}, {reason!r:.60}")
    return summary([NetworkScore(value, "" if value is not None else reason) for value in values])


def _finished(out: Path, settings: Mapping[str, Any], space: Space) -> Found:
    """What the file of scores holds, if there is one."""
    if not out.exists():
        return {}
    kept = read_scores(out, space)
    _check_same(out, kept.settings, settings)
    if list(kept.names) != settings["proxies"]:
        got = Verbatim(", ".join(kept.names))
        raise DataError(str(out), expected=f"scores {', '.join(settings['proxies'])}", got=got, remedy=_REMEDY)
    found: Found = {}
    for row, code in enumerate(kept.codes):
        found[code] = {}
        for place, name in enumerate(kept.names):
            mean, error = kept.means[row, place].item(), kept.standard_errors[row, place].item()
            why = kept.reasons.get((code, name), "")
            found[code][name] = ProxyScore(_or_none(mean), _or_none(error), (), why)
    return found


def _or_none(value: float) -> float | None:
    return value if value == value else None


def _check_same(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for key in dict.fromkeys([*wanted, *found]):
        if found.get(key) != wanted.get(key):
            raise InputError(
                f"{path}, made with {key[:200]}", expected=json.dumps(wanted.get(key), ensure_ascii=False),
                got=Verbatim(json.dumps(found.get(key), ensure_ascii=False)[:200]),
                remedy="scores of different settings are not mixed: choose another --out, or delete the file",
            )  # fmt: skip
