"""Rooms know each other by their public names and in one direction; a word names one thing; classes are final."""

import ast
import importlib
import inspect
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import robnas

SOURCE = Path(robnas.__file__).parent
ROOMS = (
    "spaces", "networks", "data", "attacks", "training", "evaluation", "records", "benchmarks", "search", "building",
    "kernels", "proxies", "surrogates", "statistics", "reports", "paper", "explorer", "testing", "demo", "cli",
)  # fmt: skip
"""In the order in which data flows: each may import what stands before it, and what all share."""
FRONT = {"robnas", "robnas.__main__", "robnas.analysis", "robnas.build"}
"""The package itself and former names: they hand out what the rooms have."""
ROUND = {"spaces"}
"""Rooms whose modules may import each other in a circle. `Architecture` reads the text of any space, so it asks the
spaces, which are made of architectures."""
WORDS = {"Cell", "Plan", "Probe", "Entry", "Value", "Task", "Result", "Failure"}
FORMER = {("kernels", "Probe")}
"""Names of earlier versions that the documentation had."""


@cache
def modules():
    """Name → syntax tree of every module."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return found


def room_of(name):
    """The room of a module; "" for what all share."""
    part = [*name.split("."), ""][1]
    return part if part in ROOMS else ""


@cache
def imports(name, tree):
    """Pairs of line and imported module, wherever the import stands; what is imported from one counts as its part."""
    return tuple(_imports(name, tree))


def _imports(name, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] == "robnas")
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}:{node.lineno} imports relatively"
            if node.module and node.module.split(".")[0] == "robnas":
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Constant) and node.value in modules() and "._" in node.value:
            yield node.lineno, node.value  # what `_lazy` and `importlib` are told


def module_in(imported):
    return imported if imported in modules() else imported.rpartition(".")[0]


def test_every_room_has_its_place():
    there = {path.parent.name for path in SOURCE.glob("*/__init__.py")} | {"demo"}
    assert there <= set(ROOMS)


def test_no_room_imports_the_private_names_of_another():
    found = [
        f"{name}:{line} imports {imported}"
        for name, tree in modules().items()
        for line, imported in imports(name, tree)
        if room_of(imported) not in ("", room_of(name)) and any(part[0] == "_" for part in imported.split(".")[2:])
    ]
    assert found == []


def test_no_module_reaches_for_the_private_names_of_a_room():
    found = []
    for name, tree in modules().items():
        known = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in ("robnas", *(f"robnas.{room}" for room in ROOMS))
            for alias in node.names
            if f"{node.module}.{alias.name}" in modules()
        }
        found += [
            f"{name}:{node.lineno} reads {node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known
            if node.attr.startswith("_") and room_of(known[node.value.id]) not in ("", room_of(name))
        ]
    assert found == []


def test_rooms_import_only_what_stands_before_them():
    places = {"": -1} | {room: place for place, room in enumerate(ROOMS)}
    found = [
        f"{name}:{line} imports {imported}"
        for name, tree in modules().items()
        if name not in FRONT
        for line, imported in imports(name, tree)
        if places[room_of(imported)] > places[room_of(name)] or module_in(imported) in FRONT
    ]
    assert found == []


@cache
def circles():
    """A circle for each module that imports itself by way of others, wherever those imports stand."""
    graph = {
        name: {module_in(imported) for _, imported in imports(name, tree)} - {name}
        for name, tree in modules().items()
        if name not in FRONT
    }

    def reach(start):
        paths, todo = {start: [start]}, [start]
        while todo:
            here = todo.pop(0)
            for there in sorted(graph.get(here, ())):
                if there == start:
                    return [*paths[here], start]
                if there not in paths:
                    paths[there] = [*paths[here], there]
                    todo.append(there)
        return []

    return [circle for name in graph if (circle := reach(name))]


def test_no_module_imports_itself_by_way_of_others():
    found = [circle for circle in circles() if not {room_of(name) for name in circle} <= ROUND]
    assert [" → ".join(circle) for circle in found] == []


def test_the_rooms_that_may_go_round_do():
    assert {room_of(name) for circle in circles() for name in circle} == ROUND


def definitions(tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_a_word_names_one_thing():
    named = [
        (name.lstrip("_"), room_of(module))
        for module, tree in modules().items()
        for name in definitions(tree)
        if name.lstrip("_") in WORDS and (room_of(module), name) not in FORMER
    ]
    assert [word for word, count in Counter(word for word, _ in named).items() if count > 1] == []


@cache
def public_classes():
    found, more = set(), ("benchmarks.adapters", "errors", "types")
    for room in [*(room for room in ROOMS if f"robnas.{room}" in modules() and room != "cli"), *more]:
        module = importlib.import_module(f"robnas.{room}")
        values = [getattr(module, name) for name in dir(module) if not name.startswith("_")]
        found |= {value for value in values if inspect.isclass(value) and value.__module__.startswith("robnas.")}
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def is_settled(kind):
    """Abstract, a protocol, final, an exception, or extended by robnas itself."""
    return (
        inspect.isabstract(kind)
        or getattr(kind, "_is_protocol", False)
        or "__final__" in vars(kind)
        or issubclass(kind, BaseException)
        or any(extended.__module__.startswith("robnas.") for extended in kind.__subclasses__())
    )


def test_public_classes_are_abstract_or_final():
    assert [f"{kind.__module__}.{kind.__name__}" for kind in public_classes() if not is_settled(kind)] == []


def test_final_classes_are_not_extended():
    found = [(kind, kind.__subclasses__()) for kind in public_classes() if "__final__" in vars(kind)]
    assert [pair for pair in found if any(one.__module__.startswith("robnas.") for one in pair[1])] == []


@pytest.mark.parametrize(
    ("module", "text", "what"),
    [
        ("robnas.proxies._x", "from robnas.networks._cell import Fan", "private"),
        ("robnas.proxies._x", "def late():\n    from robnas.networks import _cell", "private"),
        ("robnas.networks._x", "from robnas import proxies", "below"),
        ("robnas._x", "def late():\n    import robnas.search", "below"),
        ("robnas.search._x", "from robnas import __version__", "below"),
    ],
)
def test_these_tests_see_what_they_look_for(monkeypatch, module, text, what):
    seen = modules() | {module: ast.parse(text)}
    monkeypatch.setattr("tests.test_house.modules", lambda: seen)
    check = {
        "private": test_no_room_imports_the_private_names_of_another,
        "below": test_rooms_import_only_what_stands_before_them,
    }[what]
    with pytest.raises(AssertionError):
        check()
