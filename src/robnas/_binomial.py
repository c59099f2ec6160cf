"""How far an accuracy on so many images may be from that on all that there might be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def binomial_error(accuracy: npt.ArrayLike, images: int) -> npt.NDArray[np.float64]:
    """Standard error √(p(1 − p)/n) of an accuracy on n images, same shape; nan where the accuracy is.

    Where none or all of n images are right the formula gives 0, as if no other image could differ: there p is taken to
    be one in n + 2 from the end, Laplace's rule of succession.
    """
    given = np.asarray(accuracy, dtype=np.float64)
    end = 1 / (images + 2)
    share = np.clip(given, end, 1 - end)
    error: npt.NDArray[np.float64] = np.sqrt(share * (1 - share) / images)
    return error
