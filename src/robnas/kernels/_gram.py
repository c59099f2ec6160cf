"""Sums of products of gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from robnas.kernels._activations import Floats
from robnas.kernels._ntk_settings import NTKSettings

_COLUMNS = 8192  # widened to float64 at a time


class Gram:
    """Blocks of the kernel, added up in float64 from columns of the Jacobian.

    With float64 products of the gradients as they are, rounding leaves the kernel positive semi-definite to 1e-15 of
    its trace, and errors of float32 gradients enter the smallest eigenvalue in proportion to its own root.
    """

    def __init__(
        self,
        batches: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        settings: NTKSettings,
        against: int | None = None,
    ) -> None:
        self.full = settings.reduction == "full"
        each = len(cotangents) if self.full else 1
        self.count, self.stack, self._square = len(batches[0]) * each, len(batches), against is None
        count, last = self.count, self.stack * self.count
        self._products = [  # rows and columns
            (slice(s * count, (s + 1) * count), slice(s * count, min((s + 2) * count, last))) for s in range(self.stack)
        ]
        if against is not None:
            self._products = [(slice(0, against * each), slice(against * each, count))]
        self._sums = [
            torch.zeros(
                rows.stop - rows.start, columns.stop - columns.start, dtype=torch.float64, device=batches[0].device
            )
            for rows, columns in self._products
        ]
        rows, quarter = self.stack * self.count, settings.memory_mib * 2**20 / 4
        width = max(1, min(_COLUMNS, int(quarter / 8 / rows)))
        self._wide = torch.empty(rows, width, dtype=torch.float64, device=batches[0].device)
        self._filled = 0

    @property
    def working_bytes(self) -> int:
        """Memory besides the kernels."""
        return self._wide.nbytes

    @property
    def most_bytes(self) -> int:
        """The same where memory is plentiful."""
        return 8 * len(self._wide) * _COLUMNS

    def add(self, slab: Tensor) -> None:
        """Add columns, shape (stack · count, columns)."""
        start = 0
        while start < slab.shape[1]:
            stop = min(slab.shape[1], start + self._wide.shape[1] - self._filled)
            self._wide[:, self._filled : self._filled + stop - start] = slab[:, start:stop]
            self._filled, start = self._filled + stop - start, stop
            if self._filled == self._wide.shape[1]:
                self._multiply()

    def _multiply(self) -> None:
        wide, self._filled = self._wide[:, : self._filled], 0
        for total, (these, those) in zip(self._sums, self._products, strict=True):
            total.addmm_(wide[these], wide[those].T)

    def blocks(self) -> dict[tuple[int, int], Floats]:
        """By pair of batches."""
        self._multiply()
        if not self._square:
            return {(0, 0): self._sums[0].cpu().numpy()}
        found: dict[tuple[int, int], Floats] = {}
        for s, total in enumerate(self._sums):
            for place, block in enumerate(torch.split(total, self.count, dim=1)):
                kernel = block.cpu().numpy()
                found[s, s + place] = (kernel + kernel.T) / 2 if place == 0 else kernel.copy()
        return found
