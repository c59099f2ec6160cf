"""Commands about architectures as values."""

from __future__ import annotations

from typing import Annotated

import typer

from robnas.cli._common import ENCODINGS, Json, TableName, parse_architecture, print_json, progress_bar


def info(
    architecture: Annotated[
        str,
        typer.Argument(help=f"{ENCODINGS}; or with --table a published index written as '#2581'.", show_default=False),
    ],
    table: TableName | None = None,
    as_json: Json = False,
) -> None:
    """Show an architecture: encodings, parameters, MACs, class sizes, a drawing of the cell."""
    from robnas.benchmarks import load
    from robnas.errors import InputError
    from robnas.networks import count
    from robnas.spaces import FORMATS, PARTITIONS, Architecture, draw_cell, partition

    given, published_index = parse_architecture(architecture), None
    if table is not None:
        with progress_bar(as_json) as progress:
            found = load(table, progress)
        arch = found.architecture(given)
        if found.published is not None:
            published_index = int(found.published[arch.index])
    elif isinstance(given, int):
        raise InputError(
            "published index", expected="--table with a table that brings published indices", got=architecture
        )
    else:
        arch = Architecture(given)
    published, live = count(arch), count(arch, live=True)
    classes = {name: len(partition(name).members(arch)) for name in PARTITIONS}
    facts = {
        **{encoding: arch.format(encoding) for encoding in FORMATS},
        "index": arch.index,
        **({} if published_index is None else {"published_index": published_index}),
        "parameters": published.parameters,
        "macs": published.macs,
        "live_parameters": live.parameters,
        "live_macs": live.macs,
        "live_edges": sum(arch.live_edges),
        "class_sizes": classes,
    }
    if as_json:
        print_json(facts)
        return
    print(draw_cell(arch), end="\n\n")
    for key in FORMATS:
        print(f"{key:<12} {facts[key]}")
    print(f"{'index':<12} {arch.index} in the project's own order")
    if published_index is not None:
        print(f"{'published':<12} #{published_index} in the order of {found.name}")
    print(f"{'parameters':<12} {published.parameters:,} as published, {live.parameters:,} on live edges")
    print(f"{'MACs':<12} {published.macs / 1e6:,.2f} M as published, {live.macs / 1e6:,.2f} M on live edges")
    print(f"{'':<12} (C=16, N=5, 3×32×32, 10 classes)")
    for name, size in classes.items():
        others = "no other architecture" if size == 1 else f"{size - 1} other architecture{'s' * (size > 2)}"
        print(f"{name:<12} same class as {others}")
