"""The switch between TF32 and full float32 products, which works without a GPU as flags do."""

import pytest
import torch

from robnas._products import products

PLACES = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)


def states():
    return [place.fp32_precision for place in PLACES]


def fail_inside(device, tf32, seen):
    with products(device, tf32=tf32):
        seen += states()
        raise ZeroDivisionError


@pytest.mark.parametrize(("tf32", "inside"), [(False, "ieee"), (True, "tf32")])
def test_products_are_as_asked_inside_and_as_before_outside(tf32, inside):
    before, seen = states(), []
    with pytest.raises(ZeroDivisionError):
        fail_inside(torch.device("cuda"), tf32, seen)
    assert seen == [inside, inside]
    assert states() == before


def test_a_cpu_needs_no_switch():
    before = states()
    with products(torch.device("cpu")):
        assert states() == before
