"""What passes through the ReLUs of a network, modules and functions alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_IN_PLACE = frozenset({F.relu_, torch.relu_, Tensor.relu_})
_RELUS = frozenset({F.relu, torch.relu, Tensor.relu}) | _IN_PLACE


class ReLUs(TorchFunctionMode):
    """Inside ``with ReLUs(see):`` every ReLU calls ``see(before, after)``, tensors of shape (batch, …)."""

    def __init__(self, see: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.see = see

    def __torch_function__(
        self, func: Any, types: Iterable[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run `func`, and look at it if it is a ReLU."""
        if func not in _RELUS:
            return func(*args, **(kwargs or {}))
        before = args[0] if args else (kwargs or {})["input"]
        after = torch.relu(before)  # out of place, so that `before` is still there
        self.see(before, after)
        in_place = func in _IN_PLACE or (kwargs or {}).get("inplace", args[1] if len(args) > 1 else False)
        return before.copy_(after) if in_place else after
