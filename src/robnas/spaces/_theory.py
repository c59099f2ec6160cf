"""The search space of the theory: residual networks of varying activation, skips and filter size, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.spaces._architecture import Architecture
from robnas.spaces._gene import Gene, GeneValue
from robnas.spaces._owners import of_another_space
from robnas.spaces._space import Space
from robnas.types import check_count

Activation = Literal[
    "relu", "leaky-relu", "tanh", "sigmoid", "silu", "gelu", "erf", "sin", "softplus", "elu", "identity"
]
Readout = Literal["flat", "pool"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
_USUAL: tuple[Activation, ...] = ACTIVATIONS[:7]  # more would change what the space is and what its seeds draw
READOUTS: tuple[Readout, ...] = get_args(Readout)
LEAKY_SLOPE = 0.01
"""Negative slope of ``leaky-relu``, PyTorch's default."""
NAME = "theory"
_FILTER = "filter_size"
_FORM = re.compile(r"(?:fc|conv(\d+)-(flat|pool)):([a-z,\-]+):([01]+)")
_DEEPEST = 1_000  # layers: what is more is a slip, or a file that means harm
_EXAMPLE = "fc:relu,tanh,relu:10 or conv3-flat:relu,relu:1"


@final
@dataclass(frozen=True, repr=False)
class TheoryArchitecture(Architecture):
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

    def _key(self) -> tuple[Any, ...]:
        return self.activations, self.skips, self.kernel_size, self.readout

    @property
    def space(self) -> str:
        """``theory``."""
        return NAME

    @property
    def genes(self) -> Mapping[str, GeneValue]:
        """Filter size, the activation of each layer and its skip."""
        return {
            _FILTER: self.kernel_size,
            **{f"activation_{layer}": name for layer, name in enumerate(self.activations, 1)},
            **{f"skip_{layer}": skip for layer, skip in enumerate(self.skips, 1)},
        }

    @property
    def text(self) -> str:
        """``fc:relu,tanh,relu:10``."""
        kind = f"conv{self.kernel_size}-{self.readout}" if self.kernel_size else "fc"
        return f"{kind}:{','.join(self.activations)}:{''.join(map(str, self.skips))}"

    def __repr__(self) -> str:
        return f"TheoryArchitecture.parse({self.text!r})"

    @property
    def depth(self) -> int:
        """L, the number of weight layers, read-out included."""
        return len(self.activations) + 1

    @property
    def convolutional(self) -> bool:
        """Whether the layers are convolutions."""
        return self.kernel_size > 0


@final
class TheorySpace(Space):
    """All architectures of one depth: each layer's activation and skip, and the filter size, are free.

    Args:
        depth: L, at least 3.
        activations: choices for each layer, of `ACTIVATIONS`; sin, softplus, elu and identity only if they are named.
        kernel_sizes: choices of the filter size; 0 stands for fully connected.
        readout: of the convolutional architectures.

    Raises:
        InputError: a depth below 3, an empty or repeated choice.
    """

    def __init__(
        self,
        depth: int = 4,
        activations: Sequence[Activation] = _USUAL,
        kernel_sizes: Sequence[int] = (0,),
        readout: Readout = "flat",
    ) -> None:
        self.depth = check_count("depth", depth, 3, _DEEPEST)
        self.activations, self.kernel_sizes = tuple(activations), tuple(kernel_sizes)
        self.readout: Readout = readout
        for what, choices in (("activations", self.activations), ("filter sizes", self.kernel_sizes)):
            if not choices or len(set(choices)) != len(choices):
                raise InputError(what, expected="at least one, none twice", got=choices)
        layers = range(1, self.depth)
        super().__init__(
            NAME,
            genes=[
                Gene(_FILTER, self.kernel_sizes, ordered=True),
                *(Gene(f"activation_{layer}", self.activations) for layer in layers),
                *(Gene(f"skip_{layer}", (0, 1)) for layer in layers[:-1]),
            ],
        )
        for kernel_size in self.kernel_sizes:  # checks the choices themselves
            self.at([self.kernel_sizes.index(kernel_size), *(len(gene) - 1 for gene in self.genes[1:])])
        check_keys("activation", self.activations, ACTIVATIONS)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Depth, and what there is to choose from."""
        return {
            "depth": self.depth,
            "activations": list(self.activations),
            "kernel_sizes": list(self.kernel_sizes),
            "readout": self.readout,
        }

    def configure(self, **settings: Any) -> TheorySpace:
        """The space of another depth, or with other choices."""
        self._check_settings(settings)
        for name in ("activations", "kernel_sizes"):  # one or several, as `key` writes them
            if isinstance(value := settings.get(name), str | int):
                written = str(value).split("+")
                settings[name] = written if name == "activations" else [_size(one) for one in written]
        return TheorySpace(**{**self.settings, **settings})

    @property
    def key(self) -> str:
        """``theory:depth=4,…``, choices joined by a plus."""
        values = {name: "+".join(map(str, v)) if isinstance(v, list) else v for name, v in self.settings.items()}
        return f"{self.name}:{','.join(f'{name}={value}' for name, value in values.items())}"

    # texts

    def parse(self, given: object) -> TheoryArchitecture:
        """The architecture of its text, see `TheoryArchitecture`, or of its genes.

        Raises:
            InputError: it is malformed, or of another depth or with other choices than the space.
        """
        if isinstance(given, Mapping):
            return self.from_genes(given)  # type: ignore[return-value]
        if error := of_another_space(given, NAME):
            raise error
        arch = TheoryArchitecture.parse(given) if isinstance(given, str) else given
        if arch not in self:
            raise InputError("architecture", expected=f"one of depth {self.depth} in the space", got=Verbatim(arch))
        return arch  # type: ignore[return-value]

    def reads(self, text: str) -> bool:
        """Whether a text names an architecture of this kind, of whatever depth."""
        return _FORM.fullmatch(text.strip()) is not None

    def at(self, positions: Sequence[int]) -> TheoryArchitecture:
        """The architecture at these places among the choices of each gene."""
        layers, kernel_size = self.depth - 1, self.kernel_sizes[positions[0]]
        return TheoryArchitecture(
            tuple(self.activations[place] for place in positions[1 : layers + 1]),
            tuple(positions[layers + 1 :]),
            kernel_size,
            self.readout if kernel_size else "flat",
        )

    def positions(self, arch: Architecture) -> tuple[int, ...]:
        """Place of each gene's value among its choices."""
        arch = self.parse(arch)
        chosen = [self.activations.index(name) for name in arch.activations]
        return (self.kernel_sizes.index(arch.kernel_size), *chosen, *arch.skips)

    def __contains__(self, arch: object) -> bool:
        return (
            isinstance(arch, TheoryArchitecture)
            and arch.depth == self.depth
            and set(arch.activations) <= set(self.activations)
            and arch.kernel_size in self.kernel_sizes
            and arch.readout == (self.readout if arch.kernel_size else "flat")
        )


def _size(written: str) -> int | str:
    """A filter size as it stands in a key; what is none stays as it is, for those who check it."""
    return int(written) if written.isdecimal() else written
