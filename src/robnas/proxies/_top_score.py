"""The closed-form score for the best architectures, as a proxy."""

from __future__ import annotations

from robnas.networks import top_score as of_architecture
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.spaces import Architecture


def top_score(probe: Probe) -> float:
    """`robnas.networks.top_score` of the cell that the network was built from; images and weights do not matter.

    For *finding* good architectures: of those of NAS-RobBench-201 that had no part in its choice it orders the best
    tenth better than the number of parameters; the whole is ordered better by `robust_score`, and other tables may show
    no gain (docs/proxies.md).

    Raises:
        UndefinedScoreError: the network was not built from a cell, or nothing reaches the output of the cell.
    """
    arch = getattr(probe.network, "arch", None)
    if not isinstance(arch, Architecture):
        raise UndefinedScoreError("the network was not built from a cell of nas-bench-201")
    score = of_architecture(arch)
    if score is None:
        raise UndefinedScoreError("nothing flows from the input to the output of the cell")
    return score
