"""Which of AutoAttack's attacks broke each image: the library tells it nobody, but asks and says enough to see it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Witness:
    """Sees what the library asks between its attacks, and the lines of its log; asks nothing itself.

    Before its attacks the library asks about all images, last; after each attack on a batch of those that are left, in
    their order, about what the attack found.

    Args:
        ask: images → logits, what the library asks.
        labels: of all images, shape (n,).
        names: of the attacks, in the order in which they run.
    """

    def __init__(self, ask: Callable[[Tensor], Tensor], labels: Tensor, names: tuple[str, ...]) -> None:
        self._ask, self._labels, self._names = ask, labels, names
        self._answers: list[Tensor] = []
        self._left = torch.ones_like(labels, dtype=torch.bool)
        self._part, self._asked = -1, 0
        self._todo = torch.empty(0)
        self.broken_by = torch.full_like(labels, len(names))
        """Place of the attack among the names, their number where none was; shape (n,)."""

    def logits(self, images: Tensor) -> Tensor:
        """What the library is given for its own questions."""
        found = self._ask(images)
        answers = found.detach().max(dim=1)[1]
        if self._part < 0:
            self._answers.append(answers)
        else:
            batch = self._todo[self._asked : self._asked + len(answers)]
            broken = batch[answers != self._labels[batch]]
            self._left[broken] = False
            self.broken_by[broken] = self._part
            self._asked += len(answers)
        return found

    def hear(self, text: str) -> None:
        """A line of the library's log."""
        if text.startswith("running ") and text.removeprefix("running ") in self._names:
            if self._part < 0:
                self._left = torch.cat(self._answers)[-len(self._labels) :] == self._labels
            self._part = self._names.index(text.removeprefix("running "))
            self._todo, self._asked = self._left.nonzero().flatten(), 0
