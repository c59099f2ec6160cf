"""What is said of colours, for images of three channels and for grey ones."""

from __future__ import annotations

import numpy as np

from robnas.data._corruptions._draws import Draws, Pixels

WHOLE = 1e-6
"""Of a grey level, by which rounding may miss one."""
_LUMINANCE = (0.299, 0.587, 0.114)


def cut(x: Pixels) -> Pixels:
    """Values in [0, 1] as whole grey levels below or at them, as the published code has them; others at the ends."""
    found: Pixels = np.floor(255 * np.clip(x, 0, 1) + WHOLE)
    return found


def luminance(x: Pixels) -> Pixels:
    """Grey of images (n, channels, height, width), with one channel."""
    if x.shape[1] == 1:
        return x
    red, green, blue = (weight * x[:, channel] for channel, weight in enumerate(_LUMINANCE))
    found: Pixels = red + green + blue
    return found[:, None]


def tinted(layer: Pixels, colour: tuple[float, float, float], channels: int) -> Pixels:
    """A layer (n, height, width) in a colour, or in its grey for one channel: shape (n, channels, height, width)."""
    grey = sum(weight * shade for weight, shade in zip(_LUMINANCE, colour, strict=True))
    shades = np.array(colour if channels == 3 else [grey])
    found: Pixels = layer[:, None] * shades[:, None, None]
    return found


def brightness(x: Pixels, draws: Draws, amount: float) -> Pixels:
    """The value of HSV grows by `amount`, up to 1."""
    value = x.max(axis=1, keepdims=True)
    brighter = np.minimum(value + amount, 1)
    dark = value == 0
    found: Pixels = np.where(dark, brighter, x * (brighter / np.where(dark, 1, value)))
    return found


def saturate(x: Pixels, draws: Draws, factor: float, shift: float) -> Pixels:
    """The saturation of HSV becomes `factor` times itself plus `shift`, within [0, 1]; the hue of grey is red."""
    value = x.max(axis=1, keepdims=True)
    drop = value - x  # in proportion to the saturation
    saturation = drop.max(axis=1, keepdims=True) / np.where(value == 0, 1, value)
    wanted = np.clip(saturation * factor + shift, 0, 1)
    grey = saturation == 0
    red = value * np.array([0.0, 1.0, 1.0])[:, None, None]
    found: Pixels = value - np.where(grey, red, drop / np.where(grey, 1, saturation)) * wanted
    return found


def contrast(x: Pixels, draws: Draws, factor: float) -> Pixels:
    """Each channel's difference from its mean becomes `factor` of itself."""
    means = x.mean(axis=(2, 3), keepdims=True)
    found: Pixels = (x - means) * factor + means
    return found
