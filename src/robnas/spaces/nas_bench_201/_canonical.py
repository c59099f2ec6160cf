"""Canonical forms of a cell: texts that are equal for two cells of one class, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby, permutations, product
from typing import TypeAlias

from robnas.spaces.nas_bench_201._architecture import CONVOLUTIONS, SIZE, CellArchitecture
from robnas.spaces.nas_bench_201._encodings import EDGES, OPERATIONS

Terms: TypeAlias = tuple[str, ...]

_ARRIVING = (0, 1, 3, 6)  # edges that end at a node or before it: the prefix of the code that decides its value


def official(code: str) -> str:
    """NAS-Bench-201's own string."""
    return _official_node(code, 3)


@lru_cache(maxsize=SIZE)
def _official_node(code: str, node: int) -> str:
    """NAS-Bench-201's own string of a node; "#" where nothing arrives."""
    if node == 0:
        return "0"
    terms = []
    for (source, target), digit in zip(EDGES, code, strict=False):
        if target == node:
            value = _official_node(code[: _ARRIVING[source]], source)
            name = OPERATIONS[int(digit)]
            if name == "none" or value == "#":
                terms.append("#")
            else:
                terms.append(value if name == "skip_connect" else f"({value})@{name}")
    return "+".join(sorted(terms))


def unfolded(code: str, *, strict: bool) -> str:
    """The multiset of terms that add up in the output, each convolution written out as often as it is used.

    A convolution that is used twice reads like two convolutions: equal for cells that are not the same network.
    """
    return "+".join(_unfolded_terms(code, 3, strict))


def network(code: str, *, strict: bool) -> str:
    """The multiset of terms that add up in the output, and the convolutions in it, each one module with a name.

    The names of the live convolutions are arbitrary: of all namings, the one whose text is the smallest. Convolutions
    that differ when they are unfolded cannot take each other's place, so that only the others change names.

    Args:
        code: six digits.
        strict: also tell apart what only exact equality tells apart: the constant of a convolution whose source carries
            nothing, and the pooling of a sum from the sum of the poolings.
    """
    return min(_named(code, strict, edges) for edges in _orders(code, strict))


def _orders(code: str, strict: bool) -> Iterator[tuple[int, ...]]:
    """The live convolution edges by what they are unfolded, in all orders among the equal ones."""
    reaches = CellArchitecture(code).reaches_output
    form = {}
    for edge, ((source, target), digit) in enumerate(zip(EDGES, code, strict=True)):
        arriving = _unfolded_terms(code[: _ARRIVING[source]], source, strict)
        if OPERATIONS[int(digit)] in CONVOLUTIONS and reaches[target] and (arriving or strict):
            form[edge] = _sum(int(digit), arriving)
    equal = [tuple(edges) for _, edges in groupby(sorted(form, key=form.__getitem__), key=form.__getitem__)]
    for chosen in product(*map(permutations, equal)):
        yield tuple(edge for edges in chosen for edge in edges)


def _named(code: str, strict: bool, edges: tuple[int, ...]) -> str:
    """The output and the convolutions on `edges`, which are called c1, c2, … in this order."""
    name = {edge: f"c{number}" for number, edge in enumerate(edges, 1)}

    def convolution(edge: int, _arriving: Terms) -> str:
        return name.get(edge, "")

    nodes: list[Terms] = [("x",)]
    for node in (1, 2, 3):
        nodes.append(_arriving_terms(code, node, strict, nodes.__getitem__, convolution))
    modules = (f"{name[edge]}={_sum(int(code[edge]), nodes[EDGES[edge][0]])}" for edge in edges)
    return "; ".join(("+".join(nodes[3]), *modules))


@lru_cache(maxsize=2 * SIZE)
def _unfolded_terms(code: str, node: int, strict: bool) -> Terms:
    def value(source: int) -> Terms:
        return _unfolded_terms(code[: _ARRIVING[source]], source, strict)

    def convolution(edge: int, arriving: Terms) -> str:
        return _sum(int(code[edge]), arriving)

    return ("x",) if node == 0 else _arriving_terms(code, node, strict, value, convolution)


def _arriving_terms(
    code: str, node: int, strict: bool, value: Callable[[int], Terms], convolution: Callable[[int, Terms], str]
) -> Terms:
    """The multiset of terms that add up in a node, sorted, given those of a node before and the text of a module."""
    terms: list[str] = []
    for edge in range(_ARRIVING[node - 1], _ARRIVING[node]):
        digit, arriving = int(code[edge]), value(EDGES[edge][0])
        if OPERATIONS[digit] == "none" or not (arriving or (strict and OPERATIONS[digit] in CONVOLUTIONS)):
            continue
        if OPERATIONS[digit] == "skip_connect":
            terms += arriving
        elif OPERATIONS[digit] in CONVOLUTIONS:
            terms.append(convolution(edge, arriving))
        else:
            terms += [_sum(digit, arriving)] if strict else [_sum(digit, (term,)) for term in arriving]
    return tuple(sorted(terms))


def _sum(digit: int, terms: Terms) -> str:
    return f"{OPERATIONS[digit]}({'+'.join(terms)})"
