"""Canonical forms against what cells compute: numbers of random operators, and networks of torch."""

import itertools
import math

import numpy as np
import pytest
import torch

from robnas.spaces import EDGES, Architecture, architectures, partition
from tests.reference.network import ReferenceCell

ALL = list(architectures())
SLOPES = np.random.default_rng(0).uniform(0.5, 1.5, (6, 2)).tolist()  # of six operators, each with two numbers
INPUT = 0.7


def _convolve(kind, operator, value, strict):
    """One of six operators of a kind; only a strict one answers nothing with a constant."""
    slope, shift = SLOPES[operator]
    return math.sin(slope * value + kind * shift) - (0 if strict else math.sin(kind * shift))


def _pool(value, strict):
    """Pooling is a function of the sum, linear unless only equal terms count as equal."""
    return value * (0.8 + 0.37 * value if strict else 0.8)


def _output(code, operators, strict):
    """The number that a cell computes whose edges have these operators."""
    nodes = [INPUT, 0.0, 0.0, 0.0]
    for (source, target), digit, operator in zip(EDGES, code, operators, strict=True):
        value = nodes[source]
        if digit == "1":
            nodes[target] += value
        elif digit in "23":
            nodes[target] += _convolve(int(digit), operator, value, strict)
        elif digit == "4":
            nodes[target] += _pool(value, strict)
    return nodes[3]


def _smallest_output(code, strict):
    """Of all ways to give operators to the convolutions that count."""
    plain = list(range(6))
    counts = [edge for edge in range(6) if code[edge] in "23" and _matters(code, plain, edge, strict)]
    ones, threes = ([edge for edge in counts if code[edge] == kind] for kind in "23")
    outputs = []
    for first in itertools.permutations(range(len(ones))):
        for second in itertools.permutations(range(len(threes))):
            operators = dict(zip([*ones, *threes], [*first, *second], strict=True))
            outputs.append(_output(code, [operators.get(edge, 5) for edge in range(6)], strict))
    return min(outputs)


def _matters(code, operators, edge, strict):
    other = [*operators[:edge], (edge + 1) % 6, *operators[edge + 1 :]]
    return abs(_output(code, operators, strict) - _output(code, other, strict)) > 1e-9


@pytest.mark.parametrize("name", ["effective", "identical"])
def test_cells_of_one_class_compute_one_number_with_random_operators_and_others_another(name):
    outputs = np.array([_smallest_output(arch.code, name == "identical") for arch in ALL])
    order = np.argsort(outputs)
    number = np.empty(len(ALL), dtype=int)
    number[order] = np.concatenate([[0], np.cumsum(np.diff(outputs[order]) > 1e-10)])
    classes = partition(name)
    assert number.max() + 1 == classes.count
    assert len(set(zip(number.tolist(), classes.class_of.tolist(), strict=True))) == classes.count


GIVEN = torch.rand(2, 2, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _modules(arch):
    """Edges of the 1×1 and of the 3×3 convolutions from which a path leads to the output."""
    reaches = arch.reaches_output
    return [[e for e in range(6) if arch.code[e] == kind and reaches[EDGES[e][1]]] for kind in "23"]


def _output_of_modules(arch, weights):
    """What a cell of torch computes whose convolution on an edge has the weights of that number."""
    cell = ReferenceCell(arch, 2).double()
    for edge, number in weights.items():
        generator = torch.Generator().manual_seed(number)
        for parameter in cell.layers[edge].parameters():
            parameter.data = torch.rand(parameter.shape, generator=generator, dtype=torch.float64) - 0.3
    with torch.no_grad():
        return cell(GIVEN)


def _same_network(first, second):
    """Whether the modules of one cell in some places of the other compute the same."""
    ours, theirs = _modules(first), _modules(second)
    if [len(edges) for edges in ours] != [len(edges) for edges in theirs]:
        return False
    fixed = _output_of_modules(first, dict(zip(itertools.chain(*ours), range(6), strict=False)))
    return any(
        torch.allclose(
            fixed, _output_of_modules(second, dict(zip([*ones, *threes], range(6), strict=False))), rtol=1e-9
        )
        for ones, threes in itertools.product(*map(itertools.permutations, theirs))
    )


def test_networks_of_torch_agree_with_the_classes_whatever_their_convolutions_are_called():
    """Of pairs that only the names of convolutions tell apart, and that were one class before they were told apart."""
    rng, identical, earlier = np.random.default_rng(0), partition("identical"), partition("identical", version=1)
    pairs = [(Architecture("303031"), Architecture("330033"))]
    several = [number for number, size in enumerate(np.bincount(earlier.class_of)) if size > 1]
    for number in rng.choice(several, 60, replace=False):
        first, second = rng.choice(np.flatnonzero(earlier.class_of == number), 2, replace=False)
        pairs.append((Architecture.from_index(int(first)), Architecture.from_index(int(second))))
    found = [_same_network(*pair) for pair in pairs]
    assert found == [identical.same(*pair) for pair in pairs]
    assert 5 < sum(found) < 55
