"""Which architectures and seeds a plan has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, space_of
from robnas.types import check_count, check_range

Kind = Literal["all", "representatives", "sample", "list"]
_SPACE_KEYS = {
    "all": (),
    "representatives": ("partition", "partition_version"),
    "sample": ("count", "seed", "partition", "partition_version"),
    "list": ("architectures",),
}


@final
@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which architectures of which space."""

    __repr__ = brief

    of: Space = field(default=None)  # type: ignore[assignment]
    """The space with its settings; if omitted the usual one, in a plan with the settings that belong to its recipe."""
    kind: Kind
    """``all``; the ``representatives`` of a partition, one per class; a random ``sample``; a ``list``."""
    partition: str | None = None
    """For representatives, and for a sample of them."""
    partition_version: int | None = None
    """Of the partition; if omitted that with which a store has the plan already, else the present one."""
    count: int | None = None
    """For a sample."""
    seed: int | None = None
    """For a sample."""
    listed: tuple[str, ...] = ()
    """For a list: their texts."""
    said: bool = field(default=True, repr=False, compare=False)
    """False where nobody has named space or settings."""

    def __post_init__(self) -> None:
        given: object = self.of
        if given is None:
            object.__setattr__(self, "of", space_of(None))
            object.__setattr__(self, "said", False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], recipe: str | None = None) -> Selection:
        """The selection of a plan's ``[space]``.

        Args:
            values: its entries.
            recipe: name of the preset to which the settings belong that are not said.

        Raises:
            InputError: an unknown space or kind, an entry that it does not have, or one that is missing.
        """
        space = space_of({"name": values["name"]} if "name" in values else None)
        if recipe is not None:
            space = space.for_recipe(recipe)
        settings = {key: values[key] for key in space.settings if key in values}
        space = space.configure(**settings)
        kind = values.get("kind")
        if kind not in tuple(_SPACE_KEYS):  # which an unhashable one may be asked for
            raise InputError("plan space kind", expected=f"one of {', '.join(_SPACE_KEYS)}", got=kind)
        given = {key: value for key, value in values.items() if key not in ("name", "kind", *settings)}
        check_keys(f"plan space of kind {kind}", given, (*_SPACE_KEYS[kind], "name", *space.settings))
        optional = {"partition_version", "partition" if kind == "sample" else ""}
        if missing := [key for key in _SPACE_KEYS[kind] if key not in given and key not in optional]:
            raise InputError(f"plan space of kind {kind}", expected=f"an entry {missing[0]}", got=Verbatim("none"))
        texts = sequence("plan space architectures", given.pop("architectures", []))
        listed = tuple(dict.fromkeys(space.parse(text).text for text in texts))
        for key in ("count", "seed"):
            if key in given:
                given[key] = check_count(f"plan space {key}", given[key], 0)
        if not isinstance(given.get("partition", ""), str):
            raise InputError("plan space partition", expected="the name of a partition", got=given["partition"])
        if "partition_version" in given and "partition" not in given:
            raise InputError("plan space partition_version", expected="a partition beside it", got=Verbatim("none"))
        return cls(of=space, kind=kind, listed=listed, **given)

    def to_dict(self) -> dict[str, Any]:
        """The entries of ``[space]``."""
        values = {
            **self.of.to_dict(),
            "kind": self.kind,
            **{key: getattr(self, key, None) for key in _SPACE_KEYS[self.kind]},
        }
        if self.kind == "list":
            values["architectures"] = list(self.listed)
        return {key: value for key, value in values.items() if value is not None}

    @property
    def classes(self) -> str | None:
        """Name of the partition in its version, as `Space.partition` takes it."""
        return None if self.partition is None else self.of.versioned(self.partition, self.partition_version)

    def facts(self) -> dict[str, Any]:
        """The same as a store keeps it: with the version of the partition, also 1 where that is an earlier one."""
        if self.classes is None:
            return self.to_dict()
        earlier = {"partition_version": 1} if "@" in self.classes else {}
        return self.to_dict() | earlier | self.of.partition_facts(self.classes)

    def architectures(self) -> tuple[Architecture, ...]:
        """The selected ones.

        Raises:
            InputError: none are selected, the partition is unknown, or there are too many.
        """
        found: Sequence[Architecture]
        if self.kind == "all":
            self.of.check_listable("all of it in a plan")
            found = tuple(self.of)
        elif self.kind == "representatives":
            found = self.of.partition(str(self.classes)).representatives()
        elif self.kind == "sample":
            found = self._sample(np.random.default_rng(self.seed), self.count or 0)
        else:
            found = [self.of.parse(text) for text in self.listed]
        if not found:
            raise InputError("plan space", expected="at least one architecture", got=Verbatim("none"))
        return tuple(found)

    def _sample(self, rng: np.random.Generator, count: int) -> Sequence[Architecture]:
        """Drawn from all, or one of each drawn class."""
        if self.classes is None:
            return self.of.sample(rng, count)
        some = self.of.partition(self.classes).representatives()
        check_range("sample count", count, 0, len(some))
        return [some[index] for index in rng.choice(len(some), size=count, replace=False)]


@final
@dataclass(frozen=True, kw_only=True)
class Extra:
    """More seeds for some of the plan's architectures."""

    __repr__ = brief

    count: int
    """How many, drawn at random."""
    seed: int
    """Of the drawing."""
    seeds: tuple[int, ...]
    """Of the trainings."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Extra:
        """The entries of one ``[[extra]]``."""
        check_keys("plan extra", table("plan extra", values), ("count", "seed", "seeds"))
        if "count" not in values:
            raise InputError("plan extra", expected="an entry count", got=Verbatim("none"))
        return cls(
            count=check_count("plan extra count", values["count"]),
            seed=check_count("plan extra seed", values.get("seed", 0), 0),
            seeds=seed_list("plan extra seeds", values.get("seeds", [])),
        )


def table(what: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(what, expected="a table", got=value)
    return value


def sequence(what: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise InputError(what, expected="a list", got=value)
    return value


def seed_list(what: str, value: Any) -> tuple[int, ...]:
    found = tuple(check_count(what, seed, 0) for seed in sequence(what, value))
    if not found or len(set(found)) < len(found):
        raise InputError(what, expected="at least one, each once", got=list(found))
    check_range(what, max(found), 0, 2**63 - 1)
    return found
