"""All combinations of the choices of some genes: their texts, their numbers, and how to draw them."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.spaces._architecture import Architecture, GeneArchitecture
from robnas.spaces._gene import Gene, GeneValue
from robnas.spaces._owners import of_another_space
from robnas.types import check_count

MOST_LISTED = 1_000_000
"""Architectures up to which a whole space is written out where that is needed."""
_NAME = re.compile(r"[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*")
_LONGEST = 2_000  # characters of a text that is asked for


class Combinations:
    """What `Space` knows of its architectures without building or grouping them; its arguments are said there."""

    def __init__(self, name: str, genes: Sequence[Gene]) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError("space name", expected="letters and digits, with single hyphens between", got=name)
        if not isinstance(genes, Sequence) or not all(isinstance(gene, Gene) for gene in genes):
            raise InputError(f"genes of space {name}", expected="a tuple of Gene", got=genes)
        if not genes:
            raise InputError(f"genes of space {name}", expected="at least one", got=Verbatim("none"))
        names = [gene.name for gene in genes]
        if doubled := [gene for gene in names if names.count(gene) > 1]:
            raise InputError(f"genes of space {name}", expected="each name once", got=doubled[0])
        self._name, self._genes = name, tuple(genes)
        longest = sum(len(max(pieces, key=len)) + 1 for pieces in self._pieces) - 1
        if longest > _LONGEST and type(self).at is Combinations.at:  # `parse` would not read them back
            expected, got = f"texts of architectures of at most {_LONGEST:,} characters", Verbatim(f"{longest:,}")
            remedy = "shorten the names of the genes and their choices"
            raise InputError(f"genes of space {name}", expected=expected, got=got, remedy=remedy)

    @property
    def name(self) -> str:
        """What files, tables and stores call it."""
        return self._name

    @property
    def genes(self) -> tuple[Gene, ...]:
        """What there is to choose, in the order of the text."""
        return self._genes

    @cached_property
    def _pieces(self) -> tuple[tuple[str, ...], ...]:
        """``gene=value`` of each choice of each gene."""
        return tuple(tuple(f"{gene.name}={text}" for text in gene.texts) for gene in self.genes)

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


def _begins(text: str, written: str) -> bool:
    """Whether `text` begins with a written value that ends there."""
    return text.startswith(written) and text[len(written) : len(written) + 1] in ("", ",")


def _large(number: int) -> str:
    return f"{number:,}" if number < 10**12 else f"about 10^{round(math.log10(number))}"
