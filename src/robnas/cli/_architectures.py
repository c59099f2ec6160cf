"""Commands about architectures and search spaces as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import ENCODINGS, Json, TableName, parse_architecture, print_json, progress_bar, say
from robnas.cli._space import SpaceName, architecture_in, chosen_space

if TYPE_CHECKING:
    from robnas.spaces import Architecture, Space

_SHIPPED = "robnas"
"""Who brought the spaces that no file or package brought."""


def info(
    architecture: Annotated[
        str,
        typer.Argument(help=f"{ENCODINGS}; or with --table a published index written as '#2581'.", show_default=False),
    ],
    table: TableName | None = None,
    space: SpaceName = None,
    as_json: Json = False,
) -> None:
    """Show an architecture: genes, encodings, parameters, MACs, class sizes, a drawing."""
    from robnas.benchmarks import load
    from robnas.errors import InputError

    given, published_index = parse_architecture(architecture), None
    if table is not None:
        with progress_bar(as_json) as progress:
            found = load(table, progress, space=space)
        of, arch = found.space, found.architecture(given)
        if found.published is not None:
            published_index = int(found.published[of.index_of(arch)])
    elif isinstance(given, int):
        raise InputError(
            "published index", expected="--table with a table that brings published indices", got=architecture
        )
    else:
        of = chosen_space(space)
        arch = architecture_in(of, given)
    facts = _facts(of, arch) | ({} if published_index is None else {"published_index": published_index})
    if as_json:
        print_json(facts)
        return
    print(of.draw(arch), end="\n\n")
    _print(of, arch, facts)
    if published_index is not None:
        say(f"{'published':<12} #{published_index} in the order of {found.name}")


def _facts(space: Space, arch: Architecture) -> dict[str, Any]:
    """Everything there is to say about an architecture."""
    facts: dict[str, Any] = {"space": space.key, "text": arch.text, "genes": dict(arch.genes), **space.facts(arch)}
    if space.size is not None:
        facts["index"] = space.index_of(arch)
    facts |= _sizes(space, arch)
    if space.partitions:
        facts["class_sizes"] = {name: len(space.partition(name).members(arch)) for name in space.partitions}
    return facts


def _sizes(space: Space, arch: Architecture) -> dict[str, int]:
    """Parameters and MACs, where there is something to build."""
    from robnas.errors import InputError
    from robnas.networks import count

    try:
        found = count(arch, space=space)
    except InputError:
        if space.build is None:
            return {}
        raise
    sizes = {"parameters": found.parameters, "macs": found.macs}
    if space.parts_unused:
        live = count(arch, live=True, space=space)
        sizes |= {"live_parameters": live.parameters, "live_macs": live.macs}
    return sizes


def _print(space: Space, arch: Architecture, facts: Mapping[str, Any]) -> None:
    """A line for each of the facts."""
    lines = {"space": space.key, **{name.replace("_", " "): facts[name] for name in space.facts(arch)}}
    if arch.text not in lines.values():
        lines["text"] = arch.text
    if "index" in facts:
        lines["index"] = f"{facts['index']} in the project's own order"
    if "parameters" in facts:
        lines["parameters"] = f"{facts['parameters']:,}"
        lines["MACs"] = f"{facts['macs'] / 1e6:,.2f} M"
    if "live_parameters" in facts:
        lines["parameters"] += f" as published, {facts['live_parameters']:,} on live edges"
        lines["MACs"] += f" as published, {facts['live_macs'] / 1e6:,.2f} M on live edges"
    if "parameters" in facts:
        lines[""] = "(3×32×32, 10 classes)"
    for name, size in facts.get("class_sizes", {}).items():
        others = "no other architecture" if size == 1 else f"{size - 1} other architecture{'s' * (size > 2)}"
        lines[name] = f"same class as {others}"
    for name, value in lines.items():
        say(f"{name:<12} {value}")


def spaces(
    name: Annotated[str | None, typer.Argument(help="Show this one only, its genes with all choices.")] = None,
    as_json: Json = False,
) -> None:
    """List the search spaces: those that come with robnas, those of installed packages and of files of your own."""
    from robnas.spaces import SPACES, parse_key, space_of

    found = [SPACES[key] for key in SPACES.names()] if name is None else [space_of(parse_key(name))]
    facts = [_space_facts(space) for space in found]
    if as_json:
        print_json(facts if name is None else facts[0])
        return
    for space, fact in zip(found, facts, strict=True):
        origin = "comes with robnas" if fact["from"] == _SHIPPED else f"from {fact['from']}"
        say(f"{space.name}  ({space.size_text}; {origin})")
        for setting, value in space.settings.items():
            say(f"  {setting} = {', '.join(map(str, value)) if isinstance(value, list) else value}")
        for gene in space.genes:
            say(f"  {gene.name:<12} {', '.join(gene.texts)}{'  (ordered)' * gene.ordered}")
        say(f"  such as {space.example}")
        if name is not None:
            say(f"  fingerprint {space.fingerprint}")


def _space_facts(space: Space) -> dict[str, Any]:
    from robnas.spaces import SPACES

    return {
        "name": space.name,
        "space": space.key,
        "size": space.size,
        "genes": [{"name": gene.name, "choices": list(gene.choices), "ordered": gene.ordered} for gene in space.genes],
        "settings": dict(space.settings),
        "example": space.example,
        "partitions": list(space.partitions),
        "from": SPACES.origin(space.name) or _SHIPPED,
        "fingerprint": space.fingerprint,
    }
