"""Which records of a store are meant, where it holds several that are not comparable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, final

from robnas.benchmarks._recipes import Recipes
from robnas.benchmarks._runs import is_number
from robnas.errors import InputError, Verbatim
from robnas.records import Curve, Record
from robnas.spaces import parse_key, space_of
from robnas.types import Metric

_SHORT = 8  # digits of a hash that are shown
_FIELDS = {"recipe": "recipe_hash", "dataset_version": "dataset_hash", "attack": "attack_hash"}
_WORDS = {
    "images": "number of images", "attack": "attack (hash of its settings)",
    "dataset_version": "version of the data set", "attack_seed": "attack seed",
}  # fmt: skip
_OF_ATTACKS = ("attack", "attack_seed")  # clean accuracy has neither


@final
@dataclass(frozen=True, kw_only=True)
class Choice:
    """What to take from a store that holds several; what is None is not restricted."""

    recipe: str | None = None
    """Name of the recipe, or of several that differ in their beta only; or the beginning of its hash."""
    images: int | None = None
    """How many images of the split were asked."""
    attack: str | None = None
    """Beginning of the hash of the attack's settings; clean accuracy is taken in any case."""
    dataset_version: str | None = None
    """Beginning of the data set's content hash."""
    attack_seed: int | None = None
    """Seed of the attack's randomness; what is without attack, clean or corrupted, is taken in any case."""
    space: str | None = None
    """Name of the space or, where it has settings that differ, its key with them."""

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def means(self, key: str) -> bool:
        """Whether a space of this key is meant."""
        wanted = self.space
        if isinstance(wanted, str) and ":" in wanted:  # perhaps not with all settings, or in another order
            wanted = space_of(parse_key(wanted)).key
        return wanted in (None, key, parse_key(key)["name"])

    def of(self, records: Iterable[Record], recipes: Recipes) -> list[Record]:
        """The records that are meant.

        Args:
            records: all.
            recipes: what is known of them.

        Raises:
            InputError: no record is meant, or a beginning fits several hashes; the text lists what there is.
        """
        found = list(records) if self.space is None else self._of_space(list(records))
        for part in PARTS:
            wanted = getattr(self, part)
            if wanted is not None:
                found = _take(part, wanted, found, recipes)
        return found

    def among_curves(self, curves: list[Curve]) -> list[Curve]:
        """Those that are meant, where curves of one metric differ in what is chosen; else all.

        They may rest on other images and attacks than the records at the end of the same trainings.
        """
        for part in ("images", *_OF_ATTACKS):
            wanted = getattr(self, part)
            if wanted is not None:
                curves = [curve for curve in curves if _fits(part, value_of(curve, part), wanted)] or curves
        return curves

    def _of_space(self, records: list[Record]) -> list[Record]:
        meant = self.spaces({record.space for record in records})
        return [record for record in records if record.space in meant]

    def spaces(self, known: Iterable[str]) -> list[str]:
        """The keys of spaces that are meant.

        Raises:
            InputError: there are some, of which none is.
        """
        keys = sorted(known)
        meant = list(filter(self.means, keys))
        if keys and not meant:
            raise InputError("space", expected=f"one of {', '.join(keys)}", got=self.space)
        return meant


PARTS = tuple(field.name for field in fields(Choice) if field.name != "space")
"""In what records of one metric must not differ. Columns of several spaces stand side by side."""


@final
@dataclass(frozen=True)
class Ambiguity:
    """Why records make no column: they differ where all of them must be equal."""

    part: str
    """Field of `Choice` that tells them apart."""
    choices: tuple[str, ...]
    """What it may be."""
    shown: tuple[str, ...]
    """The same for people."""
    told: str = ""
    """In what they differ, of recipes."""

    def error(self, what: str) -> InputError:
        """What to say to those who ask for the column."""
        option, first = self.part.replace("_", "-"), self.choices[0]
        quoted = first if self.part in ("images", "attack_seed") else repr(first)
        return InputError(
            what,
            expected=f"records of one {_WORDS.get(self.part, self.part)}",
            got=Verbatim(", ".join(self.shown) + (f", which differ in {self.told}" if self.told else "")),
            remedy=f"choose one: --{option} {first} on the command line, {self.part}={quoted} in Python",
        )


def value_of(record: Record | Curve, part: str) -> Any:
    """What a record has under a field of `Choice`."""
    return getattr(record, _FIELDS.get(part, part))


def ambiguity(records: Sequence[Record] | Sequence[Curve], recipes: Recipes) -> Ambiguity | None:
    """In what the records of one metric on one split of one data set differ, if in anything."""
    for part in PARTS:
        values = sorted({value_of(record, part) for record in records})
        if len(values) > 1 and (part != "attack_seed" or _contradict(records)):
            return Ambiguity(
                part,
                tuple(_shortest(value, values) for value in values),
                tuple(_shown(value, values, recipes) for value in values),
                recipes.differences(values) if part == "recipe" else "",
            )
    return None


def _contradict(records: Sequence[Record] | Sequence[Curve]) -> bool:
    """Whether a training has several values; each training may well have an attack seed of its own."""
    return len({(record.architecture, record.seed) for record in records}) < len(
        {(record.architecture, record.seed, record.attack_seed) for record in records}
    )


def _take(part: str, wanted: object, records: list[Record], recipes: Recipes) -> list[Record]:
    known = sorted({value_of(r, part) for r in records if not _in_any_case(r, part)})
    if part in _FIELDS:
        meant = [value for value in known if recipes.names.get(value) == wanted] if part == "recipe" else []
        if not meant and isinstance(wanted, str) and wanted:
            meant = [value for value in known if value.startswith(wanted)]
    else:
        meant = [value for value in known if is_number(wanted) and value == wanted]
    if len(meant) != 1 and not (part == "recipe" and meant and recipes.differ_by_beta(meant)):
        what = "name or beginning of one hash" if part == "recipe" else "beginning of one hash"
        raise InputError(
            part.replace("_", " "),
            expected=f"{f'the {what} among' if part in _FIELDS else 'one of'} "
            + (", ".join(_shown(value, known, recipes) for value in known) or "none"),
            got=wanted,
        )
    return [record for record in records if value_of(record, part) in meant or _in_any_case(record, part)]


def _in_any_case(record: Record, part: str) -> bool:
    """Whether records of its metric do not have this part: without attack, or, of seeds, corrupted images."""
    if part not in _OF_ATTACKS or record.metric == "clean":
        return part in _OF_ATTACKS
    return part == "attack_seed" and Metric.parse(record.metric).kind == "corruption"


def _fits(part: str, value: Any, wanted: Any) -> bool:
    """Whether a value is the one that is wanted or, of a hash, begins so."""
    return str(value).startswith(str(wanted)) if part in _FIELDS else bool(value == wanted)


def _shortest(value: Any, known: Sequence[Any]) -> str:
    """The beginning of a hash that no other one shares; a number as it is."""
    text = str(value)
    for length in range(_SHORT, len(text)):
        if sum(str(other).startswith(text[:length]) for other in known) == 1:
            return text[:length]
    return text


def _shown(value: Any, known: Sequence[Any], recipes: Recipes) -> str:
    name = recipes.names.get(value)
    return _shortest(value, known) + (f" ({name})" if name else "")
