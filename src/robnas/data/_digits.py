"""The 1,797 digits of 8×8 pixels that scikit-learn ships (Alpaydin and Kaynak 1998, UCI, CC BY 4.0), bundled here."""

from __future__ import annotations

from importlib import resources

import numpy as np

from robnas._arrays import read_arrays
from robnas.data._dataset import Dataset, channel_statistics, checked
from robnas.data._splits import split_in_three

KIND = "robnas digits 2"
_VALIDATION, _TEST = 397, 400


def load_digits() -> Dataset:
    """1,000 training, 397 validation and 400 test images; the 17 grey levels are spread over 0 … 255."""
    file = resources.files("robnas.data").joinpath("digits.npz")
    levels, labels = read_arrays(file, KIND, "levels", "labels")
    images = np.round(levels.astype(np.float64) * (255 / 16)).astype(np.uint8)
    part = checked(str(file), images[:, None], labels.astype(np.int64), 10)
    splits = split_in_three(part, validation=_VALIDATION, test=_TEST)
    return Dataset("digits", 10, splits, *channel_statistics(splits["train"]))
