"""Images to corrupt: some of CIFAR-10 where the shared data are there, and smooth colourful ones that always are."""

from functools import cache

import numpy as np
import pytest
from PIL import Image

from tests.conftest import shared_file


def smooth_images(count, channels=3, height=32, width=32, seed=0):
    """Blobs of several sizes, in all grey levels: uint8 of shape (count, channels, height, width)."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(count, channels, height, width))
    smooth = gaussian_filter(noise, (0, 0.4 if channels > 1 else 0, height / 10, width / 10), mode="wrap")
    smooth -= smooth.min(axis=(1, 2, 3), keepdims=True)
    smooth *= 255 / smooth.max(axis=(1, 2, 3), keepdims=True)
    return np.rint(smooth).astype(np.uint8)


@cache
def _cifar10():
    with Image.open(shared_file("data", "cifar10", "test_0.webp")) as mosaic:
        pixels = np.asarray(mosaic.convert("RGB"))[: 2 * 32]
    return pixels.reshape(2, 32, 100, 32, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, 32, 32)


@pytest.fixture
def cifar10(monkeypatch):
    """The first 200 test images, (200, 3, 32, 32)."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    return _cifar10()
