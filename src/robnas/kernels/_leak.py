"""The control for what attacks tell kernels about labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas._seeds import derive_seed
from robnas.errors import InputError, Verbatim


def random_labels(labels: npt.ArrayLike, *, seed: int = 0) -> npt.NDArray[np.generic]:
    """The labels in a random order in which they say nothing about the true ones.

    An attack moves inputs along a gradient whose sign is that of their label, at the initial weights all inputs of a
    class much alike. So kernels of attacked inputs know the labels, and yᵀK⁻¹y is small because they do. Attacks aimed
    at random labels are as large and know nothing: what yᵀK⁻¹y of the true labels is under these, is not a leak.

    Each label is as frequent as in `labels`, and among the inputs of every class as frequent as among all, up to two
    inputs.

    Args:
        labels: shape (n,).
        seed: of the order.

    Returns:
        Shape (n,), of the dtype of `labels`.

    Raises:
        InputError: labels of another shape, or all equal.
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise InputError("labels", expected="shape (n,)", got=Verbatim(given.shape))
    classes, number, sizes = np.unique(given, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise InputError("labels", expected="at least two classes", got=Verbatim("all equal" if len(given) else "none"))
    rng = np.random.default_rng(derive_seed(seed, "random labels"))
    by_class = np.lexsort((rng.random(len(given)), number))
    sorted_number = number[by_class]
    rank = np.arange(len(given)) - (np.cumsum(sizes) - sizes)[sorted_number]
    spread = np.argsort((rank + rng.random(len(given))) / sizes[sorted_number])  # every stretch has all classes
    found = np.empty_like(given)
    found[by_class] = given[by_class][spread]
    return found
