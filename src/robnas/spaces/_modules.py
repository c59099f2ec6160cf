"""Networks of no search space, each known by a name and the hash of its weights, so that stores can keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from robnas.errors import InputError, Verbatim
from robnas.spaces._architecture import Architecture, GeneArchitecture
from robnas.spaces._gene import Gene
from robnas.spaces._space import Space

_NAME = re.compile(r"[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*")
_HASH = re.compile(r"[0-9a-f]{16}")
_LONGEST = 100  # characters of a name
_TEXT = re.compile(r"module=([^,]*),weights=([^,]*)")


@final
class ModuleSpace(Space):
    """Any number of named networks; there is nothing to choose, so nothing can be drawn, built or searched."""

    size = None

    def __init__(self) -> None:
        super().__init__("modules", genes=(Gene("module", ("my-net",)), Gene("weights", ("0" * 16,))))

    def check_name(self, name: object) -> str:
        """A name that texts can have.

        Raises:
            InputError: it is none.
        """
        if not isinstance(name, str) or len(name) > _LONGEST or not _NAME.fullmatch(name):
            expected = f"at most {_LONGEST} letters and digits, with single hyphens, underscores or dots between"
            raise InputError("name of a module", expected=expected, got=name)
        return name

    def from_genes(self, values: Mapping[str, Any]) -> Architecture:
        """The network of a name and the hash of its weights.

        Raises:
            InputError: it is no such mapping.
        """
        if not isinstance(values, Mapping) or set(values) != {"module", "weights"}:
            raise InputError("genes", expected="module and weights", got=values)
        name, weights = self.check_name(values["module"]), values["weights"]
        if not isinstance(weights, str) or not _HASH.fullmatch(weights):
            raise InputError("weights of a module", expected="16 hexadecimal digits", got=weights)
        genes = {"module": name, "weights": weights}
        return GeneArchitecture(self.name, (0, 0), f"module={name},weights={weights}", genes)

    def _parse_text(self, text: str) -> Architecture:
        if (found := _TEXT.fullmatch(text)) is None:
            raise InputError("architecture", expected=f"a text such as {self.example}", got=text)
        return self.from_genes({"module": found[1], "weights": found[2]})

    def reads(self, text: str) -> bool:
        """Whether a text names a network of this kind."""
        try:
            return bool(self._parse_text(text.strip()))
        except InputError:
            return False

    def _made(self, arch: GeneArchitecture) -> bool:
        return arch in self

    def positions(self, arch: Architecture) -> tuple[int, ...]:
        """Zeros, as there is nothing to choose."""
        self.parse(arch)
        return (0, 0)

    def random(self, rng: np.random.Generator) -> Architecture:
        """Nothing.

        Raises:
            InputError: always.
        """
        got = Verbatim("networks that were brought ready-made")
        raise InputError(f"space {self.name}", expected="architectures that can be drawn", got=got)

    def neighbours(self, arch: Architecture) -> tuple[Architecture, ...]:
        """None."""
        self.parse(arch)
        return ()


MODULES = ModuleSpace()
"""Stores, tables and files know it by its name; it is none of `SPACES`, among which one chooses where to search."""
