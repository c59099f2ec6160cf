"""How tight are the lower bounds on the smallest eigenvalue of infinitely wide networks?

    python experiments/bound_tightness.py --out experiments/results/tightness    # a minute or two of one core

Random fully connected architectures of the theory space, 60 each of depth 3, 4 and 5, on digits 3 and 8 (centred by the
mean of the training images, on the unit sphere, as `robnas theory` takes them) and on as many random points of the same
sphere. `tightness.csv` has the smallest eigenvalue of the kernel, and what `schur_bound` and `hermite_bound` say of it;
`shares.csv` quantiles of bound over eigenvalue.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from robnas import kernels
from robnas.data import load_data
from robnas.reports import write_csv
from robnas.spaces import TheorySpace

DEPTHS, EACH, INPUTS = (3, 4, 5), 60, 50
BOUNDS = {"schur": kernels.schur_bound, "hermite": kernels.hermite_bound}
QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)


def inputs() -> dict[str, npt.NDArray[np.float64]]:
    """Both tasks, shape (inputs, 64)."""
    data = load_data("digits")
    train = data.split("train")
    chosen = torch.isin(train.labels, torch.tensor([3, 8])).nonzero().squeeze(1)
    chosen = chosen[kernels.balanced_batch(train.labels[chosen], INPUTS, 0)]
    centred = train.images[chosen].double() / 255 - torch.tensor(data.mean, dtype=torch.float64).view(1, -1, 1, 1)
    random = np.random.default_rng(0).normal(size=(INPUTS, 64))
    return {"digits 3/8": kernels.unit_sphere(centred.flatten(1).numpy()), "random points": kernels.unit_sphere(random)}


def main() -> None:
    """All architectures on both tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    archs = [
        arch
        for depth in DEPTHS
        for arch in TheorySpace(depth, kernel_sizes=(0,)).sample(np.random.default_rng(depth), EACH)
    ]
    rows, shares = [], []
    for task, x in inputs().items():
        found = []
        for arch in archs:
            lowest = float(kernels.eigenvalues(kernels.infinite_ntk(arch, x))[0])
            below = [bound(arch, x) for bound in BOUNDS.values()]
            found.append([one / lowest for one in below])
            rows.append([task, arch, *(f"{value:.4g}" for value in (lowest, *below))])
        for name, column in zip(BOUNDS, np.array(found).T, strict=True):
            shares.append([task, name, len(column), *(f"{value:.4g}" for value in np.quantile(column, QUANTILES))])
            print(*shares[-1])
    write_csv(out / "tightness.csv", ["task", "architecture", "lambda_min", *BOUNDS], rows)
    write_csv(out / "shares.csv", ["task", "bound", "architectures", *(f"q{100 * q:.0f}" for q in QUANTILES)], shares)


if __name__ == "__main__":
    main()
