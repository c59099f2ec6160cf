"""One image file as grey or colour pixels: what would be changed without a word is refused or said."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image, ImageOps

from robnas.errors import DataError, Verbatim

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM")  # others would be tried, PostScript among them
_MOST_PIXELS = 2**24
_GREY = ("1", "L", "LA")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBX", "YCbCr")
_ORIENTATION = 0x0112  # in EXIF
_DEEP = re.compile(r";(16|32)[BLNS]?$")  # more than 8 bits per channel, which Pillow cuts to 8


def decode(file: Path) -> tuple[np.ndarray, bool]:
    """Pixels of shape (channels, height, width), one channel for a grey image, else three; and whether it was turned.

    Palettes and channels of full opacity lose nothing; an image that a camera marked as lying is turned upright.

    Raises:
        DataError: it is damaged or too large, or cannot become 8-bit grey or colour without a choice.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own words about size and damaged metadata
            with Image.open(file, formats=_FORMATS) as image:
                return _pixels(file, image)
    except DataError:
        raise
    except Image.DecompressionBombError:
        _refuse_size(file, "more")
    except Exception as error:  # a damaged file can raise almost anything
        raise DataError(
            str(file), expected="a complete image", got=Verbatim(type(error).__name__), remedy="replace or remove it"
        ) from None


def _pixels(file: Path, image: Image.Image) -> tuple[np.ndarray, bool]:
    """What `decode` returns; the header is judged before anything is decoded."""
    if image.width * image.height > _MOST_PIXELS:
        _refuse_size(file, f"{image.width:,} × {image.height:,}")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # a camera's MPO begins with the photograph
        _refuse(file, "one still image", f"{image.n_frames} frames", "keep one of them")  # type: ignore[attr-defined]
    if image.mode[0] in "IF" or _deeper_than_8_bits(image):
        shown = f"mode {image.mode}" if image.mode[0] in "IF" else f"more in mode {image.mode}"
        _refuse(file, "8 bits per channel", shown, "convert it")
    if image.mode not in _GREY + _COLOUR:
        _refuse(file, "a grey or RGB image", f"mode {image.mode}", "convert it")
    image.load()
    grey, turned = image.mode in _GREY, _lies(image)
    upright = ImageOps.exif_transpose(image) if turned else image
    if upright.has_transparency_data and np.asarray(upright.convert("RGBA").getchannel("A")).min() < 255:
        _refuse(file, "an opaque image", "transparent pixels", "put it on a background")
    pixels = np.asarray(upright.convert("L" if grey else "RGB"))
    return pixels[None] if grey else pixels.transpose(2, 0, 1), turned


def _lies(image: Image.Image) -> bool:
    """Whether the camera says that the image is to be turned; a damaged note of the camera says nothing."""
    try:
        return image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # it can raise almost anything
        return False


def _deeper_than_8_bits(image: Image.Image) -> bool:
    """Whether decoding would drop bits, as it does for 16-bit colours."""
    for tile in image.tile:  # type: ignore[attr-defined]
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if image.format == "PPM" and isinstance(arguments[-1], int) and arguments[-1] > 255:
            return True
        if any(isinstance(part, str) and _DEEP.search(part) and not part.startswith("BGR") for part in arguments):
            return True
    return False


def _refuse_size(file: Path, got: str) -> NoReturn:
    _refuse(file, f"at most {_MOST_PIXELS:,} pixels", got, "make it smaller")


def _refuse(file: Path, expected: str, got: str, remedy: str) -> NoReturn:
    raise DataError(str(file), expected=expected, got=Verbatim(got), remedy=remedy)
