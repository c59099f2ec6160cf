"""A search space as a value: its genes, and everything that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys, content_hash
from robnas.errors import InputError, Verbatim
from robnas.spaces._architecture import Architecture
from robnas.spaces._combinations import Combinations
from robnas.spaces._gene import Gene

Matrix = npt.NDArray[np.float64]


class Space(Combinations):
    """A set of architectures: all combinations of the choices of its genes.

    Everything else has a default made from the genes; a subclass overrides what it knows better. A space is a value:
    two are equal if name, genes and settings are.

    Args:
        name: what files, tables and stores call it.
        genes: what there is to choose, in the order of the text.
        build: ``build(genes, *, in_channels, num_classes, image_size)`` returns an untrained ``nn.Module`` on pixels in
            [0, 1], where `genes` is a mapping of names to values; without one nothing can be trained.

    Raises:
        InputError: an empty name, no genes, doubled names of genes, or a `build` that cannot be called.
    """

    def __init__(self, name: str, *, genes: Sequence[Gene], build: Callable[..., Any] | None = None) -> None:
        super().__init__(name, genes)
        if build is not None and not callable(build):
            raise InputError(f"build of space {name}", expected="a function that returns a network", got=build)
        self._build = build

    # what it is

    @property
    def build(self) -> Callable[..., Any] | None:
        """Makes the network of an architecture's genes; None where `robnas.networks` has the builder, or nobody."""
        return self._build

    @property
    def settings(self) -> Mapping[str, Any]:
        """What is the same for all architectures and part of the space's identity, such as the size of a skeleton."""
        return {}

    def configure(self, **settings: Any) -> Space:
        """This space with other settings; a space that has some overrides this.

        Raises:
            InputError: it has no such setting, or the value is wrong.
        """
        self._check_settings(settings)
        if other := [name for name, value in settings.items() if value != self.settings[name]]:
            expected, got = f"{self.settings[other[0]]}, because its class has no method configure", settings[other[0]]
            raise InputError(f"{other[0]} of space {self.name}", expected=expected, got=got)
        return self

    def _check_settings(self, settings: Mapping[str, Any]) -> None:
        if settings and not self.settings:
            got = Verbatim(", ".join(settings))
            raise InputError(f"settings of space {self.name}", expected="none, because it has none", got=got)
        check_keys(f"setting of space {self.name}", settings, self.settings)

    def for_recipe(self, recipe: str) -> Space:
        """This space with the settings that belong to a recipe of this name, where it knows any."""
        return self

    @property
    def settings_text(self) -> str:
        """The settings as people read them, ``depth = 3, width = 8``; empty where there are none."""
        return self.key.partition(":")[2].replace(",", ", ").replace("=", " = ")

    @property
    def key(self) -> str:
        """Name and settings in one text: ``nas-bench-201:channels=16,cells=5``; the name where there are none."""
        written = ",".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.name}:{written}" if written else self.name

    def to_dict(self) -> dict[str, Any]:
        """``{"name": …}`` and the settings, for files; `space` reads it back."""
        return {"name": self.name, **self.settings}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with name, genes and choices, and not with settings."""
        return content_hash({"name": self.name, "genes": [[gene.name, *gene.texts] for gene in self.genes]})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        if (self.name, self.genes, self.settings) != (other.name, other.genes, other.settings):
            return False
        return self is other or self.fingerprint == other.fingerprint  # 1, 1.0 and True are one value to Python only

    def __hash__(self) -> int:
        return hash((self.name, self.genes))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """By its name, if it is registered and its `build` cannot be pickled; it has to be where it arrives, too."""
        if "<" in getattr(self._build, "__qualname__", "") and _is_registered(self):
            return _registered, (self.to_dict(),)
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return f"Space({self.key!r}, {len(self.genes)} genes, {self.size_text})"

    # vectors for predictors

    @property
    def encodings(self) -> Mapping[str, Callable[[Sequence[Architecture]], Matrix]]:
        """Ways to write architectures as vectors, by name; the first is the one that predictors use unless told."""
        return {"one-hot": self._one_hot}

    def encode(self, architectures: Sequence[Architecture], encoding: str | None = None) -> Matrix:
        """Rows for a predictor, shape (architectures, features).

        Args:
            architectures: of this space.
            encoding: a key of `encodings`, the first if omitted.

        Raises:
            InputError: there is no such encoding.
        """
        encodings = self.encodings
        name = next(iter(encodings)) if encoding is None else encoding
        check_keys(f"encoding of space {self.name}", [name], encodings)
        return encodings[name](architectures)

    def position_array(self, architectures: Sequence[Architecture]) -> npt.NDArray[np.int64]:
        """`positions` of many, shape (architectures, genes).

        Raises:
            InputError: one is of another space, or has another number of genes than the space.
        """
        found = [self.positions(arch) for arch in architectures]
        if odd := [len(places) for places in found if len(places) != len(self.genes)]:
            remedy = "a space whose architectures have more or fewer overrides position_array and encodings"
            expected, got = f"{len(self.genes)}, one per gene", Verbatim(str(odd[0]))
            raise InputError(f"positions in space {self.name}", expected=expected, got=got, remedy=remedy)
        return np.array(found, dtype=np.int64).reshape(len(found), len(self.genes))

    def _one_hot(self, architectures: Sequence[Architecture]) -> Matrix:
        places = self.position_array(architectures)
        columns = [places[:, [column]] == np.arange(len(gene)) for column, gene in enumerate(self.genes)]
        return np.concatenate(columns, axis=1).astype(np.float64)

    # classes of architectures that are the same network

    @property
    def partitions(self) -> tuple[str, ...]:
        """Names of the partitions that `partition` knows."""
        return ()

    def partition(self, name: str) -> Any:
        """Which architectures are the same network.

        Raises:
            InputError: the space has no such partition.
        """
        known = f"one of {', '.join(self.partitions)}" if self.partitions else f"none, space {self.name} has none"
        raise InputError("partition", expected=known, got=name)

    def versioned(self, name: str, version: int | None = None) -> str:
        """The one name of a partition, which also tells the version where that is an earlier one.

        Raises:
            InputError: the space has no such partition, or it has no such version.
        """
        if name not in self.partitions:
            self.partition(name)
        if version not in (None, 1):
            raise InputError(f"version of partition {name}", expected="1, the only one", got=version)
        return name

    def partition_facts(self, name: str | None) -> dict[str, Any]:
        """What a file says of a partition: its name, and its version where that is not 1."""
        return {"partition": name}

    def partition_of(self, facts: Mapping[str, Any]) -> str | None:
        """The partition that a file names, in the version that it names; 1 where it names none.

        Raises:
            InputError: the space has no such partition, or it has no such version.
        """
        name = facts.get("partition")
        return None if name is None else self.versioned(name, facts.get("partition_version", 1))

    # for files and people

    numbered: ClassVar[bool] = False
    """Whether files may write numbers instead of texts, because the order of the architectures never changes."""

    def spellings(self, arch: Architecture) -> Mapping[str, str]:
        """Other texts by which `arch` is known, by the name of the form."""
        return {}

    forms: ClassVar[str] = ""
    """In which other forms than the text people may write an architecture, in words."""

    def facts(self, arch: Architecture) -> Mapping[str, Any]:
        """What else there is to say of `arch`, as plain values by name."""
        return self.spellings(arch)

    parts_unused: ClassVar[bool] = False
    """Whether networks may have parts that lead nowhere, which ``networks.count(…, live=True)`` leaves out."""

    step: ClassVar[str] = "gene"
    """In one of what `neighbours` differ."""

    families: ClassVar[tuple[str, ...]] = ()
    """Kinds of architectures that pictures tell apart, by name; where there are none they take a gene's choices."""

    def family(self, arch: Architecture) -> int:
        """Place of an architecture among `families`.

        Raises:
            InputError: the space tells no families apart.
        """
        raise InputError("families", expected="a space that has some", got=self.name)

    def draw(self, arch: Architecture) -> str:
        """The architecture as text for people: a line per gene."""
        self.parse(arch)
        width = max(len(gene.name) for gene in self.genes)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in arch.genes.items())


def _is_registered(space: Space) -> bool:
    from robnas.spaces._spaces import SPACES

    return space.name in SPACES and SPACES[space.name].build is space.build


def _registered(facts: Mapping[str, Any]) -> Space:
    from robnas.spaces._spaces import space_of

    return space_of(facts)
