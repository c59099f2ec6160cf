"""Tensors that were made in inference mode."""

from __future__ import annotations

import torch
from torch import Tensor


def ordinary(values: Tensor) -> Tensor:
    """A copy that autograd keeps, if `values` were made in inference mode."""
    with torch.inference_mode(False):
        return values.clone() if values.is_inference() else values
