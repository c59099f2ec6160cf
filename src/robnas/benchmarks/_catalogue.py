"""Tables by name, from files or the network: fetched, cached, loaded."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robnas._download import cache_directory, data_directory, file_digits
from robnas._files import check_writable, room
from robnas.benchmarks import nas_bench_201
from robnas.benchmarks._choice import Choice
from robnas.benchmarks._entries import CATALOGUE as CATALOGUE
from robnas.benchmarks._entries import Entry as Entry
from robnas.benchmarks._entries import File as File
from robnas.benchmarks._exchange import SUFFIXES, read_rows
from robnas.benchmarks._obtain import obtain, opened
from robnas.benchmarks._parquet import read_table, write_table
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim
from robnas.records import is_store
from robnas.spaces import parse_key, space_of
from robnas.types import Progress, silent

BUNDLED: dict[str, Path] = {name: Path(__file__).with_name(f"{name}.parquet") for name in ("digits", "digits-beta")}
"""Tables that come with robnas; their provenance says how they were built."""


def entry(name: str) -> Entry:
    """A published table by name.

    Raises:
        InputError: there is none; the text lists them.
    """
    if name not in CATALOGUE:
        known = [*BUNDLED, *CATALOGUE]
        begun = [one for one in known if name and one.startswith(name.lower())]
        close = begun[:2] or difflib.get_close_matches(name.lower(), known, n=2)
        raise InputError(
            "table",
            expected=f"one of {', '.join(known)}, or the path of a table file",
            got=name,
            remedy=f"did you mean {' or '.join(close)}?" if close else "",
        )
    return CATALOGUE[name]


def cached_path(name: str, data_dir: str | Path | None = None) -> Path:
    """Where a fetched table is, or would be.

    In ``tables`` of `data_dir`, else of ``$ROBNAS_DATA``, else of the user's cache, where a table that was fetched
    before ``$ROBNAS_DATA`` was set is still found.
    """
    path, before = (place / "tables" / f"{name}.parquet" for place in (data_directory(data_dir), cache_directory()))
    return before if data_dir is None and before.exists() and not path.exists() else path


def fetch(
    name: str,
    source: str | Path | Sequence[str | Path] | None = None,
    progress: Progress = silent,
    *,
    data_dir: str | Path | None = None,
) -> Table:
    """Get a published table, verify it, convert it once, keep it in the cache.

    Args:
        name: in the catalogue.
        source: a folder that holds the files, or the main file beside the others, instead of the network; or several
            of them, of which the first that has a file gives it.
        progress: told about downloads.
        data_dir: folder to keep it in; ``$ROBNAS_DATA`` or the user's cache if omitted, where `load` looks for it.

    Returns:
        The table; the cache appears complete or, after an error, stays as it was.

    Raises:
        DataError: a file is missing, altered, damaged or hostile.
        InputError: there is no such table, or it is a bundled one.
    """
    if name in BUNDLED:
        expected = f"a published table, one of {', '.join(CATALOGUE)}"
        raise InputError("table", expected=expected, got=name, remedy="it comes with robnas, nothing is to be fetched")
    wanted = entry(name)
    given = [] if source is None else [source] if isinstance(source, str | Path) else source
    sources = [Path(one) for one in given]
    for one in sources:
        if not one.exists():
            raise DataError(str(one), expected=f"a file of {name}", got=Verbatim("nothing"))
    target = cached_path(name, data_directory(data_dir))
    check_writable(target)
    with room(Path(tempfile.gettempdir())) as place:
        files = obtain(wanted, [opened(wanted, one, place) for one in sources], place, progress)
        table = wanted.importer(files, _provenance(wanted, files))
    write_table(table, target)
    return table


def _provenance(wanted: Entry, files: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "citation": wanted.citation,
        "licence": wanted.licence,
        "notes": wanted.notes,
        "sha256": {name: file_digits(path, "sha256") for name, path in files.items()},
    }


def load(
    name: str | Path,
    progress: Progress = silent,
    *,
    recipe: str | None = None,
    images: int | None = None,
    attack: str | None = None,
    dataset_version: str | None = None,
    attack_seed: int | None = None,
    space: str | None = None,
    beta: float | None = None,
) -> Table:
    """A table by name or path.

    Args:
        name: ``digits``, which comes with robnas; of a published table (fetched at the first use); the path of a table
            file, also of one as CSV or JSON, see `robnas.benchmarks.read_rows`; or a record store: its URL, such as
            ``sqlite:///runs.db``, or its file.
        progress: told about downloads.
        recipe: of a store, take the records of this recipe only: its name, or the beginning of its hash.
        images: of a store, take the records on so many images only.
        attack: of a store, take the records of this attack only: the beginning of the hash of its settings.
        dataset_version: of a store, take the records of this version of the data set only: the beginning of its hash.
        attack_seed: of a store, take the records of this seed of the attack only.
        space: of a store, take the records of this space only, of a table the columns: its name, or its key with the
            settings. Of a CSV or JSON file, whose architectures these are.
        beta: take the columns of this weight of the robust loss only.

    Raises:
        DataError: the file is missing or damaged.
        InputError: there is no such table, or no such record in the store; or the table is of another space.
    """
    space = None if space is None else _key(space)
    choice = Choice(
        recipe=recipe, images=images, attack=attack, dataset_version=dataset_version, attack_seed=attack_seed,
        space=space,
    )  # fmt: skip
    found = _loaded(name, choice, progress)
    return found if beta is None else found.select(beta=beta)


def _loaded(name: str | Path, choice: Choice, progress: Progress) -> Table:
    """A table of whatever betas."""
    text, space = str(name), choice.space
    if text not in (*BUNDLED, *CATALOGUE) and is_store(name):
        from robnas.benchmarks._records import table_of_store

        return table_of_store(name, choice)
    if Path(text).suffix in SUFFIXES and choice == Choice(space=space):
        return read_rows(text, space=space)
    if choice != Choice(space=space):
        raise InputError(
            "table",
            expected="a store such as sqlite:///runs.db where recipe, images, attack … are chosen",
            got=text,
            remedy="published tables and table files hold one of each",
        )
    found = _read(text, progress)
    return found if space is None else found.select(space=space)


def _key(space: str) -> str:
    """The name of a space, with all settings if some are given."""
    found = space_of(facts := parse_key(space))
    return found.key if len(facts) > 1 else found.name


def _read(text: str, progress: Progress) -> Table:
    """A bundled or published table, or that of a file."""
    if text in BUNDLED:
        return read_table(BUNDLED[text])
    if text in CATALOGUE:
        path = cached_path(text)
        if not path.exists():
            return fetch(text, progress=progress)
        found = read_table(path, f"robnas fetch {text} makes it anew", CATALOGUE[text].space)
    else:
        path = Path(text)
        if not os.path.exists(path) and not path.suffix:
            entry(text)
        found = read_table(path)
    return nas_bench_201.relabelled(found)
