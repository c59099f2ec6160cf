"""Do intervals of surrogates hold what they say where a space has many genes and few values are known?

    python experiments/surrogate_genes.py --out experiments/results/surrogates    # some minutes of one core

Spaces of genes with four choices; the value of an architecture is a sum over its genes of a number for each choice,
drawn at random, which rises with the choice where genes are ordered, plus noise of a tenth of the spread. A surrogate
is fitted on random architectures, and 90 % intervals are asked for 1,000 others; `genes.csv` has the share that they
hold, mean over draws and lowest of them.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np

from robnas.reports import write_csv
from robnas.spaces import Gene, Space
from robnas.surrogates import fit

GENES, KNOWN, CHOICES, DRAWS, OTHERS, NOISE = (6, 12, 20), (10, 20, 30, 60), 4, 6, 1000, 0.1


def share(genes: int, ordered: bool, known: int, draw: int) -> float:
    """Of the others whose values lie inside their intervals."""
    rng = np.random.default_rng([genes, ordered, known, draw])
    space = Space(
        f"sums-{genes}", genes=tuple(Gene(f"g{k}", tuple(range(CHOICES)), ordered=ordered) for k in range(genes))
    )
    worth = rng.normal(size=(genes, CHOICES))
    worth = np.sort(worth, axis=1) if ordered else worth
    drawn = rng.integers(CHOICES, size=(2 * (known + OTHERS), genes))
    chosen = np.array(list(dict.fromkeys(map(tuple, drawn.tolist())))[: known + OTHERS])
    clean = worth[np.arange(genes), chosen].sum(axis=1)
    values = clean + NOISE * clean.std() * rng.normal(size=len(clean))
    archs = [space.parse(",".join(f"g{k}={one}" for k, one in enumerate(row))) for row in chosen]
    found = fit(archs[:known], values[:known], space=space).predict(archs[known:])
    return float(((found.low <= values[known:]) & (values[known:] <= found.high)).mean())


def main() -> None:
    """One row for each kind of space and number of known values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    rows = []
    for genes, ordered, known in product(GENES, (True, False), KNOWN):
        held = [share(genes, ordered, known, draw) for draw in range(DRAWS)]
        rows.append(
            [
                genes,
                "ordered" if ordered else "not ordered",
                known,
                DRAWS,
                f"{np.mean(held):.4f}",
                f"{np.min(held):.4f}",
            ]
        )
        print(*rows[-1], flush=True)
    write_csv(out / "genes.csv", ["genes", "kind", "known", "draws", "held", "lowest"], rows)


if __name__ == "__main__":
    main()
