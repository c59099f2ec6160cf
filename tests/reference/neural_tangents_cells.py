"""Kernels of cells by neural-tangents 0.6.5 as golden numbers; see `neural_tangents_golden.py` for its environment.

    nt/bin/python tests/reference/neural_tangents_cells.py tests/reference/neural_tangents_cells_0_6_5.json

It adds branches as if they were independent, so there are only cells where no map meets itself, without scaling.
Its convolutions of stride 2 begin at the first pixel and end one beyond the last, where this project's do the reverse:
images are turned by 180 degrees, and have an even number of rows and columns in each stage that is reduced.
"""

import json
import sys
import types

import jax
import numpy as np

sys.modules["neural_tangents.experimental"] = types.ModuleType("experimental")  # it needs TensorFlow, and is not used
import neural_tangents as nt  # noqa: E402
from neural_tangents import stax  # noqa: E402

jax.config.update("jax_enable_x64", True)
CASES = ("000100", "000400", "323133", "330314", "300430", "402303", "220332")
AXES = {"dimension_numbers": ("NCHW", "HWIO", "NCHW")}


def convolution(size, gain=2.0, stride=1):
    return stax.Conv(1, (size, size), (stride, stride), padding="SAME", W_std=gain**0.5, **AXES)


def operation(digit):
    pool = stax.AvgPool((3, 3), (1, 1), "SAME", normalize_edges=True, batch_axis=0, channel_axis=1)
    made = {"2": lambda: convolution(1), "3": lambda: convolution(3)}
    if digit in made:
        return stax.serial(stax.Relu(), made[digit]())
    return {"1": stax.Identity(), "4": pool}[digit]


def added(branches):
    if len(branches) == 1:
        return branches[0]
    return stax.serial(stax.FanOut(len(branches)), stax.parallel(*branches), stax.FanInSum())


def cell(code):
    """Each node as a function of the input; a branch that is read twice is written twice, which adds up the same."""
    nodes = [stax.Identity()]
    for edges in ([(0, 0)], [(1, 0), (2, 1)], [(3, 0), (4, 1), (5, 2)]):
        terms = [
            stax.serial(nodes[source], operation(code[edge]))
            for edge, source in edges
            if code[edge] != "0" and nodes[source] is not None
        ]
        nodes.append(added(terms) if terms else None)
    return nodes[3]


def reduction():
    main = stax.serial(stax.Relu(), convolution(3, stride=2), stax.Relu(), convolution(3))
    mean = stax.AvgPool((2, 2), (2, 2), "VALID", batch_axis=0, channel_axis=1)
    return added([main, stax.serial(mean, convolution(1, gain=1.0))])


def network(code):
    stages = [convolution(3, gain=1.0), cell(code), reduction(), cell(code), reduction(), cell(code)]
    return stax.serial(*stages, stax.Relu(), stax.GlobalAvgPool(channel_axis=1), stax.Dense(1, W_std=2**0.5))


def main():
    x = np.round(np.random.default_rng(65).normal(size=(4, 2, 4, 4)), 3)
    found = {}
    for code in CASES:
        _, _, kernel = network(code)
        both = kernel(x[:, :, ::-1, ::-1], None, ("ntk", "nngp"))
        found[code] = {"ntk": np.asarray(both.ntk).tolist(), "nngp": np.asarray(both.nngp).tolist()}
    with open(sys.argv[1], "w") as stream:
        json.dump(
            {"neural_tangents": nt.__version__, "jax": jax.__version__, "inputs": x.tolist(), "cases": found}, stream
        )
        stream.write("\n")


main()
