"""A page of text, tables and pictures, as one self-contained HTML file or as Markdown."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from robnas import errors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root{color-scheme:light dark;--page:#fff;--ink:#1a1a1a;--soft:#595959;--line:#d0d0d0;--band:#f4f4f4;--link:#0b57a4}
@media (prefers-color-scheme:dark){:root{--page:#16181c;--ink:#e8e8e8;--soft:#a9adb3;--line:#3c4047;--band:#20242a;
--link:#8ab8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:68rem;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;line-height:1.2;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin-top:2.5rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
p,li{max-width:46rem;overflow-wrap:anywhere}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;list-style:none}
.wide{overflow-x:auto;margin:1.25rem 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding-bottom:.4rem}
caption span{position:sticky;left:0;display:inline-block;max-width:min(46rem,calc(100vw - 2rem))}
th,td{padding:.25rem .6rem;text-align:right;vertical-align:top;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{border-bottom-width:2px}
tbody tr:nth-child(even)>*{background:var(--band)}
tbody th{font-weight:600;position:sticky;left:0;background:var(--page);white-space:normal;max-width:45vw;
overflow-wrap:break-word}
.text{text-align:left}
td.text{white-space:normal;min-width:10rem;max-width:34rem;overflow-wrap:anywhere}
figure{margin:1.25rem 0;max-width:46rem}
figure.broad{max-width:none}
figure img{display:block;width:100%;height:auto;background:#fff;border-radius:.5rem;padding:.5rem}
figcaption,footer{color:var(--soft);font-size:.9rem}
@media (max-width:40rem){main{padding:.75rem}th,td{padding:.25rem .4rem}h1{font-size:1.35rem}}
@media print{:root{--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--band:#fff}nav{display:none}main{max-width:none}
.wide{overflow:visible}table{font-size:.7rem}th,td{white-space:normal;padding:.1rem .3rem}
tbody th{position:static}thead{display:table-header-group}
tr,figure{break-inside:avoid}h2{break-after:avoid}}
"""
_LONGEST = 120  # characters of an architecture
_BROAD = 9.0  # inches from which on a figure takes the whole width


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    strong: bool = False
    """Whether it is a warning that nobody should miss."""


@dataclass(frozen=True)
class Bullets:
    """A list of lines."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table of cells that are texts."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    label: int = 0
    """The column that names the row."""
    texts: tuple[int, ...] = ()
    """Further columns of text; all others hold numbers."""
    architectures: tuple[int, ...] = ()
    """Columns of texts of architectures: they break after commas, and the middle of long ones is left out on the page,
    where the whole text is in the title."""

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.header) for row in self.rows)


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its description."""

    name: str
    """Of its file, without folder and suffix."""
    alt: str
    """What it shows, for those who do not see it."""
    figure: Figure
    caption: str = ""


Block = Text | Bullets | Grid | Picture


@dataclass(frozen=True, eq=False)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Page:
    """Something to read."""

    title: str
    lead: tuple[Block, ...]
    """What comes before the first heading."""
    sections: tuple[Section, ...]
    footer: str = ""

    @property
    def pictures(self) -> Iterator[Picture]:
        """All of them, in the order of the page."""
        for blocks in (self.lead, *(section.blocks for section in self.sections)):
            yield from (block for block in blocks if isinstance(block, Picture))


def to_html(page: Page, draw: Callable[[Picture], bytes]) -> str:
    """The page as one HTML file without script, which loads nothing; what it holds of others is text.

    Args:
        page: what it says.
        draw: gives a picture as SVG.
    """
    allowed = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    links = "".join(f'<li><a href="#s{n}">{_text(s.title)}</a></li>' for n, s in enumerate(page.sections, start=1))
    body = "\n".join(_html(block, draw) for block in page.lead)
    for number, section in enumerate(page.sections, start=1):
        blocks = "\n".join(_html(block, draw) for block in section.blocks)
        body += f'\n<section id="s{number}" aria-labelledby="h{number}">'
        body += f'\n<h2 id="h{number}">{_text(section.title)}</h2>\n{blocks}\n</section>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(page.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{_text(page.title)}</h1>
