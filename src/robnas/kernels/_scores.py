"""Scores of untrained networks, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robnas._brief import brief
from robnas._registry import Registry
from robnas._seeds import derive_seed
from robnas.errors import InputError, NonFiniteError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._empirical import kernel_blocks
from robnas.kernels._kernels import mix
from robnas.kernels._ntk_settings import NTKSettings
from robnas.kernels._robust import attack_twice, default_attack
from robnas.kernels._spectrum import MEASURES, NonFiniteKernelError
from robnas.types import ThreatModel, check_range

_THREAT, _SETTINGS = ThreatModel.linf("8/255"), NTKSettings()
_Blocks = dict[tuple[int, int], Floats]


@final
@dataclass(frozen=True, eq=False)
class KernelProbe:
    """An untrained network and the images that scores may ask it about; what several scores share is computed once."""

    __repr__ = brief

    network: nn.Module
    """Maps images to logits; scores leave it as it is."""
    images: Tensor
    """Shape (n, channels, height, width), in [0, 1]; any inputs if `attacked` are given."""
    labels: Tensor
    """Shape (n,)."""
    threat: ThreatModel = _THREAT
    """Of the attacks that robust kernels need."""
    beta: float = 0.5
    """Of mixed kernels."""
    settings: NTKSettings = _SETTINGS
    """Of the kernels."""
    calibration: Tensor | None = None
    """Images for batch norm; `images` if None."""
    seed: int = 0
    """Of the attacks."""
    attacks: int = 2
    """How often images are attacked, at the most that any score asks for."""
    attacked: tuple[Tensor, ...] = ()
    """Inputs that are attacked already, once and twice, for networks that are no classifiers of images."""
    attack_labels: Tensor | npt.NDArray[np.generic] | None = None
    """What attacks move images away from; `labels` if None. Scores that take labels, such as ``label-alignment``, are
    good where attacks told the kernel these labels: `random_labels` are the control."""
    victim: nn.Module | None = None
    """The network that attacks are made on, such as an independent second initialisation; `network` if None."""

    def __post_init__(self) -> None:
        check_range("beta", self.beta, 0, 1)

    @cached_property
    def blocks(self) -> _Blocks:
        """Kernels within and between images (0), attacked images (1) and twice attacked images (2).

        Those of attacked images are nan where the network is not finite on the way there.
        """
        batches, lost = [self.images, *self.attacked[: self.attacks]], 0
        if not self.attacked and self.attacks:
            try:
                batches = attack_twice(
                    self.network if self.victim is None else self.victim,
                    self.images,
                    self.labels if self.attack_labels is None else self.attack_labels,
                    default_attack(self.threat),
                    settings=self.settings,
                    calibration=self.calibration,
                    seed=self.seed,
                    times=self.attacks,
                )
            except NonFiniteError:
                lost = self.attacks
        found = kernel_blocks(self.network, batches, self.labels, self.settings, self.calibration)
        none = np.full_like(found[0, 0], np.nan)
        return found | {key: none for place in range(lost) for key in ((place, place + 1), (place + 1, place + 1))}

    def kernel(self, name: str) -> Floats:
        """A kernel of `KERNELS`, shape (n, n).

        Raises:
            InputError: images are attacked fewer times than it takes.
        """
        times, found = KERNELS[name]
        if (most := len(self.attacked[: self.attacks]) if self.attacked else self.attacks) < times:
            raise InputError(f"attacked images of the kernel {name}", expected=f"{times} attacks", got=most)
        return found(self.blocks, self.beta)


Probe = KernelProbe
"""As earlier versions called it; the word is that of `robnas.proxies`."""

KERNELS: dict[str, tuple[int, Callable[[_Blocks, float], Floats]]] = {
    "clean": (0, lambda blocks, beta: blocks[0, 0]),
    "cross": (1, lambda blocks, beta: (blocks[0, 1] + blocks[0, 1].T) / 2),
    "robust": (1, lambda blocks, beta: blocks[1, 1]),
    "mixed": (1, lambda blocks, beta: mix(blocks[0, 0], blocks[0, 1], blocks[1, 1], beta)),
    "twice": (2, lambda blocks, beta: blocks[2, 2]),
    "mixed-twice": (2, lambda blocks, beta: mix(blocks[1, 1], blocks[1, 2], blocks[2, 2], beta)),
}
"""Kernels by name, with how often the images are attacked for them."""
_SEMIDEFINITE = ("lambda-min", "condition", "log-determinant", "label-alignment")


class Score(Protocol):
    """A score of an untrained network, higher is better."""

    @property
    def attacks(self) -> int:
        """How often it needs the images attacked: 0, 1 or 2."""
        ...

    def __call__(self, probe: KernelProbe) -> float:
        """The score; minus infinity where the network is degenerate."""
        ...


@final
@dataclass(frozen=True)
class KernelScore:
    """One measure of one kernel."""

    kernel: str
    """A name of `KERNELS`."""
    measure: str
    """A name of `MEASURES`."""

    @property
    def attacks(self) -> int:
        """See `Score`."""
        return KERNELS[self.kernel][0]

    def __call__(self, probe: KernelProbe) -> float:
        """See `Score`.

        Raises:
            IndefiniteKernelError: the kernel is indefinite beyond rounding.
            NonFiniteKernelError: it holds nan or infinity.
            InputError: images are attacked fewer times than it takes.
        """
        kernel = probe.kernel(self.kernel)
        if not np.isfinite(kernel).all():
            raise NonFiniteKernelError("kernel", expected="finite entries", got=Verbatim("nan or infinity"))
        return MEASURES[self.measure](kernel, probe.labels.cpu().numpy())


SCORES: Registry[Score] = Registry(
    "score",
    {
        f"ntk-{kernel}-{measure}": KernelScore(kernel, measure)
        for kernel in KERNELS
        for measure in MEASURES
        if kernel != "cross" or measure not in _SEMIDEFINITE  # the symmetric part of K̄ is indefinite
    },
    Callable,
)
"""All scores by name: ``ntk-clean-lambda-min`` … A score of your own is one more entry."""


def balanced_batch(labels: Tensor, count: int, seed: int) -> Tensor:
    """Indices of `count` random images with as equal numbers per class as possible, shape (count,).

    At least two images of every class that is used, so that scores which compare images of a class have a pair: where
    `count` does not give two to every class, those of random ``count // 2`` classes. Fewer than four images, which may
    have to be of two classes at once, are of as many classes as possible; so are those of labels that do not offer
    pairs of two classes. A class with a single image is used where every class is.

    Raises:
        InputError: more than there are.
    """
    if not 2 <= count <= len(labels):
        raise InputError("images", expected=f"from 2 to {len(labels)}", got=Verbatim(count))
    rng = np.random.default_rng(derive_seed(seed, "batch"))
    order = rng.permutation(len(labels))
    shuffled = labels.cpu().numpy()[order]
    turn = np.empty(len(order), dtype=np.int64)  # the how-manieth of its class each one is
    classes, firsts, sizes = np.unique(shuffled, return_index=True, return_counts=True)
    for label in classes:
        of_class = np.flatnonzero(shuffled == label)
        turn[of_class] = np.arange(len(of_class))
    if 4 <= count < 2 * len(classes):
        paired = classes[np.argsort(firsts)][sizes[np.argsort(firsts)] > 1][: count // 2]
        if len(paired) > 1:
            turn[~np.isin(shuffled, paired)] += len(order)
    return torch.from_numpy(order[np.argsort(turn, kind="stable")[:count]])
