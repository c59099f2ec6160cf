"""Does K̃_all(β) order the robust error of networks trained with that β, and better than K_all(0)?

    python experiments/cell_kernels.py --out runs/cells --five experiments/digits_beta.toml --images 32
    python experiments/cell_kernels.py --out runs/cells --five experiments/digits_beta.toml --images 32 --blind
    robnas theory 000202 000300 … --table digits-beta --inputs 32 --test 50 --no-control --json > runs/answers.json
    python experiments/beta_kernels.py --kernels runs/cells --images 32 --regression runs/answers.json --out runs/beta

reads the five kernels of infinitely wide cells that are there so far, and what the table digits-beta measured of the
same cells, trained with five weights β of the robust loss: test accuracy, clean and under PGD, mean of two trainings.

`terms.csv`: for each architecture and β smallest eigenvalues of K_all(β) and K̃_all(β), terms √(yᵀK⁻¹y/N), the same
terms where attacks are aimed at random labels (if --blind was computed), and accuracies. `orders.csv`: how each orders
the accuracies at each β (Spearman, and given parameters; above 0 is what the theory says), the difference to K, that is
K_all(0), with intervals that hold for all β together; the terms of every β against accuracies at every other one; and
what K and the number of parameters do; `ceiling` is what the noise of trainings leaves to a perfect score. A picture.
`regression.csv` and lines of `orders.csv`: the same for accuracies of kernel regression, from answers of the command.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
from cell_kernels import FIVE, KIND, digits

import robnas
from robnas._arrays import read_arrays
from robnas.benchmarks import Table, tied
from robnas.kernels import MEASURES, RobustKernels
from robnas.networks import count
from robnas.reports import write_csv, write_pictures
from robnas.statistics import BetaOrder, beta_orders, ceiling

Floats = npt.NDArray[np.float64]
Kernels = Mapping[str, RobustKernels]
DATASET, SIDES = "digits", {"clean": "clean", "robust": "pgd@32/255"}
TERMS = ("λ_min", "term", "term under random attacks")
HEADER = (
    "score", "metric", "beta", "architectures", "missing", "spearman", "low_95", "high_95", "given_parameters",
    "given_low_95", "given_high_95", "gain", "gain_low", "gain_high", "better", "ceiling",
)  # fmt: skip


def read(folder: Path, name: str) -> dict[str, RobustKernels]:
    """The kernels of all shards, by architecture."""
    found = {}
    for path in sorted(folder.glob(f"{name}-*.npz")):
        codes, *arrays = read_arrays(path, KIND, "codes", *FIVE)
        found |= {str(code): RobustKernels(*one) for code, *one in zip(codes, *arrays, strict=True)}
    return found


@final
@dataclass(frozen=True)
class Study:
    """Scores of kernels, higher is better, beside accuracies."""

    codes: Sequence[str]
    betas: Sequence[float]
    scores: Mapping[str, Floats]
    """By side and name, shape (betas, architectures)."""
    truth: Mapping[str, Floats]
    """By metric, of the same shape."""
    rivals: Mapping[str, Floats]
    """Of K, by side and name, shape (architectures,)."""
    parameters: Floats

    @classmethod
    def of(cls, kernels: Kernels, blind: Kernels, labels: npt.ArrayLike, table: Table) -> Study:
        """Of the architectures that have all."""
        held = set(table.texts)
        codes = [code for code in kernels if code in held and (not blind or code in blind)]
        rows = [table.row(code) for code in codes]
        truth = {
            metric: np.stack(
                [tied(table.column(DATASET, metric, "test", beta=beta).mean)[rows] for beta in table.betas]
            )
            for metric in SIDES.values()
        }
        hits = [[terms(kernels[code], labels, beta) for code in codes] for beta in table.betas]
        scores = {name: np.array([[one[name] for one in row] for row in hits]) for name in hits[0][0]}
        if blind:
            of = [[terms(blind[code], labels, beta) for code in codes] for beta in table.betas]
            for side in SIDES:
                scores[f"{side}, {TERMS[2]}"] = np.array([[one[f"{side}, term"] for one in row] for row in of])
        plain = [terms(kernels[code], labels, 0.0) for code in codes]
        rivals = {
            f"{side}, {name}": np.array([one[f"clean, {'λ_min' if name == 'λ_min' else 'term'}"] for one in plain])
            for side in SIDES
            for name in TERMS
        }
        return cls(codes, table.betas, scores, truth, rivals, parameters(codes, table))

    def orders(self) -> list[BetaOrder]:
        """Of every score with the accuracies at its own β; of terms also with those at others; of parameters."""
        scores = dict(self.scores)
        for side in SIDES if self.rivals else ():
            for place, beta in enumerate(self.betas):
                own = self.scores[f"{side}, term"][place]
                scores[f"{side}, term of β = {beta:g}"] = np.tile(own, (len(self.betas), 1))
            for name in TERMS[:2]:
                scores[f"{side}, {name} of K"] = np.tile(self.rivals[f"{side}, {name}"], (len(self.betas), 1))
            scores[f"{side}, parameters"] = np.tile(self.parameters, (len(self.betas), 1))
        pairs = [(name, SIDES[name.partition(",")[0]]) for name in scores]
        return beta_orders(
            self.betas, scores, self.truth, self.parameters, pairs, self.rivals, rng=np.random.default_rng(0)
        )


def regression(answers: Sequence[dict[str, Any]], table: Table) -> Study:
    """Of accuracies of kernel regression, clean and attacked, from answers of `robnas theory` with one setting."""
    settings = [{key: value for key, value in one.items() if key not in ("rows", "orders")} for one in answers]
    rows = [row for one in answers for row in one["rows"]]
    codes = [row["architecture"] for row in rows]
    if any(one != settings[0] for one in settings) or len(set(codes)) < len(codes):
        raise SystemExit("--regression: expected answers with one setting, each of other architectures")
    sides = {"clean": "clean", "robust": "attacked"}

    def column(of: Callable[[dict[str, Any]], float | None]) -> Floats:
        found = [[of(row["betas"][place]) for row in rows] for place in range(len(answers[0]["betas"]))]
        return np.array(found, dtype=np.float64)

    return Study(
        codes,
        answers[0]["betas"],
        {f"{side}, regression": column(lambda at, key=key: at["regression"][key]) for side, key in sides.items()},
        {metric: column(lambda at, metric=metric: at["measured"][metric]) for metric in SIDES.values()},
        {},
        parameters(codes, table),
    )


def parameters(codes: Sequence[str], table: Table) -> Floats:
    """Of what is built, shape (architectures,)."""
    archs = map(table.space.parse, codes)
    return np.array([count(arch, live=True, space=table.space).parameters for arch in archs], dtype=np.float64)


def terms(five: RobustKernels, labels: npt.ArrayLike, beta: float) -> dict[str, float]:
    """Smallest eigenvalues and minus the terms; −∞ for a singular kernel."""
    bound, lowest = five.bound(labels, beta), MEASURES["lambda-min"]
    return {
        "clean, λ_min": lowest(five.mixed(beta), np.asarray(labels)),
        "robust, λ_min": lowest(five.mixed_twice(beta), np.asarray(labels)),
        "clean, term": -bound.clean,
        "robust, term": -bound.robust,
    }


def term_lines(study: Study) -> tuple[list[str], list[list[str]]]:
    """Header and a line per architecture and β; nothing for singular kernels."""
    lines = []
    for place, code in enumerate(study.codes):
        for row, beta in enumerate(study.betas):
            values = [-one[row, place] if "term" in name else one[row, place] for name, one in study.scores.items()]
            accuracies = [f"{one[row, place]:.4f}" for one in study.truth.values()]
            lines.append([code, f"{beta:g}", *(f"{v:.4g}" if np.isfinite(v) else "" for v in values), *accuracies])
    return ["architecture", "beta", *study.scores, *study.truth], lines


def order_line(one: BetaOrder, most: float) -> list[str]:
    """A line of `orders.csv`; the last is what the noise of trainings leaves to a perfect score."""
    parts = (one.spearman, one.given_parameters, one.gain)
    numbers = [f"{v:.3f}" if v == v else "" for part in parts for v in (part.value, part.low, part.high)]
    return [
        one.score,
        one.metric,
        f"{one.beta:g}",
        str(one.spearman.count),
        str(one.missing),
        *numbers,
        one.better,
        f"{most:.3f}",
    ]


def picture(orders: Sequence[BetaOrder]) -> Any:
    """Spearman by β of the terms, of their control, of K and of parameters."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    shown = {"term": "#0072B2", TERMS[2]: "#E69F00", "term of K": "#009E73", "parameters": "black"}
    for axes, (side, metric) in zip(figure.subplots(1, 2, sharey=True), SIDES.items(), strict=True):
        for shift, (name, colour) in enumerate(shown.items()):
            found = [one for one in orders if one.score == f"{side}, {name}"]
            if not found:
                continue
            values = np.array([(one.spearman.value, one.spearman.low, one.spearman.high) for one in found]).T
            where = [one.beta + 0.012 * (shift - 1.5) for one in found]
            bars = np.clip([values[0] - values[1], values[2] - values[0]], 0, None)
            kernel = {"clean": "K_all", "robust": "K̃_all"}[side]
            label = name.replace("term of K", "K_all(0)").replace("term", f"{kernel}(β)")
            axes.errorbar(where, values[0], bars, color=colour, marker="o", markersize=4, capsize=2, label=label)
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.set(title=f"accuracy {metric}", xlabel="β of the training")
        axes.legend(fontsize=8)
    figure.supylabel("Spearman of −√(yᵀK⁻¹y/N) with accuracy", fontsize=9)
    return figure


