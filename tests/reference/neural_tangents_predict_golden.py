"""Rectangular kernels and predictions of neural-tangents 0.6.5 as golden numbers.

Run it as `neural_tangents_golden.py` says, which also builds the networks:

    nt/bin/python tests/reference/neural_tangents_predict_golden.py tests/reference/neural_tangents_predict_0_6_5.json

`gradient_descent_mse` descends ½ mean (f − y)² over all entries of y, so its time is that of the sum of squares times
the number of entries. Its ridge is on an absolute scale here.
"""

import json
import sys

import jax
import neural_tangents_golden as golden
import numpy as np
from neural_tangents import predict

TIMES, RIDGES = (0.0, 3.0, 200.0, None), (0.0, 0.01)
CASES = ("fc:relu,relu,relu,relu:000", "fc:erf,erf,erf:00", "conv3-flat:relu,gelu:0", "conv3-pool:relu,relu,relu:00")


def sphere(rng, count, shape):
    x = rng.normal(size=(count, *shape))
    return np.round(x / np.sqrt((x**2).sum(axis=tuple(range(1, x.ndim)), keepdims=True)), 3)


def main():
    rng, found = np.random.default_rng(19), {}
    for text in CASES:
        train, test = (sphere(rng, count, golden.CASES[text]) for count in (5, 3))
        targets = np.where(np.arange(5)[:, None] % 3 == np.arange(3), 1.0, -1.0)
        _, _, kernel = golden.network(text, train.shape[1:])
        case = {"train": train.tolist(), "test": test.tolist(), "targets": targets.tolist()}
        for kind in ("ntk", "nngp"):
            own, cross = kernel(train, None, kind), kernel(test, train, kind)
            case[kind] = {"cross": np.asarray(cross).tolist(), "predictions": []}
            for ridge in RIDGES:
                flow = predict.gradient_descent_mse(own, targets, diag_reg=ridge, diag_reg_absolute_scale=True)
                for time in TIMES:
                    # None: until it stands still
                    scaled = None if time is None else time * targets.size
                    _, values = flow(scaled, 0.0, 0.0, cross)
                    line = {"time": time, "ridge": ridge, "values": np.asarray(values).tolist()}
                    case[kind]["predictions"].append(line)
        found[text] = case
    with open(sys.argv[1], "w") as stream:
        json.dump({"neural_tangents": golden.nt.__version__, "jax": jax.__version__, "cases": found}, stream)
        stream.write("\n")


main()
