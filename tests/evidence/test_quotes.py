"""Numbers that were measured stand in files, and the documentation states those of the files."""

import importlib
from pathlib import Path

import pytest

from tests.evidence.owed import OWED, PICTURES
from tests.evidence.quotes import RESULTS, ROOT, agree, measured, page, quote

PAGES = sorted(path.stem for path in Path(__file__).parent.glob("page_*.py"))
"""One module for each page of which files are kept: `page_theory` for docs/theory.md."""
LARGEST = 200_000
"""Bytes of a kept file: the repository stays small."""


def quotes_of(name):
    module = f"tests.evidence.page_{Path(name).stem.lower()}"
    return list(importlib.import_module(module).quotes()) if module.rpartition(".")[2] in PAGES else []


@pytest.mark.parametrize("module", PAGES)
def test_numbers_of_the_text_are_those_of_the_files(module):
    name = "README.md" if module == "page_readme" else f"{module.removeprefix('page_')}.md"
    wrong = [found for one in quotes_of(name) if (found := one.wrong_in(page(name)))]
    assert not wrong, "\n".join(wrong)


def test_what_was_measured_is_quoted_or_owed():
    """A new table or interval needs a file and a quote; what has none yet is listed, and no more than that."""
    owed = set()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page(path.name)
        quoted = [where.span() for one in quotes_of(path.name) for where in one.found_in(text)]
        for line, first, last in measured(text):
            if not any(start < last and first < end for start, end in quoted):
                listed = [start for start in OWED.get(path.name, ()) if line.startswith(start)]
                owed.add((path.name, *(listed or [line])))
    listed = {(name, start) for name, lines in OWED.items() for start in lines}
    assert owed == listed, f"not quoted: {sorted(owed - listed)}, listed without need: {sorted(listed - owed)}"


def test_pictures_have_their_numbers():
    pictures = {path.name for path in (ROOT / "docs").glob("*.png")}
    assert set(PICTURES) == pictures
    for name, file in PICTURES.items():
        assert file is None or (ROOT / file).exists(), f"{name}: {file}"


def test_kept_files_are_small():
    assert [path.name for path in RESULTS.rglob("*") if path.is_file() and path.stat().st_size > LARGEST] == []


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [(".86", 0.864, True), (".86", 0.866, False), ("−.04", -0.037, True), ("1,349", 1349.4, True), ("97", 96.6, True),
     ("+.5", -0.5, False), ("2", 2.5, True), ("2", 2.51, False), ("1", 0.97, False),
     ("1", 0.9983, True)],
)  # fmt: skip
def test_a_number_is_its_value_rounded_as_it_is_written(text, value, same):
    assert agree(text, value) is same


def test_a_quote_says_what_differs():
    one = quote("ρ is # [#, #] of #", 0.5, (0.41, 0.6), 6466)
    assert one.wrong_in("Here ρ is .50 [.41, .60] of 6,466 rows.") == ""
    assert one.wrong_in("ρ is .52 [.41, .60] of 6,466") == "ρ is .52 [.41, .60] of 6,466: states .52, the file says 0.5"
    assert one.wrong_in("nothing") == "0 times on the page: ρ is # [#, #] of #"
    assert quote("#", 1, 2).wrong_in("1") == "1 numbers, 2 values: #"
