"""The option ``--import``, which every command has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

_NAME = "own_files"
_OPTION = Annotated[
    list[Path] | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="A Python file of your own that registers what it adds, such as my_space.py; may be given several times.",
        show_default=False,
    ),
]


def add_imports(app: typer.Typer) -> None:
    """Give all commands of `app` the option; the files are imported before a command does anything."""
    for command in app.registered_commands:
        assert command.callback is not None
        command.callback = _importing(command.callback)


def _importing(command: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter(_NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_OPTION)

    @functools.wraps(command)
    def importing(**given: Any) -> None:
        if files := given.pop(_NAME):
            from robnas._own import load_file

            for path in files:
                load_file(path)
        command(**given)

    parameters = [*signature.parameters.values(), option]
    importing.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    importing.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return importing
