"""What it takes to say: this text of the documentation states these numbers of that file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
NUMBER = r"((?=[−+.\d-])[−+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?<=\d))"
LEFT_OUT = "§"
"""In a quote: whatever a cell of a table says, of which no file is kept."""


@dataclass(frozen=True)
class Quote:
    """A piece of a page, # in place of each number, and what the numbers are by the files."""

    text: str
    values: tuple[float, ...]

    def found_in(self, page: str) -> list[re.Match[str]]:
        """Where the page has the text, with any numbers."""
        return list(re.finditer(re.escape(self.text).replace(r"\#", NUMBER).replace(LEFT_OUT, r"[^|\n]*"), page))

    def wrong_in(self, page: str) -> str:
        """What is wrong in the page, or nothing."""
        there = self.found_in(page)
        if len(there) != 1:
            return f"{len(there)} times on the page: {self.text}"
        stated = there[0].groups()
        if len(stated) != len(self.values):
            return f"{len(stated)} numbers, {len(self.values)} values: {self.text}"
        return "; ".join(
            f"{there[0].group()}: states {text}, the file says {value:.6g}"
            for text, value in zip(stated, self.values, strict=True)
            if not agree(text, value)
        )


def agree(text: str, value: float) -> bool:
    """Whether a number as it is written is the value, rounded; 0 and 1 may be shares and stand for themselves."""
    plain = text.replace(",", "").replace("−", "-")
    unit = 10.0 ** -len(plain.partition(".")[2]) if plain not in ("0", "1") else 0.01
    return abs(float(plain) - value) <= unit / 2 + 1e-9


def quote(text: str, *values: float | Iterable[float]) -> Quote:
    """A quote of single values, or of several at once such as an interval."""
    flat = [one for value in values for one in (value if isinstance(value, Iterable) else [value])]
    return Quote(text, tuple(map(float, flat)))


class Results:
    """A file under experiments/results, or of the repository, as rows of texts."""

    def __init__(self, name: str) -> None:
        """Take the name below experiments/results."""
        with (RESULTS / name).open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.name = name

    def where(self, **wanted: object) -> list[dict[str, str]]:
        """Rows whose columns have these texts."""
        return [row for row in self.rows if all(row[key] == str(value) for key, value in wanted.items())]

    def one(self, column: str, scale: float = 1, **wanted: object) -> float:
        """The number of the only such row."""
        rows = self.where(**wanted)
        assert len(rows) == 1, f"{self.name}: {len(rows)} rows with {wanted}"
        return scale * float(rows[0][column])

    def several(self, columns: Sequence[str], scale: float = 1, **wanted: object) -> tuple[float, ...]:
        """Numbers of the only such row, a value and its interval for example."""
        return tuple(self.one(column, scale, **wanted) for column in columns)

    def all(self, column: str, scale: float = 1, **wanted: object) -> list[float]:
        """The numbers of all such rows."""
        found = [scale * float(row[column]) for row in self.where(**wanted)]
        assert found, f"{self.name}: no rows with {wanted}"
        return found


@cache
def results(name: str) -> Results:
    """A file, read once."""
    return Results(name)


@cache
def page(name: str) -> str:
    """A page without marks of emphasis."""
    folder = ROOT if name == "README.md" else ROOT / "docs"
    return (folder / name).read_text(encoding="utf-8").replace("**", "")


INTERVAL = r"\[[−+-]?\d*\.\d+, [−+-]?\d*\.\d+\]"
DECIMAL = r"(?<![\w@/])[−+-]?\d*\.\d+(?![\w.])"


def measured(text: str) -> Iterator[tuple[str, int, int]]:
    """Where a page states what looks measured, each with the header of its table or the line of its paragraph.

    Rows of tables with at least two decimal numbers, and intervals in paragraphs.
    """
    header, start, code = "", 0, False
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        code ^= line.startswith("```")
        if line.startswith("|") and text[end:].startswith(("|---", "| ---")):
            header = line.rstrip()
        elif line.startswith("|"):
            if len(re.findall(DECIMAL, line)) > 1:
                yield header, start, end - 1
        elif not code:
            yield from ((line.rstrip(), start + one.start(), start + one.end()) for one in re.finditer(INTERVAL, line))
        start = end


def markdown_rows(name: str) -> dict[str, list[float]]:
    """The numbers of a kept Markdown file's rows by their first cell; of rows with the same one the first."""
    found: dict[str, list[float]] = {}
    for line in (RESULTS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            first, *cells = line.strip("| ").split(" | ")
            found.setdefault(first, [float(one) for cell in cells for one in re.findall(r"-?\d+\.?\d*", cell)])
    return found
