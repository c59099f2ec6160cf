"""Kernels of neural-tangents 0.6.5 as golden numbers; run it in an environment of its own.

    python3.11 -m venv nt && nt/bin/pip install jax==0.4.23 jaxlib==0.4.23 "numpy<2" "scipy<1.12" frozendict absl-py
    nt/bin/pip install --no-deps neural-tangents==0.6.5
    nt/bin/python tests/reference/neural_tangents_golden.py tests/reference/neural_tangents_0_6_5.json

neural-tangents has no 1/L and scales by fan-in. A factor 1/L after σ_l is the `W_std` of the layer after it; the first
layer takes √(input channels) and the flat read-out √pixels to undo the fan-in that this project leaves out. It refuses
to add anything but mean-zero Gaussians, so there are no skips here.
"""

import json
import math
import sys
import types

import jax
import numpy as np

sys.modules["neural_tangents.experimental"] = types.ModuleType("experimental")  # it needs TensorFlow, and is not used
import neural_tangents as nt  # noqa: E402
from neural_tangents import stax  # noqa: E402

jax.config.update("jax_enable_x64", True)
CASES = {
    "fc:relu,relu:0": (6,),
    "fc:relu,relu,relu,relu:000": (6,),
    "fc:leaky-relu,relu,leaky-relu:00": (6,),
    "fc:erf,erf,erf:00": (6,),
    "fc:gelu,erf,relu:00": (6,),
    "conv3-flat:relu,relu,relu:00": (2, 5),
    "conv3-pool:relu,relu,relu:00": (2, 5),
    "conv3-pool:erf,relu:0": (2, 3, 4),
    "conv3-flat:relu,gelu:0": (2, 3, 4),
}


SIGMAS = {"relu": stax.Relu(), "leaky-relu": stax.LeakyRelu(0.01), "gelu": stax.Gelu(), "erf": stax.Erf()}
DIMENSIONS = {2: ("NCH", "HIO", "NCH"), 3: ("NCHW", "HWIO", "NCHW")}


def network(text, shape):
    kind, names, _ = text.split(":")
    names, depth = names.split(","), text.count(",") + 2
    channels, pixels = shape[0], math.prod(shape[1:])

    def weights(scale):
        if kind == "fc":
            return stax.Dense(1, W_std=scale)
        filters = (3,) * (len(shape) - 1)
        return stax.Conv(1, filters, padding="SAME", W_std=scale, dimension_numbers=DIMENSIONS[len(shape)])

    layers = [weights(math.sqrt(channels)), SIGMAS[names[0]]]
    for place, name in enumerate(names[1:]):
        layers += [weights(1.0 if place == 0 else 1 / depth), SIGMAS[name]]
    last = 1 / depth
    if kind.endswith("flat"):
        layers += [stax.Flatten(), stax.Dense(1, W_std=last * math.sqrt(pixels))]
    elif kind.endswith("pool"):
        layers += [stax.GlobalAvgPool(channel_axis=1), stax.Dense(1, W_std=last)]
    else:
        layers.append(stax.Dense(1, W_std=last))
    return stax.serial(*layers)


def main():
    rng, found = np.random.default_rng(65), {}
    for text, shape in CASES.items():
        x = rng.normal(size=(4, *shape))
        x = np.round(x / np.sqrt((x**2).sum(axis=tuple(range(1, x.ndim)), keepdims=True)), 3)
        _, _, kernel = network(text, shape)
        found[text] = {"inputs": x.tolist(), "ntk": np.asarray(kernel(x, None, "ntk")).tolist()}
    with open(sys.argv[1], "w") as stream:
        json.dump({"neural_tangents": nt.__version__, "jax": jax.__version__, "cases": found}, stream, indent=1)
        stream.write("\n")


if __name__ == "__main__":
    main()
