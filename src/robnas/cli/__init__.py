"""The command line: parse, call, print. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from robnas.cli import _architectures, _tables, _trials
from robnas.errors import RobnasError

app = typer.Typer(
    help="Adversarially robust neural architecture search: train, attack, measure and compare architectures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """Shared by all commands."""


_COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (_architectures.info, "robnas info 323133"),
    (_trials.demo, "robnas demo --out runs/demo"),
    (
        _trials.train,
        "robnas train 323133 --data digits --recipe digits --out runs/323133 (the same command goes on with a training "
        "that was interrupted)",
    ),
    (_trials.evaluate, "robnas evaluate runs/323133 --suite nas-robbench-201 --split test --limit-test 500"),
    (_tables.tables, "robnas tables"),
    (_tables.fetch, "robnas fetch nas-robbench-201"),
    (
        _tables.query,
        "robnas query 323133 --table nas-robbench-201 --dataset cifar10 --metric pgd@8/255 --split test",
    ),
    (_tables.export, "robnas export nas-robbench-201 --out table.csv"),
    (_tables.reproduce, "robnas reproduce table1 --out figures"),
)
for _command, _example in _COMMANDS:
    app.command(epilog=f"Example: {_example}")(_command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 2 bad input with one line on standard error, 130 interrupted."""
    code: Any = 0
    try:
        code = app(arguments, standalone_mode=False)
    except (RobnasError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        code = _fail(str(error))
    except Exception as error:  # usage errors of the parser, whose class depends on its version
        if not hasattr(error, "format_message"):
            raise
        code = _fail(f"{error.format_message()} (see robnas --help)")
    if code == 130:
        print("interrupted: the same command goes on with what is finished", file=sys.stderr)
    sys.exit(code or 0)


def _fail(text: str) -> int:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    return 2
