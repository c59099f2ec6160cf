"""One image under all corruptions that are made here, clean and at severity 1 to 5, as one picture.

python experiments/corruption_picture.py --data digits --index 3 --out docs/corruptions.png
python experiments/corruption_picture.py --data cifar10 --index 1 --zoom 2 --out sheet.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import robnas
from robnas.data import corruptions
from robnas.types import SEVERITIES

GAP, NAME = 3, 112  # pixels between images, and for a name


def tile(image: torch.Tensor, side: int) -> Image.Image:
    """An image (channels, height, width) as a square of `side` pixels."""
    pixels = image.permute(1, 2, 0).numpy()
    return Image.fromarray(np.ascontiguousarray(pixels.repeat(3 // pixels.shape[2], axis=2))).resize(
        (side, side), Image.Resampling.NEAREST
    )


def sheet(rows: list[tuple[str, list[torch.Tensor]]], side: int) -> Image.Image:
    """Names and images in two columns."""
    lines, step = (len(rows) + 1) // 2, side + GAP
    width = NAME + step * len(rows[0][1]) + GAP
    page = Image.new("RGB", (2 * width, lines * step + GAP), "white")
    pen = ImageDraw.Draw(page)
    for number, (name, images) in enumerate(rows):
        column, line = divmod(number, lines)
        left, top = column * width, GAP + line * step
        pen.text((left + GAP, top + side // 2 - 5), name, fill="black")
        for place, image in enumerate(images):
            page.paste(tile(image, side), (left + NAME + place * step, top))
    return page


def main() -> None:
    """Write the picture that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--index", type=int, default=3, help="of the test image")
    parser.add_argument("--zoom", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = robnas.load_data(arguments.data, data_dir=arguments.data_dir)
    made = corruptions(data, split="test", source="made")
    count = arguments.index + 1
    rows = [
        (name, [made.clean.images[count - 1], *(made.images(name, s, limit=count).images[-1] for s in SEVERITIES)])
        for name in made.names
    ]
    sheet(rows, data.image_shape[1] * arguments.zoom).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
