"""The site: files by their path, built in memory, with a manifest of their checksums."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

from robnas._version import __version__
from robnas.benchmarks import BUNDLED, CATALOGUE, Scores, Table
from robnas.errors import InputError, Verbatim
from robnas.explorer._pack import FORMAT, VERSION, pack_scores, pack_table
from robnas.explorer._pack_space import check_one_space, pack_space
from robnas.explorer._search import Replay
from robnas.records import StoreAddress, is_store

Site = Mapping[str, bytes]
"""Content by path, such as ``data/explorer.json``."""
_LATER = ("app/genes/filters.js",)  # with the map
_PAGE, _START = "index.html", b"<script "
HEADER, MANIFEST = "data/explorer.json", "data/manifest.json"


def build_site(
    tables: Sequence[tuple[str, Table]],
    scores: Sequence[tuple[str, Scores]] = (),
    searches: Sequence[Replay] = (),
) -> Site:
    """All files of the explorer.

    Args:
        tables: each with what `robnas.load` takes for it: a name, the path of a file, the URL of a store. The page
            shows neither folders nor passwords of it.
        scores: each with the name of its file.
        searches: recorded searches.

    Raises:
        InputError: no table, two of one name, or tables or scores of different spaces.
    """
    names = [table.name for _, table in tables]
    if not names or len(set(names)) < len(names):
        twice = next((name for name in names if names.count(name) > 1), "none")
        raise InputError("tables of the explorer", expected="at least one, with different names", got=Verbatim(twice))
    common = check_one_space([table for _, table in tables], scores)
    space, content = pack_space(common, [table for _, table in tables])
    files = {**_preloading(dict(pages()), space["module"]), space["file"]: content}
    header = {"format": FORMAT, "version": VERSION, "made_by": f"robnas {__version__}", "space": space}
    packed = [
        pack_table(table, shown_source(source), f"data/table-{place}.bin")
        for place, (source, table) in enumerate(tables)
    ]
    scored = [
        pack_scores(found, Path(name).stem, f"data/scores-{place}.bin") for place, (name, found) in enumerate(scores)
    ]
    files |= {facts["file"]: content for facts, content in (*packed, *scored)}
    header |= {"tables": [facts for facts, _ in packed], "scores": [facts for facts, _ in scored], "searches": None}
    if searches:
        header["searches"] = {"file": "data/searches.json", "count": len(searches)}
        files["data/searches.json"] = _json([replay.to_dict(common) for replay in searches])
    files[HEADER] = _json(header)
    checksums = {name: zlib.crc32(content) for name, content in files.items()}
    manifest = {"format": FORMAT, "version": VERSION, "files": checksums}
    return MappingProxyType({**files, MANIFEST: _json(manifest)})


def _preloading(files: dict[str, bytes], module: str) -> dict[str, bytes]:
    """The page, which asks for the modules of its space before it has read which one that is."""
    own = [path for path in files if path.startswith(f"app/{module}/") and path not in _LATER]
    links = "".join(f'<link rel="modulepreload" href="{path}">\n' for path in own).encode()
    return {**files, _PAGE: files[_PAGE].replace(_START, links + _START, 1)}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def pages() -> Iterator[tuple[str, bytes]]:
    """The page itself, as it lies in the package."""

    def walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                yield from walk(entry, f"{prefix}{entry.name}/")
            elif entry.name.endswith((".html", ".css", ".js", ".svg")):
                yield f"{prefix}{entry.name}", entry.read_bytes()

    return walk(resources.files("robnas.explorer").joinpath("static"), "")


def shown_source(source: str) -> str:
    """What others would type to load the same table: no folders of this machine, no user and password of a database."""
    if source in CATALOGUE or source in BUNDLED:
        return source
    if not is_store(source):
        return Path(source).name
    address = StoreAddress.parse(source)
    place = "sqlite://" if address.path is not None else "postgresql://…"
    return f"{place}/{address.shown.rpartition('/')[2]}"
