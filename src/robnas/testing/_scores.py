"""What scores of untrained networks promise in every space that can build them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from robnas.benchmarks import read_scores
from robnas.data import Dataset, Images
from robnas.errors import InputError
from robnas.proxies import ProxyScore, ProxySettings, score, score_many
from robnas.spaces import Architecture, Space
from robnas.testing._examiner import some
from robnas.testing._networks import smallest
from robnas.types import check_count

_CLASSES = 3
_DRAWN = 10
_SETTINGS = ProxySettings(images=6, calibration=6)

Found = Mapping[str, Mapping[str, ProxyScore]]


def check_scores(
    space: Space,
    folder: Path,
    *,
    proxies: Sequence[str] = ("parameters", "snip", "synflow"),
    count: int = 2,
    image_size: int = 8,
    seed: int = 0,
) -> None:
    """Whether untrained networks of a space are scored, and their scores written and gone on with.

    Equal seeds build equal networks, alone and in company, and leave the global random states as they are.
    A file holds the space and the texts, reads back, is added to, and takes no scores of other settings.

    Args:
        space: registered or not.
        folder: for a file of scores, which must not be there yet.
        proxies: names of `robnas.proxies.PROXIES`.
        count: architectures, the smallest of some that are drawn at random; fewer where the space has fewer.
        image_size: height and width of the images, which are random and of 3 channels.
        seed: of architectures, images and weights.

    Raises:
        AssertionError: they are not; the line says what.
        InputError: the space builds no networks, or none that can be scored.
    """
    count = min(check_count("count", count, 2), space.size or count)
    archs = smallest(space, some(space, _DRAWN, seed), count, image_size)
    _Check(space, archs, tuple(proxies), _data(image_size, seed), seed).all(folder / "scores.parquet")


def _data(size: int, seed: int) -> Dataset:
    labels = torch.arange(4 * _CLASSES) % _CLASSES
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (len(labels), 3, size, size), generator=generator).to(torch.uint8)
    images = Images(pixels, labels)
    return Dataset("random", _CLASSES, {"train": images, "test": images}, (0.5,) * 3, (0.25,) * 3)


@final
class _Check:
    def __init__(
        self, space: Space, archs: Sequence[Architecture], proxies: tuple[str, ...], data: Dataset, seed: int
    ) -> None:
        self.space, self.archs, self.proxies, self.data, self.seed = space, archs, proxies, data, seed
        self.texts = [arch.text for arch in archs]

    def all(self, path: Path) -> None:
        before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        found = self._many(self.archs)
        after = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        same = torch.equal(before[0], after[0]) and before[1] == after[1]
        self._expect(same, "building or scoring moves the global random state")
        self._expect(list(found) == self.texts, f"scores are of {list(found)}, not of {self.texts}")
        again = {arch.text: score(arch, self.data, self.proxies, **self._options()) for arch in self.archs[::-1]}
        self._expect(again == found, "equal seeds do not give equal scores")
        self._file(path, found)

    def _file(self, path: Path, found: Found) -> None:
        self._many(self.archs[:1], path)
        self._many(self.texts, path)
        kept = read_scores(path, self.space)
        self._expect(kept.space == self.space, f"the file is of {kept.space}")
        self._expect(set(kept.codes) == set(self.texts), f"the file holds {kept.codes}")
        for name in kept.names:
            wanted = {text: one[name].mean for text, one in found.items() if one[name].mean is not None}
            self._expect(kept.by_code(name) == wanted, f"the file has other scores {name}")
        computed = list[int]()
        score_many(self.archs, self.data, self.proxies, out=path, progress=lambda _, total, __: computed.append(total),
                   **self._options())  # fmt: skip
        self._expect(set(computed) == {0}, "what the file holds is computed again")
        try:
            score_many(self.archs, self.data, self.proxies, out=path, **self._options() | {"seed": self.seed + 1})
        except InputError:
            return
        self._expect(False, "scores of another seed are mixed into the file")

    def _options(self) -> dict[str, Any]:
        return {"space": self.space, "settings": _SETTINGS, "seed": self.seed}

    def _many(self, architectures: Sequence[object], out: Path | None = None) -> Found:
        return score_many(architectures, self.data, self.proxies, out=out, **self._options())

    def _expect(self, fine: bool, text: str) -> None:
        if not fine:
            raise AssertionError(f"space {self.space.name}: {text}")
