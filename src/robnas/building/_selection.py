"""Which architectures and seeds a plan has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, architectures, partition, partition_facts, sample, versioned
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
    """Which architectures."""

    __repr__ = brief

    kind: Kind
    """``all`` 15,625; the ``representatives`` of a partition, one per class; a random ``sample``; a ``list``."""
    partition: str | None = None
    """For representatives, and for a sample of them."""
    partition_version: int | None = None
    """Of the partition; if omitted that with which a store has the plan already, else the present one."""
    count: int | None = None
    """For a sample."""
    seed: int | None = None
    """For a sample."""
    listed: tuple[str, ...] = ()
    """For a list: digit codes."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Selection:
        """The selection of a plan's ``[space]``.

        Raises:
            InputError: an unknown kind, an entry that it does not have, or one that is missing.
        """
        kind = values.get("kind")
        if kind not in tuple(_SPACE_KEYS):  # which an unhashable one may be asked for
            raise InputError("plan space kind", expected=f"one of {', '.join(_SPACE_KEYS)}", got=kind)
        given = {key: value for key, value in values.items() if key != "kind"}
        check_keys(f"plan space of kind {kind}", given, _SPACE_KEYS[kind])
        optional = {"partition_version", "partition" if kind == "sample" else ""}
        if missing := [key for key in _SPACE_KEYS[kind] if key not in given and key not in optional]:
            raise InputError(f"plan space of kind {kind}", expected=f"an entry {missing[0]}", got=Verbatim("none"))
        codes = sequence("plan space architectures", given.pop("architectures", []))
        listed = tuple(dict.fromkeys(Architecture(code).code for code in codes))
        for key in ("count", "seed"):
            if key in given:
                given[key] = check_count(f"plan space {key}", given[key], 0)
        if not isinstance(given.get("partition", ""), str):
            raise InputError("plan space partition", expected="the name of a partition", got=given["partition"])
        if "partition_version" in given and "partition" not in given:
            raise InputError("plan space partition_version", expected="a partition beside it", got=Verbatim("none"))
        return cls(kind=kind, listed=listed, **given)

    def to_dict(self) -> dict[str, Any]:
        """The entries of ``[space]``."""
        values = {"kind": self.kind, **{key: getattr(self, key, None) for key in _SPACE_KEYS[self.kind]}}
        if self.kind == "list":
            values["architectures"] = list(self.listed)
        return {key: value for key, value in values.items() if value is not None}

    @property
    def classes(self) -> str | None:
        """Name of the partition in its version, as `robnas.spaces.partition` takes it."""
        return None if self.partition is None else versioned(self.partition, self.partition_version)

    def facts(self) -> dict[str, Any]:
        """The same as a store keeps it: with the version of the partition, also 1 where that is an earlier one."""
        if self.classes is None:
            return self.to_dict()
        earlier = {"partition_version": 1} if "@" in self.classes else {}
        return self.to_dict() | earlier | partition_facts(self.classes)

    def architectures(self) -> tuple[Architecture, ...]:
        """The selected ones.

        Raises:
            InputError: none are selected, or the partition is unknown.
        """
        if self.kind == "all":
            found = tuple(architectures())
        elif self.kind == "representatives":
            found = partition(str(self.classes)).representatives()
        elif self.kind == "sample":
            found = tuple(sample(np.random.default_rng(self.seed), self.count or 0, self.classes))
        else:
            found = tuple(Architecture(code) for code in self.listed)
        if not found:
            raise InputError("plan space", expected="at least one architecture", got=Verbatim("none"))
        return found


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
