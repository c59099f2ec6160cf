import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from robnas.data import load_data
from robnas.data._pictures import decode
from robnas.errors import DataError
from tests.data.conftest import random_images, refused

RGB = random_images(1, 8, 8, 3)[0]
COLOUR = Image.fromarray(RGB)


def png(width, height, depth, kind, raw=b"", text=b""):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    texts = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(text)) if text else b""
    body = chunk(b"IHDR", header) + texts + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_rows(row_bytes):
    return b"".join(b"\0" + bytes(range(row_bytes)) for _ in range(8))


def tiff(bits, channels, photometric):
    """8×8 pixels without compression, all black."""
    sizes = 8 + 2 + 12 * 9 + 4
    values = {256: 8, 257: 8, 258: sizes, 259: 1, 262: photometric, 273: sizes + 2 * channels, 277: channels, 278: 8,
              279: 8 * channels * bits}  # fmt: skip
    entries = b"".join(
        struct.pack("<HHII", tag, 3 if tag < 273 else 4, channels if tag == 258 else 1, value)
        for tag, value in values.items()
    )
    depths = struct.pack(f"<{channels}H", *[bits] * channels)
    return b"II*\0\x08\0\0\0\x09\0" + entries + b"\0\0\0\0" + depths + bytes(8 * channels * bits)


def saved(tmp_path, content, name, **options):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(path, **options)
    return path


def translucent(mode, alpha):
    image = COLOUR.convert(mode)
    image.putalpha(alpha)
    return image


