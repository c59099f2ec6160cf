"""The command that shows benchmarks in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import Json, print_json, progress_bar
from robnas.cli._space import SpaceName
from robnas.cli._tables import Beta

if TYPE_CHECKING:
    from robnas.explorer import Site
    from robnas.types import Progress

_DEFAULT = "digits"  # comes with robnas


def explore(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            help="Published tables, table files, stores such as sqlite:///runs.db; the bundled digits if omitted.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[list[Path] | None, typer.Option(help="A file of robnas score --out; several will do.")] = None,
    search: Annotated[list[Path] | None, typer.Option(help="A folder of robnas search --out; several will do.")] = None,
    space: SpaceName = None,
    beta: Beta = None,
    traces: Annotated[int, typer.Option(min=0, help="Runs of each search that can be replayed.")] = 3,
    export: Annotated[
        Path | None, typer.Option(help="Write the pages to this folder, for any web server, instead of serving them.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the local server; a free one if 0.")] = 0,
    host: Annotated[
        str, typer.Option(help="Address to serve on; anything but the default shows the page to the network.")
    ] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    as_json: Json = False,
) -> None:
    """Look at benchmarks in the browser: cells, maps, comparisons, searches."""
    from robnas.explorer import Server, check_export, write_site

    if export is not None:
        check_export(export)
    with progress_bar(as_json) as progress:
        site = _site(tables or [_DEFAULT], scores or [], search or [], traces, space, beta, progress)
    facts: dict[str, Any] = {"files": len(site), "bytes": sum(map(len, site.values()))}
    if export is not None:
        folder = write_site(site, export)
        if as_json:
            print_json({**facts, "path": str(folder)})
        else:
            print(f"{folder}: {facts['files']} files, {facts['bytes'] / 1e6:.2f} MB; any web server can serve it")
        return
    with Server(site, port, host) as server:
        if as_json:
            print_json({**facts, "url": server.url})
        else:
            print(f"{server.url}  (Ctrl-C ends it)")
        _flush()
        if open_browser:
            import webbrowser

            webbrowser.open(server.url)
        server.serve_forever(poll_interval=0.2)


def _flush() -> None:
    import sys

    sys.stdout.flush()  # a program that reads the address through a pipe gets it now


def _site(
    tables: list[str],
    scores: list[Path],
    search: list[Path],
    traces: int,
    space: str | None,
    beta: float | None,
    progress: Progress,
) -> Site:
    from robnas.benchmarks import load, read_scores
    from robnas.explorer import build_site, read_searches

    loaded = [(name, load(name, progress, space=space, beta=beta)) for name in tables]
    held = [table for _, table in loaded]
    searches = [replay for folder in search for replay in read_searches(folder, held, traces, progress)]
    return build_site(loaded, [(str(path), read_scores(path)) for path in scores], searches)
