"""docs/propagation.md: the mean field beside random networks, and as a score."""

from collections.abc import Iterator

import numpy as np

from robnas.kernels import MEAN_FIELD, mean_field
from robnas.statistics import spearman
from tests.evidence.quotes import Quote, quote, results

IMAGES = {"natural": "power 1/k²", "cifar10": "CIFAR-10", "digits": "digits"}
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120"}
SCORES = {
    "mean_field_sensitivity": "`mean_field_sensitivity`", "reversed": "the same, reversed",
    "minus_log_variance": "minus log `variance`", "parameters": "`parameters`",
}  # fmt: skip
INTERVAL = ("value", "low_95", "high_95")


def quotes() -> Iterator[Quote]:
    """Of all tables, and of what the text repeats of them."""
    for part in (networks, scores, sentences):
        yield from part()


def networks() -> Iterator[Quote]:
    """Relative errors of predictions in percent, and order."""
    file = results("mean-field/networks.csv")
    for images, cells, width in dict.fromkeys((row["images"], row["cells"], row["width"]) for row in file.rows):
        where = {"images": images, "cells": cells, "width": width}
        values = []
        for name in ("variance", "jacobian", "sensitivity"):
            errors = file.all(f"{name}_relative_error", 100, **where)
            order = spearman(file.all(name, **where), file.all(f"{name}_predicted", **where))
            values += [float(np.median(np.abs(errors))), min(errors), max(errors), order]
        count = len(file.where(**where))
        cell = " # % [#, #], # |"
        yield quote(f"| {IMAGES[images]}, N = {cells} | {width} | {count} |" + 3 * cell, values)


def scores() -> Iterator[Quote]:
    """Against the published table."""
    file = results("mean-field/table.csv")
    for dataset, title in DATASETS.items():
        for score, name in SCORES.items():
            where = {"dataset": dataset, "metric": "pgd@8/255", "score": score}
            figures = ["spearman", "top_half_spearman", "top_decile_spearman", "spearman_given_parameters"]
            figures = figures[: 3 if score == "parameters" else 4]
            values = [file.several(INTERVAL, **where, figure=figure) for figure in figures]
            regrets = [file.one("value", 100, **where, figure=f"regret_{first}") for first in (1, 10)]
            text = " # [#, #] |" * len(figures) + "  |" * (4 - len(figures)) + " # | # |"
            yield quote(f"| {title}: {name} |{text}", *values, regrets)


def sentences() -> Iterator[Quote]:
    """Jacobians in full size, the estimate by hand, and what is repeated."""
    file, found = results("mean-field/table.csv"), results("mean-field/networks.csv")
    jacobian = {"metric": "jacobian_norm", "score": "log_jacobian"}
    yield quote("are ordered with ρ = # by the prediction", file.one("value", **jacobian, figure="spearman"))
    figure = "difference_of_logarithms_median_and_90_percent"
    middle, low, high = 100 * np.expm1(file.several(INTERVAL, **jacobian, figure=figure))
    yield quote("# % too large in the median, with 90 % between # % too small and # % too large", middle, -low, high)
    wide = {"images": "natural", "cells": 1, "width": 256}
    codes = [row["architecture"] for row in found.where(**wide)]
    hand = mean_field(codes, cells=1)[:, MEAN_FIELD.index("network_perturbation")]
    ratio = np.divide(found.all("jacobian", **wide), found.all("variance", **wide))
    yield quote("`network_perturbation` has ρ = # with", spearman(hand, ratio))
    given = {"dataset": "cifar10", "metric": "pgd@8/255", "score": "reversed", "figure": "spearman_given_parameters"}
    yield quote("ρ = # given parameters", file.one("value", **given))
    other = {"dataset": "imagenet16-120", "metric": "pgd@8/255", "figure": "spearman"}
    both = [file.one("value", **other, score=score) for score in ("minus_log_variance", "parameters")]
    yield quote("better than parameters do (# against #)", both)
