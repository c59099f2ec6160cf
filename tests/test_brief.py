import json
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

import robnas
from robnas import search
from robnas._brief import brief
from robnas.attacks import PGD
from robnas.evaluation import Suite
from robnas.kernels import robust_ntk
from robnas.spaces import partition
from robnas.types import ThreatModel

THREAT = ThreatModel.linf("8/255")


@pytest.fixture(scope="module")
def values():
    """Public values that hold arrays, by what they are called."""
    table, data = robnas.load("digits"), robnas.load_data("digits")
    part = data.split("test").limit(8)
    images = part.images.float() / 255
    network = robnas.build_network("323133", num_classes=10, channels=2, cells=1, in_channels=1).eval()
    attack = PGD(THREAT, steps=1, step_size=0.01)
    task = search.Task.named(table, "digits", ("pgd@16/255",), split="validation")
    trace = search.run(search.RandomSearch(), task, budget=20, seed=0)
    result = search.repeat(search.RandomSearch(), task, budget=20, runs=2, seed=0)
    return {
        "data set": data, "images": part, "table": table, "column": table.columns[0], "task": task, "trace": trace,
        "result": result, "scale": trace.scale, "partition": partition("official"),
        "noise": table.noise("digits", "clean", split="test"),
        "local noise": table.local_noise("digits", "clean", split="test"),
        "evaluation": robnas.evaluate(network, data, Suite("s", (attack,), checks=False), split="test", seed=0),
        "attacked": robnas.perturb(attack, network, images, part.labels, seed=0),
        "kernels": robust_ntk(network, images, part.labels, threat=THREAT),
    }  # fmt: skip


NAMES = ("data set", "images", "table", "column", "task", "trace", "result", "scale", "partition", "noise",
         "local noise", "evaluation", "attacked", "kernels")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_value_prints_in_one_short_line(values, name):
    for text in (repr(values[name]), str(values[name])):
        assert len(text) <= 310
        assert text.isprintable()


def test_a_data_set_says_what_it_holds(values):
    shown = "Dataset('digits', 10 classes of 1×8×8, train 1,000, validation 397, test 400)"
    assert str(values["data set"]) == shown


@dataclass
class Held:
    array: object
    listed: object = ()
    named: object = field(default_factory=dict)


def test_arrays_are_shown_by_type_and_shape_and_lists_by_their_beginning():
    held = Held(np.zeros((1000, 2)), list(range(1000)), dict.fromkeys(map(str, range(9)), torch.zeros(3)))
    assert brief(held) == (
        "Held(array=<float64 of shape (1000, 2)>, listed=[0, 1, 2, 3, … 1,000 in all], named={'0': <float32 of shape "
        "(3,)>, '1': <float32 of shape (3,)>, '2': <float32 of shape (3,)>, '3': <float32 of shape (3,)>, … 9 in all})"
    )
    assert len(brief(Held("x" * 10**6, "y" * 10**6, {"z" * 10**6: "\n"}))) < 310
    assert "\n" not in brief(Held("a\nb", json.dumps([1], indent=1)))
