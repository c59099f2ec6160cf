"""A search space as a value: its genes, and everything that follows from them."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys, content_hash
from robnas.errors import InputError, Verbatim
from robnas.spaces._architecture import Architecture, GeneArchitecture
from robnas.spaces._gene import Gene, GeneValue
from robnas.spaces._owners import of_another_space
from robnas.types import check_count

Matrix = npt.NDArray[np.float64]
MOST_LISTED = 1_000_000
"""Architectures up to which a whole space is written out where that is needed."""
_NAME = re.compile(r"[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*")
_LONGEST = 2_000  # characters of a text that is asked for


class Space:
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
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError("space name", expected="letters and digits, with single hyphens between", got=name)
        if not isinstance(genes, Sequence) or not all(isinstance(gene, Gene) for gene in genes):
            raise InputError(f"genes of space {name}", expected="a tuple of Gene", got=genes)
        if not genes:
            raise InputError(f"genes of space {name}", expected="at least one", got=Verbatim("none"))
        names = [gene.name for gene in genes]
        if doubled := [gene for gene in names if names.count(gene) > 1]:
            raise InputError(f"genes of space {name}", expected="each name once", got=doubled[0])
        if build is not None and not callable(build):
            raise InputError(f"build of space {name}", expected="a function that returns a network", got=build)
        self._name, self._genes, self._build = name, tuple(genes), build
        longest = sum(len(max(pieces, key=len)) + 1 for pieces in self._pieces) - 1
        if longest > _LONGEST and type(self).at is Space.at:  # no file would hold them, and `parse` not read them
            expected, got = f"texts of architectures of at most {_LONGEST:,} characters", Verbatim(f"{longest:,}")
            remedy = "shorten the names of the genes and their choices"
            raise InputError(f"genes of space {name}", expected=expected, got=got, remedy=remedy)

    @cached_property
    def _pieces(self) -> tuple[tuple[str, ...], ...]:
        """``gene=value`` of each choice of each gene."""
        return tuple(tuple(f"{gene.name}={text}" for text in gene.texts) for gene in self.genes)

    # what it is

    @property
    def name(self) -> str:
        """What files, tables and stores call it."""
        return self._name

    @property
    def genes(self) -> tuple[Gene, ...]:
        """What there is to choose, in the order of the text."""
        return self._genes

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
        """By its name, if its `build` is one that cannot be pickled; it has to be registered where it arrives, too."""
        if "<" not in getattr(self._build, "__qualname__", ""):
            return super().__reduce_ex__(protocol)
        return _registered, (self.to_dict(),)

    def __repr__(self) -> str:
        return f"Space({self.key!r}, {len(self.genes)} genes, {self.size_text})"

    # texts

    def parse(self, given: object) -> Architecture:
        """The architecture of a text, or of anything else that names one: a mapping of genes, the architecture itself.

        Raises:
            InputError: it names none of this space; the text says which gene is wrong, or whose text it is.
        """
        if isinstance(given, Architecture):
            if given not in self:
                got = Verbatim(f"{given}, which has other genes")
                error = InputError("architecture", expected=f"one of space {self.name}", got=got)
                raise of_another_space(given, self.name) or error
            return given
        if isinstance(given, Mapping):
            return self.from_genes(given)
        if not isinstance(given, str):
            raise InputError("architecture", expected=f"a text such as {self.example}", got=given)
        if len(given) > _LONGEST:
            got = Verbatim(f"{len(given):,} characters")
            raise InputError("architecture", expected=f"at most {_LONGEST:,} characters", got=got)
        return self._parse_text(given.strip())

    def reads(self, text: str) -> bool:
        """Whether a text names an architecture of this space."""
        positions, at = self._read(text.strip())
        return len(positions) == len(self.genes) and at == len(text.strip())

    def _parse_text(self, text: str) -> Architecture:
        positions, at = self._read(text)
        if len(positions) < len(self.genes):
            raise self._unreadable(text, at, self.genes[len(positions)], first=not positions)
        if at < len(text):
            what = f"architecture of space {self.name}, character {at + 1}"
            raise InputError(what, expected="the end", got=text[at : at + 40])
        return self.at(positions)

    def _read(self, text: str) -> tuple[list[int], int]:
        """Places of the choices that a text begins with, and where reading ended."""
        positions: list[int] = []
        at = 0
        for gene in self.genes:
            start = f"{',' if positions else ''}{gene.name}="
            if not text.startswith(start, at):
                break
            after = text[at + len(start) :]
            fitting = [place for place, written in enumerate(gene.texts) if _begins(after, written)]
            if not fitting:
                break
            positions.append(fitting[0])
            at += len(start) + len(gene.texts[fitting[0]])
        return positions, at

    def _unreadable(self, text: str, at: int, gene: Gene, *, first: bool) -> InputError:
        if error := of_another_space(text, self.name):
            return error
        start = f"{'' if first else ','}{gene.name}="
        if text.startswith(start, at):
            got = text[at + len(start) :].partition(",")[0]
            return InputError(f"gene {gene.name}", expected=f"one of {', '.join(gene.texts)}", got=got)
        return InputError(
            f"architecture of space {self.name}, character {at + 1}",
            expected=start,
            got=text[at : at + 40] or Verbatim("the end"),
            remedy=f"it is written like {self.example}",
        )

    @property
    def example(self) -> str:
        """The text of the first architecture."""
        return self.at([0] * len(self.genes)).text

    def from_genes(self, values: Mapping[str, GeneValue]) -> Architecture:
        """The architecture with these values.

        Raises:
            InputError: a gene is unknown or missing, or a value is none of its choices.
        """
        if not isinstance(values, Mapping):
            raise InputError("genes", expected="a mapping of names to values", got=values)
        names = [gene.name for gene in self.genes]
        check_keys(f"gene of space {self.name}", values, names)
        if missing := [name for name in names if name not in values]:
            raise InputError(f"genes of space {self.name}", expected=", ".join(names), got=Verbatim(f"no {missing[0]}"))
        return self.at([gene.position(values[gene.name]) for gene in self.genes])

    def at(self, positions: Sequence[int]) -> Architecture:
        """The architecture at these places among the choices of each gene; they are not checked."""
        values = {gene.name: gene.choices[p] for gene, p in zip(self.genes, positions, strict=True)}
        return GeneArchitecture(self.name, tuple(positions), self._written(positions), values)

    def _written(self, positions: Sequence[int]) -> str:
        return ",".join([pieces[p] for pieces, p in zip(self._pieces, positions, strict=True)])

    def positions(self, arch: Architecture) -> tuple[int, ...]:
        """Place of each gene's value among its choices.

        Raises:
            InputError: `arch` is of another space.
        """
        if isinstance(arch, GeneArchitecture) and arch.space == self.name and self._made(arch):
            return arch.positions
        self.parse(arch)
        return tuple(gene.position(value) for gene, value in zip(self.genes, arch.genes.values(), strict=True))

    def _made(self, arch: GeneArchitecture) -> bool:
        """Whether this space made it, and not one of the same name with other genes."""
        try:
            return self._written(arch.positions) == arch.text
        except (IndexError, ValueError):
            return False

    def __contains__(self, arch: object) -> bool:
        if not isinstance(arch, Architecture) or arch.space != self.name or len(arch.genes) != len(self.genes):
            return False
        try:
            return self.from_genes(arch.genes).text == arch.text
        except InputError:
            return False

    # counting

    @cached_property
    def size(self) -> int | None:
        """Number of architectures; None if there is no end of them."""
        return math.prod(map(len, self.genes))

    @property
    def size_text(self) -> str:
        """The size for people: ``24 architectures``."""
        return f"{'no end of' if self.size is None else _large(self.size)} architectures"

    @property
    def listable(self) -> bool:
        """Whether the whole space may be written out: it has at most 1,000,000 architectures."""
        return self.size is not None and self.size <= MOST_LISTED

    def check_listable(self, why: str) -> int:
        """The size; raise `InputError`, which says `why` it is needed, where the whole space cannot be written out."""
        if self.size is None or self.size > MOST_LISTED:
            got = Verbatim("no end" if self.size is None else _large(self.size))
            remedy = "sample it"
            raise InputError(
                f"space {self.name}, {why}", expected=f"at most {MOST_LISTED:,} architectures", got=got, remedy=remedy
            )
        return self.size

    def index_of(self, arch: Architecture) -> int:
        """Number of an architecture, 0 … size − 1: the last gene changes first.

        Raises:
            InputError: `arch` is not in the space, or the space has no end.
        """
        self._check_finite()
        index = 0
        for gene, position in zip(self.genes, self.positions(arch), strict=True):
            index = index * len(gene) + position
        return index

    def from_index(self, index: int) -> Architecture:
        """The architecture that has this number.

        Raises:
            InputError: there is none.
        """
        size = self._check_finite()
        if not isinstance(index, int | np.integer) or isinstance(index, bool) or not 0 <= index < size:
            raise InputError("index", expected=f"a number from 0 to {size - 1}", got=index)
        index, positions = int(index), []
        for gene in reversed(self.genes):
            index, position = divmod(index, len(gene))
            positions.append(position)
        return self.at(positions[::-1])

    def _check_finite(self) -> int:
        if self.size is None:
            raise InputError(f"index in space {self.name}", expected="a space that ends", got=Verbatim("no end"))
        return self.size

    def __len__(self) -> int:
        if (size := self._check_finite()) > sys.maxsize:  # where Python's len ends; `size` does not
            self.check_listable("its length")
        return size

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Architecture]:
        """All architectures, by number."""
        return (self.from_index(index) for index in range(self._check_finite()))

    # drawing and changing

    def random(self, rng: np.random.Generator) -> Architecture:
        """One architecture, drawn uniformly."""
        return self.at([int(rng.integers(len(gene))) for gene in self.genes])

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        """Architectures drawn uniformly, without replacement.

        Raises:
            InputError: more than there are.
        """
        size = self.size
        check_count("sample count", count, 0)
        if size is not None and count > size:
            raise InputError("sample count", expected=f"at most {size}", got=count)
        if size is not None and 4 * count > size:
            return [self.from_index(int(index)) for index in rng.choice(size, size=count, replace=False)]
        drawn: dict[Architecture, None] = {}
        while len(drawn) < count:
            drawn[self.random(rng)] = None
        return list(drawn)

    def neighbours(self, arch: Architecture) -> tuple[Architecture, ...]:
        """Those that differ in one gene.

        Raises:
            InputError: `arch` is not in the space.
        """
        here = self.positions(arch)
        return tuple(
            self.at([*here[:place], other, *here[place + 1 :]])
            for place, gene in enumerate(self.genes)
            for other in range(len(gene))
            if other != here[place]
        )

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """One of the neighbours, drawn uniformly; `arch` itself where there is none."""
        here = list(self.positions(arch))
        left = sum(len(gene) - 1 for gene in self.genes)
        if not left:
            return arch
        chosen = int(rng.integers(left))
        for place, gene in enumerate(self.genes):
            if chosen < len(gene) - 1:
                here[place] = chosen + (chosen >= here[place])
                return self.at(here)
            chosen -= len(gene) - 1
        raise AssertionError("one of the genes is chosen")

    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        """A child whose value of each gene comes from either parent with probability ½ (uniform crossover)."""
        picks = rng.integers(2, size=len(self.genes)).tolist()
        pairs = zip(self.positions(first), self.positions(second), picks, strict=True)
        return self.at([b if pick else a for a, b, pick in pairs])

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


def _registered(facts: Mapping[str, Any]) -> Space:
    from robnas.spaces._spaces import space_of

    return space_of(facts)


def _begins(text: str, written: str) -> bool:
    """Whether `text` begins with a written value that ends there."""
    return text.startswith(written) and text[len(written) : len(written) + 1] in ("", ",")


def _large(number: int) -> str:
    return f"{number:,}" if number < 10**12 else f"about 10^{round(math.log10(number))}"
