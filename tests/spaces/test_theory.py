import numpy as np
import pytest

from robnas.errors import InputError
from robnas.spaces import ACTIVATIONS, TheoryArchitecture, TheorySpace, parse_key, space_of
from tests.data.conftest import refused

SMALL = TheorySpace(4, ("relu", "tanh"), (0, 3, 5))


@pytest.mark.parametrize(
    "text", ["fc:relu,tanh:1", "fc:leaky-relu,silu,erf:01", "conv3-flat:relu,gelu:0", "conv11-pool:relu,relu:1"]
)
def test_text_is_read_back(text):
    arch = TheoryArchitecture.parse(text)
    assert str(arch) == text
    assert eval(repr(arch)) == arch
    assert arch.depth == len(arch.activations) + 1
    assert arch.convolutional == text.startswith("conv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu,relu:1", "architecture of the theory space: expected such as fc:relu,tanh,relu:10"),
        ("fc:relu:", "architecture of the theory space: expected such as"),
        ("fc:relu:1", "activations: expected at least 2, because the depth L is at least 3, got 1"),
        ("fc:relu,relu:10", "skips: expected 1 digits 0 or 1, one fewer than activations, got 10"),
        (
            "fc:relu,swish:1",
            "activation: expected one of relu, leaky-relu, tanh, sigmoid, silu, gelu, erf, sin, softplus, elu, "
            "identity, got 'swish'",
        ),
        ("conv4-flat:relu,relu:1", "filter size: expected an odd number, so that it has a centre, got 4"),
    ],
)
def test_malformed_texts(text, expected):
    with pytest.raises(InputError, match=expected):
        TheoryArchitecture.parse(text)


def test_malformed_values():
    with pytest.raises(InputError, match="read-out: expected flat for a fully connected network"):
        TheoryArchitecture(("relu", "relu"), (1,), 0, "pool")
    with pytest.raises(InputError, match="depth: expected at least 3, got 2"):
        TheorySpace(2)
    with pytest.raises(InputError, match="activations: expected at least one, none twice"):
        TheorySpace(3, ("relu", "relu"))
    with pytest.raises(InputError, match="filter size: expected an odd number"):
        TheorySpace(3, kernel_sizes=(0, 2))
    with pytest.raises(InputError, match="index: expected a number from 0 to 95, got 96"):
        SMALL.from_index(96)
    with pytest.raises(InputError, match="sample count: expected at most 96"):
        SMALL.sample(np.random.default_rng(0), 97)
    with pytest.raises(InputError, match="architecture: expected one of depth 4 in the space"):
        SMALL.neighbours(TheoryArchitecture.parse("fc:relu,relu:1"))


def test_enumeration_is_complete_and_numbered():
    everything = list(SMALL)
    assert len(everything) == len(set(everything)) == SMALL.size == 3 * 2**3 * 2**2
    assert [SMALL.index_of(arch) for arch in everything] == list(range(SMALL.size))
    assert all(arch in SMALL for arch in everything)
    assert TheorySpace(5).size == 7**4 * 2**3  # the usual activations, as ever
    assert TheorySpace(5, ACTIVATIONS).size == len(ACTIVATIONS) ** 4 * 2**3


def test_neighbours_differ_in_one_choice_and_are_mutual():
    for arch in SMALL:
        near = SMALL.neighbours(arch)
        assert len(near) == len(set(near)) == 2 + 3 + 2
        assert arch not in near
        assert all(arch in SMALL.neighbours(other) for other in near)


def test_samples_are_distinct_and_follow_the_seed():
    space = TheorySpace(6, kernel_sizes=(3,), readout="pool")
    drawn = space.sample(np.random.default_rng(0), 50)
    assert len(set(drawn)) == 50
    assert drawn == space.sample(np.random.default_rng(0), 50)
    assert {arch.readout for arch in drawn} == {"pool"}
    assert set(SMALL.sample(np.random.default_rng(0), 96)) == set(SMALL)
    rng = np.random.default_rng(1)
    assert all(SMALL.mutate(arch, rng) in SMALL.neighbours(arch) for arch in SMALL)


def test_a_space_of_more_architectures_than_python_counts():
    deep = TheorySpace(20)
    assert deep.size > 2**63
    arch = deep.random(np.random.default_rng(0))
    assert deep.from_index(deep.index_of(arch)) == arch
    assert len(set(deep.sample(np.random.default_rng(0), 20))) == 20


@pytest.mark.parametrize(
    "space",
    [TheorySpace(), TheorySpace(3, ("relu",)), TheorySpace(5, ("erf", "leaky-relu"), (0, 3, 5), "pool")],
    ids=lambda space: space.depth,
)
def test_the_key_reads_back(space):
    assert space_of(parse_key(space.key)) == space


WRONG = {
    "depth=1001": "^depth: expected",
    "kernel_sizes=3+x": "^filter size: expected a whole number, got 'x'$",
    "kernel_sizes=3+3": "^filter sizes: expected at least one, none twice",
    "activations=relu+": "^activation: ",
}


@pytest.mark.parametrize("settings", WRONG)
def test_a_key_of_no_such_space_is_refused(settings):
    with refused(WRONG[settings], InputError):
        space_of(parse_key(f"theory:{settings}"))