def main() -> None:
    """Read what is there and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernels", type=Path, required=True, help="folder of cell_kernels.py")
    parser.add_argument("--images", type=int, default=64, help="as there")
    parser.add_argument("--regression", type=Path, nargs="*", help="answers of robnas theory --json")
    parser.add_argument("--table", default="digits-beta")
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    kernels, blind = (read(settings.kernels, f"{name}-{settings.images}") for name in ("five", "blind"))
    table = robnas.load(settings.table)
    study = Study.of(kernels, blind, digits(settings.images)[2].numpy(), table)
    orders = study.orders()
    if settings.regression:
        accuracies = regression([json.loads(path.read_text()) for path in settings.regression], table)
        orders += accuracies.orders()
        write_csv(settings.out / "regression.csv", *term_lines(accuracies))
    print(f"{len(study.codes)} architectures, {settings.images} images")
    for one in orders:
        print(
            f"{one.score:<38}{one.metric:<12}{one.beta:>5g}  {one.spearman!s:<23}{one.given_parameters!s:<23}{one.gain}"
        )
    write_csv(settings.out / "terms.csv", *term_lines(study))
    most = {
        (metric, beta): ceiling(table, DATASET, metric, np.random.default_rng(0), beta=beta)
        for metric in SIDES.values()
        for beta in study.betas
    }
    write_csv(
        settings.out / "orders.csv", list(HEADER), [order_line(one, most[one.metric, one.beta]) for one in orders]
    )
    write_pictures(settings.out / "beta-kernels", picture(orders))


if __name__ == "__main__":
    main()
