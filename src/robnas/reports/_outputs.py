"""Files of tables, figures and pages, complete or absent."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from robnas._files import check_writable, room, saying, write_atomically, write_text
from robnas.errors import InputError, Verbatim
from robnas.reports._page import Page, printable, to_html, to_markdown

PAGES = (".html", ".htm", ".md")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of curves: Okabe and Ito 2008, distinct for colour-blind readers."""


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    """A CSV file with one header line."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    write_text(path, buffer.getvalue())
    return path


def write_pictures(stem: Path, figure: Any) -> list[Path]:
    """A figure as PNG and SVG."""
    return [write_picture(stem.with_name(f"{stem.name}.{kind}"), figure) for kind in ("png", "svg")]


def write_picture(path: Path, figure: Any) -> Path:
    """A figure in the format that the suffix names, ``.png`` or ``.svg``."""
    content = draw(figure, path.suffix[1:])
    write_atomically(path, lambda stream: stream.write(content))
    return path


def draw(figure: Any, kind: str) -> bytes:
    """A figure as ``png`` or ``svg``; the same figure gives the same bytes."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": "robnas"}):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font lacks
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def label(text: str, longest: int = 60) -> str:
    """A name that a figure shows as it is, shortened: no formula, and not left out of the legend."""
    shown = printable(text)
    shown = shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
    return shown.lstrip("_").replace("$", r"\$")


def check_page(path: Path) -> None:
    """Raise `InputError` unless a page can have this name and be written, the folder of its pictures too."""
    if path.suffix.lower() not in PAGES:
        raise InputError("--out", expected=f"a file ending in {', '.join(PAGES[:-1])} or {PAGES[-1]}", got=str(path))
    if path.is_dir():
        raise InputError("--out", expected="a file", got=Verbatim(f"the folder {path}"))
    check_writable(path)
    if path.suffix.lower() == ".md":
        check_writable(path.with_suffix(""), folder=True)


def write_page(page: Page, path: Path) -> list[Path]:
    """Write a page: one HTML file, or Markdown with its pictures in a folder of the same name.

    Args:
        page: what it says.
        path: ends in ``.html``, ``.htm`` or ``.md``.

    Returns:
        The files, the page first. It appears when everything it shows is there, or not at all.

    Raises:
        InputError: the name has another ending.
    """
    check_page(path)
    if path.suffix.lower() != ".md":
        write_text(path, to_html(page, lambda picture: draw(picture.figure, "svg")))
        return [path]
    folder = path.with_suffix("")
    text = to_markdown(page, lambda picture: f"{quote(folder.name)}/{picture.name}.png")
    pictures = [(folder / f"{picture.name}.png", draw(picture.figure, "png")) for picture in page.pictures]
    if pictures:
        _place(folder, pictures)
    write_text(path, text)
    return [path, *(name for name, _ in pictures)]


def _place(folder: Path, pictures: Sequence[tuple[Path, bytes]]) -> None:
    """Write all pictures beside their places first, so that a full disk changes none of them."""
    with saying(folder), room(folder.parent) as place:
        for path, content in pictures:
            (place / path.name).write_bytes(content)
        folder.mkdir(exist_ok=True)
        for path, _ in pictures:
            (place / path.name).replace(path)
