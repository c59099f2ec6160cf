import pytest

from robnas.benchmarks import training_hours
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import FORMATS, Architecture, canonical, draw_cell, partition

ARCH = Architecture("403123")


@pytest.mark.parametrize("encoding", FORMATS)
def test_what_takes_an_architecture_takes_any_encoding(encoding):
    given = ARCH.format(encoding)
    assert count(given) == count(ARCH)
    assert count(str(given), live=True) == count(ARCH, live=True)
    assert draw_cell(given) == draw_cell(ARCH)
    assert canonical(given, "official") == canonical(ARCH, "official")
    assert partition("official").members(given) == partition("official").members(ARCH)
    assert partition("official").same(given, ARCH)
    assert training_hours(given, "cifar10") == training_hours(ARCH, "cifar10")


def test_a_malformed_encoding_is_refused():
    with pytest.raises(InputError, match="expected 6 digits"):
        count("32313")
