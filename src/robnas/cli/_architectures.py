"""Commands about architectures as values."""

from __future__ import annotations

from robnas.cli._common import Arch, Json, print_json


def info(architecture: Arch, as_json: Json = False) -> None:
    """Show an architecture: encodings, parameters, MACs, class sizes, a drawing of the cell."""
    from robnas.networks import count
    from robnas.spaces import FORMATS, PARTITIONS, Architecture, draw_cell, partition

    arch = Architecture(architecture)
    published, live = count(arch), count(arch, live=True)
    classes = {name: len(partition(name).members(arch)) for name in PARTITIONS}
    facts = {
        **{encoding: arch.format(encoding) for encoding in FORMATS},
        "index": arch.index,
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
    print(f"{'parameters':<12} {published.parameters:,} as published, {live.parameters:,} on live edges")
    print(f"{'MACs':<12} {published.macs / 1e6:,.2f} M as published, {live.macs / 1e6:,.2f} M on live edges")
    print(f"{'':<12} (C=16, N=5, 3×32×32, 10 classes)")
    for name, size in classes.items():
        others = "no other architecture" if size == 1 else f"{size - 1} other architecture{'s' * (size > 2)}"
        print(f"{name:<12} same class as {others}")