PALETTE = COLOUR.convert("P")
TURNED = COLOUR.rotate(90)
SEVERAL = {"save_all": True, "append_images": [TURNED]}
REFUSED = {
    "144 megapixels": (png(12_000, 12_000, 8, 2), "a.png", "at most 16,777,216 pixels, got 12,000 × 12,000; make"),
    "400 megapixels": (png(20_000, 20_000, 8, 2), "a.png", "at most 16,777,216 pixels, got more; make it smaller"),
    "144 megapixels of PPM": (b"P6 12000 12000 255\n", "a.ppm", "at most 16,777,216 pixels, got 12,000 × 12,000"),
    "a text of 100 MB": (png(8, 8, 8, 2, png_rows(24), bytes(100_000_000)), "a.png", "a complete image, got V"),
    "16-bit grey": (png(8, 8, 16, 0, png_rows(16)), "a.png", "8 bits per channel, got mode I;16; convert it"),
    "16-bit grey with alpha": (png(8, 8, 16, 4, png_rows(32)), "a.png", "8 bits per channel, got more"),
    "16-bit colour": (png(8, 8, 16, 2, png_rows(48)), "a.png", "8 bits per channel, got more in mode RGB; convert it"),
    "16-bit colour with alpha": (png(8, 8, 16, 6, png_rows(64)), "a.png", "8 bits per channel, got more in mode RGBA"),
    "16-bit PPM": (b"P6 8 8 65535\n" + bytes(384), "a.ppm", "8 bits per channel, got more in mode RGB"),
    "12-bit PPM": (b"P6 8 8 4095\n" + bytes(384), "a.ppm", "8 bits per channel, got more in mode RGB"),
    "16-bit plain PPM": (b"P3 1 1 65535\n1 2 3\n", "a.ppm", "8 bits per channel, got more in mode RGB"),
    "16-bit TIFF": (tiff(16, 3, 2), "a.tif", "8 bits per channel, got more in mode RGB"),
    "CMYK JPEG": (COLOUR.convert("CMYK"), "a.jpg", "a grey or RGB image, got mode CMYK; convert it"),
    "CMYK TIFF": (COLOUR.convert("CMYK"), "a.tif", "a grey or RGB image, got mode CMYK; convert it"),
    "Lab": (COLOUR.convert("LAB"), "a.tif", "a grey or RGB image, got mode LAB; convert it"),
    "half transparent": (translucent("RGB", 128), "a.png", "an opaque image, got transparent pixels; put it on a b"),
    "transparent WebP": (translucent("RGB", 254), "a.webp", "an opaque image, got transparent pixels"),
    "transparent grey": (translucent("L", 0), "a.png", "an opaque image, got transparent pixels"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "a.png", "a complete image, got Unidentified"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_change_without_a_word_is_refused_by_name(name, tmp_path):
    content, file, text = REFUSED[name]
    path = saved(tmp_path, content, file)
    with refused(f"{path}: expected {text}"):
        decode(path)


@pytest.mark.parametrize("transparent", [{"transparency": PALETTE.getpixel((0, 0))}, {"transparency": bytes(256)}])
def test_a_palette_with_a_transparent_colour_is_refused(transparent, tmp_path):
    path = saved(tmp_path, PALETTE, "a.png", **transparent)
    with refused(f"{path}: expected an opaque image"):
        decode(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_one_frame_of_several_is_not_chosen_without_a_word(suffix, tmp_path):
    path = saved(tmp_path, COLOUR, f"a.{suffix}", **SEVERAL)
    with refused(f"{path}: expected one still image, got 2 frames; keep one of them"):
        decode(path)


LOSSLESS = {
    "opaque": (translucent("RGB", 255), "a.png", RGB),
    "opaque palette": (PALETTE, "a.png", np.asarray(PALETTE.convert("RGB"))),
    "GIF": (PALETTE, "a.gif", np.asarray(PALETTE.convert("RGB"))),
    "bitmap": (COLOUR.convert("1"), "a.png", np.asarray(COLOUR.convert("1").convert("L"))[..., None]),
    "4-bit grey": (png(8, 8, 4, 0, b"\0\x01\x23\x45\x67" * 8), "a.png", np.tile(17 * np.arange(8), (8, 1))[..., None]),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_what_loses_nothing_is_converted(name, tmp_path):
    content, file, wanted = LOSSLESS[name]
    pixels, turned = decode(saved(tmp_path, content, file))
    assert not turned
    np.testing.assert_array_equal(pixels.transpose(1, 2, 0), wanted)


def test_the_photograph_of_a_camera_comes_first_in_its_file(tmp_path):
    several = decode(saved(tmp_path, COLOUR, "a.jpg", format="MPO", **SEVERAL))
    alone = decode(saved(tmp_path, COLOUR, "b.jpg"))
    np.testing.assert_array_equal(several[0], alone[0])


def test_a_damaged_note_of_the_camera_says_nothing(tmp_path):
    plain = decode(saved(tmp_path, COLOUR, "a.jpg"))
    for note in (b"Exif\0\0", b"Exif\0\0no TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        pixels, turned = decode(saved(tmp_path, COLOUR, "b.jpg", exif=note))
        assert not turned
        np.testing.assert_array_equal(pixels, plain[0])


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_truncated_photograph_is_refused_whatever_its_camera_says(suffix, tmp_path):
    lying = Image.Exif()
    lying[0x0112] = 6
    large = Image.fromarray(random_images(1, 64, 64, 3)[0])
    path = saved(tmp_path, large, f"a.{suffix}", exif=lying)
    raw = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(raw[: int(share * len(raw))])
        with refused(f"{path}: expected a complete image"):
            decode(path)


FORMATS = {"png": {}, "jpg": {}, "bmp": {}, "gif": {}, "ppm": {}, "webp": {"lossless": True}}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_damaged_image_is_read_or_refused_but_never_fails_otherwise(suffix, tmp_path):
    path = saved(tmp_path, COLOUR, f"a.{suffix}", **FORMATS[suffix])
    good, rng, outcomes = path.read_bytes(), np.random.default_rng(0), set()
    for _ in range(150):
        raw = bytearray(good)
        raw[rng.integers(min(len(raw), rng.choice([40, len(raw)])))] = rng.integers(256)
        path.write_bytes(raw)
        try:
            decode(path)
            outcomes.add("read")
        except DataError as error:
            outcomes.add("refused" if str(error).isprintable() else str(error))
    assert outcomes == {"read", "refused"}


def test_photographs_are_turned_upright_with_a_word(tmp_path):
    lying = Image.Exif()
    lying[0x0112] = 6  # the top is at the right
    for folder in ("ant", "bee"):
        (tmp_path / "mine" / folder).mkdir(parents=True)
        saved(tmp_path / "mine" / folder, COLOUR, "upright.png")
        saved(tmp_path / "mine" / folder, TURNED, "turned.png", exif=lying)
    with pytest.warns(UserWarning, match="mine: 2 of 4 images were turned upright, as their cameras say"):
        data = load_data(tmp_path / "mine")
    for part in data.splits.values():
        for image in part.images.numpy():
            np.testing.assert_array_equal(image.transpose(1, 2, 0), RGB)
