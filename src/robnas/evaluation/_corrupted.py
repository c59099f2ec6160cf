"""Which corruptions of which images a suite measures, and the mean over them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final
from weakref import WeakKeyDictionary

import numpy as np

from robnas._brief import brief
from robnas._settings import content_hash
from robnas.data import Corruptions, Dataset, Images, corruptions
from robnas.errors import InputError, Verbatim
from robnas.evaluation._measurement import Measurement, pack
from robnas.evaluation._suite import Suite
from robnas.types import ALL_CORRUPTIONS, COMMON_CORRUPTIONS, SEVERITIES, Split

_MEMORY = 2**28  # bytes of corrupted copies that are kept of one split: those of small images, asked of many networks
_KEPT: WeakKeyDictionary[Dataset, dict[tuple[object, ...], Images]] = WeakKeyDictionary()


@final
@dataclass(frozen=True, eq=False)
class Corrupted:
    """The corrupted copies of a split that a suite measures, each at five severities."""

    __repr__ = brief

    data: Dataset
    split: Split
    source: Corruptions
    names: tuple[str, ...]
    """Of those of the suite that there are."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Those of the suite that there are not, and why."""

    @classmethod
    def of(
        cls, suite: Suite, data: Dataset, split: Split, *, data_dir: Path | str | None, allow_partial: bool = False
    ) -> Corrupted:
        """What a suite with corruptions measures of a split.

        Raises:
            DataError: official images are there, but damaged.
            InputError: none of the corruptions of the suite means anything on these images.
        """
        source = corruptions(data, split=split, data_dir=data_dir, allow_partial=allow_partial)
        names = tuple(name for name in suite.corruptions if name in source.names)
        missing = {name: source.left_out.get(name, "not there") for name in suite.corruptions if name not in names}
        if not names:
            got = Verbatim("; ".join(f"{name}: {why}" for name, why in missing.items()))
            raise InputError(f"corruptions of {data.name}", expected="some that these images allow", got=got)
        return cls(data, split, source, names, missing)

    @property
    def notes(self) -> Mapping[str, str]:
        """What to know of some of the corruptions, by name."""
        return {name: text for name, text in self.source.notes.items() if name in self.names}

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """Corruption and severity of each measurement."""
        return tuple((name, severity) for name in self.names for severity in SEVERITIES)

    @property
    def averaged(self) -> tuple[tuple[str, int], ...]:
        """Those of them over which the mean goes; none if the suite, or a folder of official images, lacks some."""
        wanted = self.source.mean_names if self.source.label else COMMON_CORRUPTIONS
        return tuple(pair for pair in self.pairs if pair[0] in wanted) if {*wanted} <= {*self.names} else ()

    @property
    def seed(self) -> int:
        """Of what was drawn to make the images, which are the same for all networks; 0 for official ones as well."""
        return self.source.seed or 0

    def key(self, name: str, severity: int) -> str:
        """Of the metric."""
        return self.source.key(name, severity)

    @property
    def mean_key(self) -> str:
        """Of the metric that is the mean."""
        return self.source.mean_key

    def settings(self, name: str, severity: int) -> dict[str, Any]:
        """What was done, and a hash of it, or of official pixels."""
        done = self.source.content_hash(name, severity)
        return {"name": name, "severity": severity, "source": self._origin, "content": done}

    def mean_settings(self, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The same of the mean, from the settings of what it is over."""
        content = content_hash({"parts": [content_hash(part) for part in parts]})
        over = list(dict.fromkeys(str(part["name"]) for part in parts))
        return {"name": ALL_CORRUPTIONS, "over": over, "source": self._origin, "content": content}

    @property
    def _origin(self) -> str:
        return self.source.label or "official"

    def count(self, suite: Suite, size: int) -> int:
        """How many of the first `size` images are asked under each."""
        return suite.corrupted_images(min(size, len(self.source)))

    def images(self, name: str, severity: int, count: int) -> Images:
        """The first `count` copies, shape (count, channels, height, width), uint8, on the CPU."""
        if not self.source.label or len(self.pairs) * count * math.prod(self.data.image_shape) > _MEMORY:
            return self.source.images(name, severity, limit=count)
        kept = _KEPT.setdefault(self.data, {})
        key = self.split, name, severity, count, self.seed
        if key not in kept:
            kept[key] = self.source.images(name, severity, limit=count)
        return kept[key]

    def described(self, count: int) -> Iterator[tuple[str, dict[str, Any], int]]:
        """Metric, settings and images of each measurement and of their mean, without a look at any network."""
        settings = {pair: self.settings(*pair) for pair in self.pairs}
        for pair, of in settings.items():
            yield self.key(*pair), of, count
        if averaged := self.averaged:
            yield self.mean_key, self.mean_settings([settings[pair] for pair in averaged]), count

    def mean(self, measured: Mapping[tuple[str, int], Measurement]) -> Measurement | None:
        """The mean over corruptions and severities, without shares of classes; None where it is not defined."""
        if not (averaged := self.averaged):
            return None
        parts = [measured[pair] for pair in averaged]
        first = parts[0]
        return Measurement(
            self.mean_key,
            self.mean_settings([part.attack or {} for part in parts]),
            first.images,
            sum(part.seconds for part in parts),
            self.seed,
            pack(np.concatenate([part.correct for part in parts])),
            first.torch_version,
            first.device,
            times=len(parts),
        )
