"""The site: files by their path, built in memory, served or written as a folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence, Set
from importlib import resources
from importlib.abc import Traversable
from pathlib import Path
from types import MappingProxyType

import robnas
from robnas.benchmarks import BUNDLED, CATALOGUE, Scores, Table
from robnas.errors import InputError, Verbatim, shorten
from robnas.explorer._pack import FORMAT, VERSION, pack_scores, pack_space, pack_table
from robnas.explorer._search import Replay
from robnas.records import StoreAddress, is_store

Site = Mapping[str, bytes]
"""Content by path, such as ``data/explorer.json``."""
_HEADER = "data/explorer.json"


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
        InputError: no table, or two of one name.
    """
    names = [table.name for _, table in tables]
    if not names or len(set(names)) < len(names):
        twice = next((name for name in names if names.count(name) > 1), "none")
        raise InputError("tables of the explorer", expected="at least one, with different names", got=Verbatim(twice))
    space, content = pack_space()
    files = {**dict(_app()), space["file"]: content}
    header = {"format": FORMAT, "version": VERSION, "made_by": f"robnas {robnas.__version__}", "space": space}
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
        files["data/searches.json"] = _json([replay.to_dict() for replay in searches])
    return MappingProxyType({**files, _HEADER: _json(header)})


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _app() -> Iterator[tuple[str, bytes]]:
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


def write_site(site: Site, folder: str | Path) -> Path:
    """Write the site as a folder, which appears complete or not at all.

    Args:
        site: of `build_site`.
        folder: absent, empty, or an explorer that was written before, which is replaced.

    Raises:
        InputError: the folder holds anything else.
    """
    target = Path(folder).absolute()
    _check_replaceable(target, {name.partition("/")[0] for name in site})
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as room:
        fresh, old = Path(room) / "new", Path(room) / "old"
        for name, content in site.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        fresh.chmod(0o755)
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(fresh, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    return target


def _check_replaceable(target: Path, ours: Set[str]) -> None:
    """Raise `InputError` unless nothing but an earlier explorer, which has the names `ours`, would be lost."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError("--export", expected="a folder, or nothing", got=str(target))
    if not target.is_dir() or not any(target.iterdir()):
        return
    try:
        known = json.loads((target / _HEADER).read_text(encoding="utf-8"))["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise InputError(
            "--export", expected="an empty folder, or one that it wrote before", got=str(target), remedy="name another"
        )
    if others := sorted(path.name for path in target.iterdir() if path.name not in ours):
        raise InputError(
            "--export",
            expected="an earlier export with nothing else in it",
            got=Verbatim(f"{shorten(others[0])} in {shorten(str(target))}"),
            remedy="move it, or name another folder",
        )
