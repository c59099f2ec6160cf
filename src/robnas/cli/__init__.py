"""The command line: parse, call, print. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from robnas._version import __version__
from robnas.cli import (
    _architectures,
    _build,
    _check_result,
    _complete,
    _explorer,
    _imports,
    _join,
    _lines,
    _query,
    _recipes,
    _report,
    _reproduce,
    _score,
    _search,
    _surrogate,
    _tables,
    _terminal,
    _theory,
    _trials,
    _weights,
)
from robnas.errors import RobnasError, printable

app = typer.Typer(
    help="Adversarially robust neural architecture search: train, attack, measure and compare architectures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"robnas {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Shared by all commands."""


_COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (
        _architectures.info,
        "robnas info 323133 (of another space: robnas info D1=4,W1=10,D2=4,W2=10,D3=4,W3=10 --space wide-resnet)",
    ),
    (_architectures.spaces, "robnas spaces (one alone: robnas spaces wide-resnet)"),
    (_trials.demo, "robnas demo --out runs/demo"),
    (
        _trials.train,
        "robnas train 323133 --data digits --recipe digits --out runs/323133 (the same command goes on with a training "
        "that was interrupted; one's own settings: --recipe mine.toml --set optimizer.lr=0.05 --set schedule=cosine)",
    ),
    (_recipes.recipes, "robnas recipes"),
    (_trials.evaluate, "robnas evaluate runs/323133 --suite nas-robbench-201 --split test --limit-test 500"),
    (_weights.export_weights, "robnas export-weights runs/323133 --layout nas-bench-201 --out net.pt"),
    (_tables.tables, "robnas tables (what one holds: robnas tables sqlite:///runs.db)"),
    (_tables.fetch, "robnas fetch nas-robbench-201"),
    (
        _query.query,
        "robnas query 323133 --table nas-robbench-201 --dataset cifar10 --metric pgd@8/255 --split test",
    ),
    (_check_result.check_result, "robnas check-result table.csv --table nas-robbench-201 --dataset cifar10"),
    (
        _join.join,
        "robnas join nas-robbench-201 jung-2023 nas-bench-201-cost --out everything.parquet (then all about one "
        "architecture: robnas query 323133 --table everything.parquet --all)",
    ),
    (
        _complete.complete,
        "robnas complete sqlite:///runs.db --out completed.parquet (one metric: --dataset digits --metric pgd@32/255 "
        "--split validation)",
    ),
    (_tables.export, "robnas export nas-robbench-201 --out table.csv"),
    (
        _search.search,
        "robnas search --table nas-robbench-201 --dataset cifar10 --metric pgd@8/255 "
        "--algorithm regularized-evolution --set population=30 --set sample=10 --budget 150 --runs 200 --jobs 2",
    ),
    (
        _score.score,
        "robnas score 323133 444444 --data digits --channels 4 --cells 1 --proxy nwot,synflow,ntk-robust-lambda-min "
        "(the whole space: robnas score --all --proxy nwot,synflow --out scores.parquet --jobs 2)",
    ),
    (_theory.theory, "robnas theory fc:relu,relu:1 conv3-flat:relu,tanh:0 --data digits --classes 3,8 --beta 0.5"),
    (_explorer.explore, "robnas explore nas-robbench-201 jung-2023 (after fetching), --export site/ for a web server"),
    (_report.report, "robnas report sqlite:///runs.db --out report.html"),
    (_reproduce.reproduce, "robnas reproduce table1 --out figures"),
)
for _command, _example in _COMMANDS:
    app.command(_command.__name__.replace("_", "-"), epilog=f"Example: {_example}")(_command)
app.add_typer(_build.app, name="build")
app.add_typer(_surrogate.app, name="surrogate")
for _typer in (app, _build.app, _surrogate.app):
    _imports.add_imports(_typer)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 2 bad input with one line on standard error, 130 interrupted."""
    code: Any = 0
    words = sys.argv[1:] if arguments is None else arguments
    try:
        with _terminal.prepared(), _lines.early_line("--json" not in words):
            code = app(arguments, standalone_mode=False)
    except (RobnasError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        code = _fail(str(error))
    except Exception as error:  # usage errors of the parser, whose class depends on its version
        if not hasattr(error, "format_message"):
            raise
        code = _fail(f"{error.format_message()} (see {_help_page(getattr(error, 'ctx', None), words)})")
    if code == 130:
        print("interrupted: the same command goes on with what it has kept", file=sys.stderr)
    sys.exit(code or 0)


def _help_page(context: Any, words: list[str]) -> str:
    """The command that explains the one in which a usage error came up; not every error knows it, but `words` do."""
    names: list[str] = []
    if context is None:
        command: Any = typer.main.get_command(app)
        while len(names) < len(words) and (command := getattr(command, "commands", {}).get(words[len(names)])):
            names.append(words[len(names)])
    while context is not None and context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    return " ".join(["robnas", *names, "--help"])


def _fail(text: str) -> int:
    print(f"error: {printable(' '.join(text.split()))}", file=sys.stderr)
    return 2
