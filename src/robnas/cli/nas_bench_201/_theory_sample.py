"""What `robnas theory` computes kernels of where architectures are cells: images attacked in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from robnas.cli._theory_samples import Attacked, regression_accuracies, seeds_of
from robnas.types import format_epsilon

if TYPE_CHECKING:
    from torch import nn

    from robnas.attacks import PGD
    from robnas.cli._theory_samples import Accuracies, Labels, Pictures
    from robnas.data import Dataset
    from robnas.spaces import CellArchitecture, Space


@final
@dataclass(frozen=True, eq=False)
class CellSample:
    """Images for architectures of ``nas-bench-201``, attacked in pixels.

    Kernels are of infinite width, attacks are made on `build_wide_cell_network`. The kernel of infinite width has no
    gradient here, so regression that is to be attacked is that of the kernel of this network, with one output.
    """

    pictures: Pictures
    noise: Labels
    normalize: nn.Module
    space: Space
    attack: PGD
    classes: str
    width: int
    seed: int
    second_init: bool
    memory: float

    @classmethod
    def of(cls, pictures: Pictures, data: Dataset, *, seed: int, **settings: Any) -> CellSample:
        """Images normalised as networks of the benchmark do it."""
        from robnas.kernels import random_labels
        from robnas.networks import Normalize

        noise, normalize = random_labels(pictures.labels, seed=seed), Normalize(data.mean, data.std).double()
        return cls(pictures, noise, normalize, seed=seed, **settings)

    @property
    def labels(self) -> Labels:
        """See `Sample`."""
        return self.pictures.labels

    @property
    def tested(self) -> int:
        """See `Sample`."""
        return len(self.pictures.wanted)

    @property
    def radius(self) -> dict[str, Any]:
        """See `Sample`."""
        return {"epsilon": format_epsilon(self.attack.threat.epsilon)}

    @property
    def radius_text(self) -> str:
        """See `Sample`."""
        return f"ε = {format_epsilon(self.attack.threat.epsilon)}"

    def attacked(self, arch: CellArchitecture, labels: Labels) -> Attacked:
        """See `Sample`; the networks that are attacked have an output per class."""
        import numpy as np
        import torch

        from robnas.attacks import perturb
        from robnas.kernels import RobustKernels, infinite_cell_ntk

        classes, places = np.unique(labels, return_inverse=True)
        pixels, aims = self.pictures.train, torch.from_numpy(places)
        first, second = (self._network(arch, seed, len(classes)) for seed in seeds_of(self.seed, self.second_init))
        robust = perturb(self.attack, first, pixels, aims, seed=self.seed).images
        twice = perturb(self.attack, second, robust, aims, seed=self.seed + 1).images
        stack = self.normalize(torch.cat([pixels, robust, twice])).numpy()
        calibration = stack[: len(pixels)]
        kernel = infinite_cell_ntk(arch, stack, cells=self._cells, calibration=calibration, memory_mib=self.memory)
        return Attacked(robust, RobustKernels.from_stack(kernel))

    def accuracies(self, arch: CellArchitecture, hit: Attacked, ridge: float, time: float) -> Accuracies:
        """See `Sample`; by an attack of one step, as each takes a pass per class."""
        import torch

        from robnas.attacks import FGSM
        from robnas.kernels import EmpiricalKernel, NTKSettings

        pixels = self.pictures
        kernel = EmpiricalKernel(self._network(arch, self.seed, 1), NTKSettings(memory_mib=self.memory))
        matrix = kernel(torch.cat([pixels.train, hit.robust]).numpy())
        given = pixels.train.numpy(), hit.robust.numpy(), pixels.labels
        attack = FGSM(self.attack.threat)
        return regression_accuracies(kernel, matrix, given, (pixels.test.numpy(), pixels.wanted), attack, ridge, time)

    def lower_bounds(self, arch: CellArchitecture) -> dict[str, float]:
        """See `Sample`: none."""
        return {}

    @property
    def _cells(self) -> int:
        return int(self.space.settings["cells"])

    def _network(self, arch: CellArchitecture, seed: int, outputs: int) -> nn.Module:
        import torch
        from torch import nn

        from robnas.networks import build_wide_cell_network

        pixels = self.pictures.train
        wide = build_wide_cell_network(
            arch, width=self.width, calibration=self.normalize(pixels), in_channels=pixels.shape[1], cells=self._cells,
            outputs=outputs, seed=seed, dtype=torch.float64,
        )  # fmt: skip
        return nn.Sequential(self.normalize, wide).eval()
