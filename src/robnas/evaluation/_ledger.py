"""Measurements kept between runs."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict
from pathlib import Path

from robnas._content import CONTENT, seal
from robnas._files import write_json
from robnas._version import __version__
from robnas.attacks import Answers, Attack
from robnas.errors import DataError, reason
from robnas.evaluation._measurement import Measurement, Share

_KIND = "robnas measurement"
_PARTS = "per_attack"


class Ledger:
    """Measurements already made, by a hash of everything that decides them: a folder of files, or nothing kept.

    One file per measurement, so that several processes may measure in one folder. A measurement counts only if the
    network answers as it did then, because a hash of weights and structure does not see all that decides an answer.

    Args:
        folder: where the files are.
        answers: of the present network; they may be omitted if nothing is kept.
    """

    def __init__(self, folder: Path | None, answers: Answers | None = None) -> None:
        self._folder, self._answers = folder, answers
        self.replaced: list[str] = []
        """Metrics that were kept, but not for a network that is known to answer like this one."""

    def get(self, key: str) -> Measurement | None:
        """The measurement of a key, if it was made of this network.

        Raises:
            DataError: its file is damaged.
        """
        if self._folder is None or not (path := self._folder / f"{key}.json").exists():
            return None
        try:
            entry = json.loads(path.read_text())
            kept = {key: value for key, value in entry.items() if key not in (CONTENT, "answers")}
            parts = tuple(Share(**part) for part in kept.pop(_PARTS, ()))
            found = Measurement(**{**kept, "warnings": tuple(kept["warnings"])}, per_attack=parts)
            len(found.correct)
            # Without answers, as earlier versions wrote it, nobody can say whose measurement it is.
            known = None if (answers := entry.get("answers")) is None else Answers.from_dict(answers)
            if CONTENT in entry:
                if seal(_KIND, entry) != entry:
                    raise ValueError("its content is not what was written")
                if known is not None and self._answers is not None and known.agree(self._answers):
                    return found
        except (
            ValueError, KeyError, TypeError, AttributeError, RecursionError, ArithmeticError, MemoryError,
        ) as error:  # fmt: skip
            raise DataError(
                str(path),
                expected="a measurement written by robnas",
                got=reason(error),
                remedy="delete it to measure again",
            ) from None
        self.replaced.append(found.metric)
        return None

    def put(self, key: str, measurement: Measurement) -> None:
        """Keep a measurement, on disk before this returns."""
        if self._folder is not None:
            answers = None if self._answers is None else self._answers.to_dict()
            entry = {**asdict(measurement), "warnings": list(measurement.warnings), "answers": answers}
            del entry["per_class"], entry["times"]  # which follow from the labels, and from the metric: no mean is kept
            if not entry[_PARTS]:
                del entry[_PARTS]  # as those of earlier versions, which had none
            else:
                entry[_PARTS] = list(entry[_PARTS])
            write_json(self._folder / f"{key}.json", seal(_KIND, entry))


def attack_code(attack: Attack | None) -> str:
    """What an attack of these settings does: the version of robnas, and the source of classes from elsewhere."""
    parts = [__version__]
    for kind in type(attack).__mro__[:-1] if attack is not None else ():
        if kind.__module__.partition(".")[0] != "robnas":
            try:
                parts.append(inspect.getsource(kind))
            except (OSError, TypeError):  # typed in at a prompt
                parts += [
                    function.__code__.co_code.hex() for _, function in inspect.getmembers(kind, inspect.isfunction)
                ]
    return "\n".join(parts)