<nav aria-label="Sections"><ul>{links}</ul></nav>
{body}
<footer><p>{_text(page.footer)}</p></footer>
</main>
</body>
</html>
"""


def _html(block: Block, draw: Callable[[Picture], bytes]) -> str:
    if isinstance(block, Text):
        return f"<p><strong>{_text(block.text)}</strong></p>" if block.strong else f"<p>{_text(block.text)}</p>"
    if isinstance(block, Bullets):
        return f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in block.items)}</ul>"
    if isinstance(block, Picture):
        data = base64.b64encode(draw(block)).decode()
        caption = f"<figcaption>{_text(block.caption)}</figcaption>" if block.caption else ""
        kind = ' class="broad"' if block.figure.get_figwidth() > _BROAD else ""
        return f'<figure{kind}><img alt="{_text(block.alt)}" src="data:image/svg+xml;base64,{data}">{caption}</figure>'
    left = {block.label, *block.texts}
    kinds = [' class="text"' if place in left else "" for place in range(len(block.header))]
    head = "".join(f'<th scope="col"{kind}>{_text(name)}</th>' for name, kind in zip(block.header, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row"{kind}>{shown}</th>' if place == block.label else f"<td{kind}>{shown}</td>"
            for place, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            for shown in [_elided(cell) if place in block.architectures else _text(cell)]
        )
        + "</tr>\n"
        for row in block.rows
    )
    name = _text(block.caption)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{name}"><table>\n'
        f"<caption><span>{name}</span></caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def to_markdown(page: Page, link: Callable[[Picture], str]) -> str:
    """The page as Markdown; what it holds of others is text.

    Args:
        page: what it says.
        link: gives the address of a picture.
    """
    lines = [f"# {_marked(page.title)}", ""]
    for block in page.lead:
        lines += [*_markdown(block, link), ""]
    for section in page.sections:
        lines += [f"## {_marked(section.title)}", ""]
        for block in section.blocks:
            lines += [*_markdown(block, link), ""]
    return "\n".join([*lines, _marked(page.footer)] if page.footer else lines).rstrip() + "\n"


def _markdown(block: Block, link: Callable[[Picture], str]) -> list[str]:
    if isinstance(block, Text):
        return [f"**{_marked(block.text)}**" if block.strong else _marked(block.text)]
    if isinstance(block, Bullets):
        return [f"- {_marked(item)}" for item in block.items]
    if isinstance(block, Picture):
        caption = ["", _marked(block.caption)] if block.caption else []
        alt = re.sub(r"(?<!\\)([\[\]])", r"\\\1", _marked(block.alt))
        return [f"![{alt}]({link(block)})", *caption]
    left = {block.label, *block.texts}
    rule = ["---" if place in left else "--:" for place in range(len(block.header))]
    rows: Sequence[Sequence[str]] = [[_marked(cell) for cell in row] for row in (block.header, *block.rows)]
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return [_marked(block.caption), "", head, f"|{'|'.join(rule)}|", *body]


def _text(text: str) -> str:
    return escape(printable(text))


def _elided(text: str) -> str:
    """A text of an architecture with places to break, and without its middle where it is long."""
    whole = printable(text)
    shown = _breaking(elided(whole))
    return shown if len(elided(whole)) == len(whole) else f'<span title="{escape(whole)}">{shown}</span>'


def elided(text: str) -> str:
    """The text of an architecture without the genes in its middle, if it has more than 120 characters."""
    if len(text) <= _LONGEST:
        return text
    start = text.rfind(",", 0, _LONGEST * 2 // 3) + 1 or _LONGEST * 2 // 3
    end = text.find(",", len(text) - _LONGEST // 3)
    return f"{text[:start]}…{text[end if end >= 0 else len(text) - _LONGEST // 3 :]}"


def _breaking(text: str) -> str:
    return re.sub(r",(?=[^\W\d])", ",<wbr>", escape(text))  # before the name of a gene


def _marked(text: str) -> str:
    """Text in which nothing is Markdown or HTML."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = re.sub(r"([\\`*|#~]|\](?=[(\[:]))", r"\\\1", plain)  # a bracket alone makes no link
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", plain)  # inside a word it marks nothing


def printable(text: str) -> str:
    """One line without control characters, those that turn the direction of writing among them."""
    return " ".join(errors.printable(text).split())
