"""The study of kernels and of the weight of the robust loss, on kernels and a table whose answers are known."""

import sys
from pathlib import Path

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.kernels import RobustKernels
from robnas.spaces import partition

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))
import beta_kernels as study

CODES = [arch.text for arch in partition("official").representatives()[:1200:60]]
LABELS = np.arange(6) % 2
BETAS = (0.0, 1.0)


def kernels(scales):
    """Multiples of one kernel each: the larger, the smaller the term."""
    root = np.random.default_rng(0).normal(size=(18, 18))
    return {code: RobustKernels.from_stack(scale * (root @ root.T)) for code, scale in zip(CODES, scales, strict=True)}


def table(scales):
    columns = [
        Column("digits", "test", metric, np.stack([turn * scales / 100 + 0.5] * 2, axis=1), (0, 1), beta=beta)
        for metric, turn in (("clean", 1), ("pgd@32/255", -1)) for beta in BETAS
    ]  # fmt: skip
    return Table("made", CODES, columns)


def test_orders_are_those_of_the_kernels():
    scales = np.random.default_rng(1).permutation(len(CODES)) + 1.0
    found = study.Study.of(kernels(scales), {}, LABELS, table(scales))
    orders = {(one.score, one.beta): one for one in found.orders()}
    for beta in BETAS:
        for name in ("λ_min", "term"):
            assert orders[f"clean, {name}", beta].spearman.value == pytest.approx(1)
            assert orders[f"robust, {name}", beta].spearman.value == pytest.approx(
                -1
            )  # the table is the other way round
        assert orders["clean, term of β = 1", beta].spearman.value == pytest.approx(1)
        assert orders["robust, term", beta].gain.value == pytest.approx(0)  # K orders as well
        assert orders["robust, term of K", beta].spearman.value == pytest.approx(-1)
    assert orders["clean, parameters", 0.0].better == ""
    header, lines = study.term_lines(found)
    assert header == ["architecture", "beta", *found.scores, "clean", "pgd@32/255"]
    assert len(lines) == len(CODES) * len(BETAS)
    assert float(lines[0][4]) == pytest.approx(-found.scores["clean, term"][0, 0], rel=1e-3)


def test_the_control_is_of_the_architectures_that_have_it():
    scales = np.arange(len(CODES)) + 1.0
    blind = dict(list(kernels(scales[::-1]).items())[3:])
    found = study.Study.of(kernels(scales), blind, LABELS, table(scales))
    assert list(found.codes) == CODES[3:]
    orders = {(one.score, one.beta): one.spearman.value for one in found.orders()}
    assert orders["clean, term", 0.0] == pytest.approx(1)
    assert orders["clean, term under random attacks", 0.0] == pytest.approx(-1)


def test_shards_are_read_whole(tmp_path):
    from robnas._arrays import write_arrays

    made = kernels(np.ones(len(CODES)))
    for number in range(2):
        codes = CODES[4 * number : 4 * number + 4]
        arrays = {name: np.stack([getattr(made[code], name) for code in codes]) for name in study.FIVE}
        write_arrays(tmp_path / f"five-6-{number:03}.npz", study.KIND, {"codes": np.array(codes), **arrays})
    found = study.read(tmp_path, "five-6")
    assert list(found) == CODES[:8]
    np.testing.assert_array_equal(found[CODES[5]].cross, made[CODES[5]].cross)
    assert study.read(tmp_path, "blind-6") == {}


def test_accuracies_of_regression_are_ordered_too():
    def row(place):
        measured = {"clean": place / 20, "pgd@32/255": 1 - place / 20}
        at = {"regression": {"clean": place / 20, "attacked": None if place == 3 else place / 40}, "measured": measured}
        return {"architecture": CODES[place], "betas": [at, at]}

    answers = [{"betas": [0, 1], "rows": [row(place) for place in part]} for part in (range(9), range(9, 20))]
    for other in (answers[:1] * 2, [answers[0], answers[1] | {"inputs": 12}]):
        with pytest.raises(SystemExit, match="expected answers with one setting, each of other architectures"):
            study.regression(other, table(np.arange(len(CODES))))
    made = study.regression(answers, table(np.arange(len(CODES))))
    orders = {(one.score, one.metric, one.beta): one for one in made.orders()}
    assert set(orders) == {("clean, regression", "clean", beta) for beta in BETAS} | {
        ("robust, regression", "pgd@32/255", beta) for beta in BETAS
    }
    assert orders["clean, regression", "clean", 1].spearman.value == pytest.approx(1)
    robust = orders["robust, regression", "pgd@32/255", 0]
    assert (robust.missing, robust.spearman.count) == (1, 20)
    assert study.term_lines(made)[1][6][2:] == ["0.15", "", "0.1500", "0.8500"]
