"""What all commands share: options, progress, output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from robnas.cli._lines import lines_for_logs
from robnas.cli._terminal import has_all_letters
from robnas.errors import printable
from robnas.spaces import space_of
from robnas.types import Progress, silent

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
ENCODINGS = (
    f"Any encoding of an architecture in quotes: its text, gene=value,…; of the usual space {space_of(None).forms}"
)
Arch = Annotated[str, typer.Argument(help=f"{ENCODINGS}.", show_default=False)]
TableName = Annotated[
    str,
    typer.Option(
        "--table",
        help="digits (comes with robnas), a published table, a table file, or a store such as sqlite:///runs.db.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of images and tables; $ROBNAS_DATA or the user's cache if omitted."),
]
AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Accept fewer images than the official data set has.")
]
Model = Annotated[str, typer.Option(help="Kind of surrogate; an unknown name lists the known.")]
Information = Annotated[
    list[str] | None,
    typer.Option(
        help="What the surrogate may look at: structure, scores:FILE or columns:TABLE::DATASET::METRIC::SPLIT; the "
        "option again for more.  [default: structure]",
        show_default=False,
    ),
]


@contextmanager
def progress_bar(hidden: bool) -> Iterator[Progress]:
    """A bar with rate and time left on the terminal; nothing where the output goes to a machine."""
    if hidden:
        yield silent
        return
    if not sys.stderr.isatty():
        with lines_for_logs() as lines:
            yield lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("start", total=None)

        def report(done: int, total: int, text: str, /) -> None:
            bar.update(task, completed=done, total=total, description=printable(text[:60]))

        yield report


def parse_architecture(text: str) -> str | int:
    """An encoding as it is, or the published index of ``#2581``.

    Raises:
        InputError: what follows ``#`` is no number.
    """
    from robnas.errors import InputError

    if not text.startswith("#"):
        return text
    if not (text[1:].isascii() and text[1:].isdecimal()):
        raise InputError("published index", expected="digits after #", got=text)
    return int(text[1:])


def say(text: str, file: TextIO | None = None) -> None:
    """Print a line that may hold what others wrote: names, messages, paths."""
    print(printable(text), file=file, flush=True)


def print_json(value: Any) -> None:
    import dataclasses

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return dataclasses.asdict(item)
        return str(item)

    text = json.dumps(value, default=plain, ensure_ascii=not has_all_letters())
    print(text if text.isprintable() else json.dumps(value, default=plain))  # what turns the direction of writing


def checked_device(name: str) -> str:
    """Check a device name before long work begins."""
    import torch

    from robnas.errors import InputError

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError("device", expected="cpu or a GPU of this machine", got=name, remedy=reason) from None
    return name
