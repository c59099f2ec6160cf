import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.paper import reproduce
from robnas.statistics import CHOICES, TOPS
from tests.paper.test_scored import rows_of
from tests.search.conftest import synthetic
from tests.statistics.test_scored import CODES, made, truth


def test_the_table_of_proxies_says_what_each_score_does_for_the_best(tmp_path):
    accuracy, rng = truth("clean"), np.random.default_rng(0)
    order = np.argsort(-accuracy)
    blind = accuracy.copy()
    blind[order[:40]] = rng.permutation(accuracy[order[:40]])  # right about all but the best
    late = accuracy.copy()
    late[order[0]] = np.nan
    files = reproduce("proxies", tmp_path, scores=[made(["exact", "blind", "late"], [accuracy, blind, late])],
                      table=synthetic())  # fmt: skip
    rows = {row["proxy"]: row for row in rows_of(files[0]) if row["metric"] == "clean"}
    exact = rows["exact"]
    assert [float(exact[f"{name}_spearman"]) for name in TOPS] == [1, 1]
    assert [float(exact[f"regret_{first}"]) for first in CHOICES] == [0, 0, 0]
    assert float(rows["blind"]["spearman"]) > 0.8
    assert abs(float(rows["blind"]["top_decile_spearman"])) < 0.7
    second = np.sort(accuracy)[-2]
    assert float(rows["late"]["regret_1"]) == pytest.approx(accuracy.max() - second, abs=1e-6)
    assert float(rows["late"]["regret_1_low_95"]) <= float(rows["late"]["regret_1_high_95"])
    for row in rows.values():
        assert row["sample"] == f"{len(CODES)} of {len(synthetic().rows)} architectures of synthetic, cifar10, test"
        assert int(row["sample_size"]) == len(CODES)
        assert float(row["sample_optimum"]) == pytest.approx(accuracy.max(), abs=1e-6)
        every = synthetic().values("cifar10", "clean", split="test").max()
        assert float(row["table_optimum"]) == pytest.approx(every, abs=1e-6)


def test_a_failed_training_belongs_to_no_sample(tmp_path):
    like = synthetic()
    values = like.values("cifar10", "clean", split="test").copy()
    lost = next(row for row, arch in enumerate(like.architectures) if arch.code == CODES[-1])
    values[lost] = np.nan
    table = Table("t", like.rows, [Column("cifar10", "test", "clean", values[:, None], (1,))], partition="official")
    files = reproduce("proxies", tmp_path, scores=[made(["a"], [truth("clean")])], table=table)
    row = rows_of(files[0])[-1]
    assert int(row["sample_size"]) == len(CODES) - 1
    assert row["sample"].startswith(f"{len(CODES) - 1} of {len(like.rows) - 1} ")
    assert float(row["regret_1"]) == 0


def test_a_metric_whose_trainings_all_failed_has_no_figures(tmp_path):
    like = synthetic()
    lost = Column("cifar10", "test", "fgsm@8/255", np.full((len(like.rows), 1), np.nan), (1,))
    known = like.column("cifar10", "clean", "test")
    table = Table("t", like.rows, [known, lost], partition="official")
    files = reproduce("proxies", tmp_path, scores=[made(["a"], [truth("clean")])], table=table)
    row = next(row for row in rows_of(files[0]) if row["metric"] == "fgsm@8/255")
    assert row["sample"] == "0 of 0 architectures of t, cifar10, test"
    names = [*(f"{name}_spearman" for name in TOPS), *(f"regret_{first}" for first in CHOICES)]
    assert {row[name] for name in [*names, "sample_optimum", "table_optimum", "regret_1_low_95"]} == {"nan"}
