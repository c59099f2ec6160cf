"""The one-cycle schedule (Smith and Topin 2018) as PyTorch's `OneCycleLR` computes it, without state."""

from __future__ import annotations

import math

from robnas.training._recipe import Recipe


def one_cycle(recipe: Recipe, step: int, total_steps: int) -> tuple[float, float]:
    """Learning rate and momentum of a step.

    Args:
        recipe: the settings.
        step: 0 … total_steps − 1.
        total_steps: steps of the whole training.
    """
    first_lr = recipe.max_lr / recipe.start_divisor
    last_lr = first_lr / recipe.end_divisor
    top, end = recipe.warmup * total_steps - 1, float(total_steps - 1)
    if step <= top:
        share = step / top if top else 1.0
        return (
            _cosine(first_lr, recipe.max_lr, share),
            _cosine(recipe.high_momentum, recipe.low_momentum, share),
        )
    share = (step - top) / (end - top)
    return (
        _cosine(recipe.max_lr, last_lr, share),
        _cosine(recipe.low_momentum, recipe.high_momentum, share),
    )


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
