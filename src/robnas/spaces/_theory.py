"""The search space of the theory: residual networks of varying activation, skips and filter size, as values."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.types import check_count

Activation = Literal["relu", "leaky-relu", "tanh", "sigmoid", "silu", "gelu", "erf"]
Readout = Literal["flat", "pool"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
READOUTS: tuple[Readout, ...] = get_args(Readout)
LEAKY_SLOPE = 0.01
"""Negative slope of ``leaky-relu``, PyTorch's default."""
_FORM = re.compile(r"(?:fc|conv(\d+)-(flat|pool)):([a-z,\-]+):([01]+)")
_EXAMPLE = "fc:relu,tanh,relu:10 or conv3-flat:relu,relu:1"


@dataclass(frozen=True, order=True, repr=False)
class TheoryArchitecture:
    """A residual network of depth L ≥ 3 with one output (Wu et al. 2024, Eq. 1 and 2).

    Layers 1 … L−1 have an activation each, the read-out is linear. Written ``fc:relu,tanh,relu:10`` for a fully
    connected one with L = 4, ``conv3-flat:relu,relu:1`` for a convolutional one with filter size 3.

    Raises:
        InputError: fewer than two activations or an unknown one, a wrong number of skips, an even filter size.
    """

    activations: tuple[Activation, ...]
    """σ₁ … σ_{L−1}."""
    skips: tuple[int, ...]
    """α₁ … α_{L−2}, 0 or 1: whether layer l+1 adds the output of layer l."""
    kernel_size: int = 0
    """Filter size κ, odd; 0 for a fully connected network."""
    readout: Readout = "flat"
    """``flat``: an own weight per pixel, the paper's; ``pool``: the mean over pixels first. No choice if fully
    connected."""

    def __post_init__(self) -> None:
        check_keys("activation", self.activations, ACTIVATIONS)
        check_keys("read-out", [self.readout], READOUTS)
        if len(self.activations) < 2:
            got = Verbatim(str(len(self.activations)))
            raise InputError("activations", expected="at least 2, because the depth L is at least 3", got=got)
        if len(self.skips) != len(self.activations) - 1 or not all(skip in (0, 1) for skip in self.skips):
            expected = f"{len(self.activations) - 1} digits 0 or 1, one fewer than activations"
            raise InputError("skips", expected=expected, got=Verbatim("".join(map(str, self.skips)) or "none"))
        if check_count("filter size", self.kernel_size, 0) % 2 == 0 and self.kernel_size:
            raise InputError("filter size", expected="an odd number, so that it has a centre", got=self.kernel_size)
        if not self.kernel_size and self.readout != "flat":
            raise InputError("read-out", expected="flat for a fully connected network", got=self.readout)

    @classmethod
    def parse(cls, text: str) -> TheoryArchitecture:
        """The architecture of its text.

        Raises:
            InputError: it is malformed.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise InputError("architecture of the theory space", expected=f"such as {_EXAMPLE}", got=text)
        size, readout, activations, skips = match.groups()
        return cls(
            tuple(activations.split(",")),  # type: ignore[arg-type]
            tuple(int(digit) for digit in skips),
            int(size or 0),
            readout or "flat",  # type: ignore[arg-type]
        )

    def __str__(self) -> str:
        kind = f"conv{self.kernel_size}-{self.readout}" if self.kernel_size else "fc"
        return f"{kind}:{','.join(self.activations)}:{''.join(map(str, self.skips))}"

    def __repr__(self) -> str:
        return f"TheoryArchitecture.parse({str(self)!r})"

    @property
    def depth(self) -> int:
        """L, the number of weight layers, read-out included."""
        return len(self.activations) + 1

    @property
    def convolutional(self) -> bool:
        """Whether the layers are convolutions."""
        return self.kernel_size > 0


@dataclass(frozen=True)
class TheorySpace:
    """All architectures of one depth: each layer's activation and skip, and the filter size, are free.

    It has the methods of a space that search algorithms call, so any of them runs on it by ``ask`` and ``tell``.

    Raises:
        InputError: a depth below 3, an empty or repeated choice.
    """

    depth: int
    """L."""
    activations: tuple[Activation, ...] = ("relu", "leaky-relu", "tanh", "sigmoid", "silu", "gelu", "erf")
    """Choices for each layer."""
    kernel_sizes: tuple[int, ...] = (0,)
    """Choices of the filter size; 0 stands for fully connected."""
    readout: Readout = "flat"
    """Of the convolutional architectures."""
    objectives: int = field(default=1, kw_only=True)
    """Values per answer, for search algorithms."""

    def __post_init__(self) -> None:
        check_count("depth", self.depth, 3)
        for what, choices in (("activations", self.activations), ("filter sizes", self.kernel_sizes)):
            if not choices or len(set(choices)) != len(choices):
                raise InputError(what, expected="at least one, none twice", got=choices)
        self.from_index(self.size - 1)  # checks the choices themselves

    @property
    def size(self) -> int:
        """Number of architectures."""
        return math.prod(self._bases)

    @property
    def _bases(self) -> tuple[int, ...]:
        """Choices per position: filter size, activations, skips."""
        layers = self.depth - 1
        return (len(self.kernel_sizes), *(len(self.activations),) * layers, *(2,) * (layers - 1))

    def from_index(self, index: int) -> TheoryArchitecture:
        """The architecture at `index` (0 … size − 1).

        Raises:
            InputError: there is none.
        """
        if not 0 <= index < self.size:
            raise InputError("index", expected=f"a number from 0 to {self.size - 1}", got=index)
        digits: list[int] = []
        for base in reversed(self._bases):
            index, digit = divmod(index, base)
            digits.insert(0, digit)
        return self._from_digits(digits)

    def _from_digits(self, digits: list[int]) -> TheoryArchitecture:
        layers, kernel_size = self.depth - 1, self.kernel_sizes[digits[0]]
        return TheoryArchitecture(
            tuple(self.activations[digit] for digit in digits[1 : layers + 1]),
            tuple(digits[layers + 1 :]),
            kernel_size,
            self.readout if kernel_size else "flat",
        )

    def _digits(self, arch: TheoryArchitecture) -> list[int]:
        chosen = [self.activations.index(name) for name in arch.activations]
        return [self.kernel_sizes.index(arch.kernel_size), *chosen, *arch.skips]

    def __contains__(self, arch: object) -> bool:
        return (
            isinstance(arch, TheoryArchitecture)
            and arch.depth == self.depth
            and set(arch.activations) <= set(self.activations)
            and arch.kernel_size in self.kernel_sizes
            and arch.readout == (self.readout if arch.kernel_size else "flat")
        )

    def __len__(self) -> int:
        return self.size  # Python's len ends at 2⁶³, which depth 20 exceeds; `size` does not

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: int) -> TheoryArchitecture:
        return self.from_index(index)

    def __iter__(self) -> Iterator[TheoryArchitecture]:
        """All architectures, by index."""
        return (self.from_index(index) for index in range(self.size))

    @property
    def architectures(self) -> TheorySpace:
        """All architectures, made when asked for."""
        return self

    representatives = architectures

    def index_of(self, arch: TheoryArchitecture) -> int:
        """The number that `from_index` takes.

        Raises:
            InputError: `arch` is not in the space.
        """
        if arch not in self:
            raise InputError("architecture", expected=f"one of depth {self.depth} in the space", got=Verbatim(arch))
        index = 0
        for digit, base in zip(self._digits(arch), self._bases, strict=True):
            index = index * base + digit
        return index

    class_of = index_of

    def neighbours(self, arch: TheoryArchitecture) -> tuple[TheoryArchitecture, ...]:
        """Those that differ in one activation, one skip, or the filter size.

        Raises:
            InputError: `arch` is not in the space.
        """
        self.index_of(arch)
        digits = self._digits(arch)
        return tuple(
            self._from_digits([*digits[:place], other, *digits[place + 1 :]])
            for place, base in enumerate(self._bases)
            for other in range(base)
            if other != digits[place]
        )

    def random(self, rng: np.random.Generator) -> TheoryArchitecture:
        """One architecture, drawn uniformly."""
        return self._from_digits([int(rng.integers(base)) for base in self._bases])

    def sample(self, rng: np.random.Generator, count: int) -> list[TheoryArchitecture]:
        """Architectures drawn uniformly, without replacement.

        Raises:
            InputError: more than there are.
        """
        if check_count("sample count", count, 0) > self.size:
            raise InputError("sample count", expected=f"at most {self.size}", got=count)
        if 4 * count > self.size:
            return [self.from_index(int(index)) for index in rng.choice(self.size, size=count, replace=False)]
        drawn: dict[TheoryArchitecture, None] = {}
        while len(drawn) < count:
            drawn[self.random(rng)] = None
        return list(drawn)

    def mutate(self, arch: TheoryArchitecture, rng: np.random.Generator) -> TheoryArchitecture:
        """One of the neighbours, drawn uniformly; `arch` itself where there is none."""
        near = self.neighbours(arch)
        return near[int(rng.integers(len(near)))] if near else arch

    def fresh(self, taken: Container[int], rng: np.random.Generator, tries: int = 20) -> TheoryArchitecture | None:
        """A random architecture whose index is not in `taken`; None if there is none left."""
        for _ in range(tries):
            if self.index_of(arch := self.random(rng)) not in taken:
                return arch
        start = int(rng.integers(self.size))
        for step in range(self.size):
            if (index := (start + step) % self.size) not in taken:
                return self.from_index(index)
        return None
