"""How kernels of all infinitely wide cells order networks that were trained: clean kernels beside the digits table.

    python experiments/cell_kernels.py --out runs/cell-kernels
    python experiments/cell_orders.py --kernels runs/cell-kernels/clean-64.csv --published --out runs/cell-orders

Measures of the NTK and the NNGP kernel of every class of `effective`, without batch norm, N = 1, of 64 training digits,
against the accuracies of the bundled table (C = 8, with batch norm, adversarially trained), clean and under PGD, on
test images: Spearman over all, within the best half and tenth, given the number of parameters, and regrets, with 95 %
bootstrap intervals over architectures. With --published the same measures, of digits still, against CIFAR-10 in
nas-robbench-201 under PGD, where what was found on the digits was not looked for. Written to OUT/orders.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from orders import ENDS, Orders

import robnas
from robnas.networks import count
from robnas.reports import write_csv
from robnas.spaces import Architecture

DIGITS = (("digits", "digits", "clean"), ("digits", "digits", "pgd@32/255"))
PUBLISHED = (("nas-robbench-201", "cifar10", "pgd@8/255"),)


def main() -> None:
    """Write the table, and print a part of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--published", action="store_true", help="after robnas fetch nas-robbench-201")
    settings = parser.parse_args()
    with settings.kernels.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    codes = list(dict.fromkeys(row["architecture"] for row in found))
    measures = [name for name in found[0] if name not in ("architecture", "kernel")]
    columns = {
        f"{kernel}, {measure}": np.array([float(row[measure] or "nan") for row in found if row["kernel"] == kernel])
        for kernel in dict.fromkeys(row["kernel"] for row in found)
        for measure in measures
    }
    archs = [Architecture(code) for code in codes]
    parameters = np.log([count(arch, live=True).parameters for arch in archs])
    columns["parameters"] = parameters
    lines = []
    for name_of_table, dataset, metric in DIGITS + PUBLISHED * settings.published:
        table = robnas.load(name_of_table)
        truth = np.array([table.peek(a, dataset=dataset, metric=metric, split="test", seed="mean") for a in archs])
        orders = Orders(truth, parameters)
        for name, column in columns.items():
            missing = int(np.isnan(column).sum())
            figures = orders.figures(column, given_parameters=name != "parameters")
            lines += [(dataset, metric, name, len(truth), missing, *one) for one in figures]
    header = ("dataset", "metric", "score", "architectures", "missing", "figure", *ENDS)
    write_csv(settings.out / "orders.csv", header, lines)
    for line in lines:
        if line[5] in ("spearman", "top_decile_spearman", "spearman_given_parameters"):
            print(*line)


if __name__ == "__main__":
    main()
