"""How far the mean field of a network moves under a perturbation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import final

from robnas.kernels import signal_propagation
from robnas.networks.nas_bench_201 import NAME
from robnas.proxies._formula import architecture_of
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.types import check_range


@final
@dataclass(frozen=True)
class MeanFieldSensitivity:
    """−log of the sensitivity of the logits to white noise that `robnas.kernels.signal_propagation` predicts.

    Of the architecture, its cells per stage and the size of the images alone, which are taken to be of power 1/k²: no
    weights, no pass of the network. Negative, because what hardly moves is robust; in NAS-RobBench-201 it is the other
    way round, as with `jacobian_norm` (docs/propagation.md).

    Raises:
        InputError: the size is not above 0.
    """

    size: float = 0.125
    """Standard deviation of the noise by that of the images."""
    space: str = field(default=NAME, init=False)

    def __post_init__(self) -> None:
        check_range("size", self.size, 1e-6, 1e6)

    def __call__(self, probe: Probe) -> float:
        """The score.

        Raises:
            UndefinedScoreError: the network was built from no architecture of the space, or nothing reaches its output.
        """
        arch = architecture_of(probe, self.space)
        cells = int(probe.network.cells)  # type: ignore[arg-type]
        found = signal_propagation([arch], cells=cells, size=self.size, shape=probe.images.shape[1:])
        if found.variance[0] == 0:
            raise UndefinedScoreError("nothing flows from the input to the output of the cell")
        if not found.sensitivity[0] > 0:
            raise UndefinedScoreError("images of this shape have no mean field")
        return -math.log(found.sensitivity[0])
