"""The study of the weight of the robust loss, on tables whose answers are known."""

import sys
from pathlib import Path

import numpy as np
import pytest

import robnas
from robnas.benchmarks import BUNDLED, Column, Table
from robnas.spaces import partition

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))
import digits_beta as study

BETAS = (0.0, 0.5, 1.0)
COUNT = 40


def table(turned=False, noise=0.002):
    """More beta, less clean and more robust accuracy; at beta = 1 the order is the other way round, if `turned`."""
    rng, columns = np.random.default_rng(0), []
    base = np.linspace(0, 0.2, COUNT)
    for beta in BETAS:
        order = base[::-1] if turned and beta == 1 else base
        for metric, start in ((study.CLEAN, 0.7 - 0.1 * beta), (study.ROBUST, 0.2 + 0.3 * beta)):
            drawn = {seed: rng.normal(0, noise, COUNT) for seed in (0, 1)}
            values = np.stack([start + order + drawn[seed] for seed in (0, 1)], axis=1)
            columns += [Column("digits", split, metric, values, (0, 1), beta=beta) for split in ("validation", "test")]
    texts = [arch.text for arch in partition("official").representatives()[: 50 * COUNT : 50]]
    return Table("digits-beta", texts, columns)


def test_ranks_that_do_not_move_and_ranks_that_turn():
    for turned, sign in ((False, 1), (True, -1)):
        found = {(row[0], row[1], row[2]): [float(cell) for cell in row[3:]] for row in study.ranks(table(turned), 20)}
        assert len(found) == 2 * 3
        for metric in (study.CLEAN, study.ROBUST):
            value, low, high, noise = found[metric, "0", "0.5"]
            assert low <= value <= high
            assert value > 0.98
            assert 0.98 < noise <= 1
            assert sign * found[metric, "0", "1"][0] > 0.98


def test_noise_that_betas_have_in_common_is_no_agreement_beyond_noise():
    """A seed gives the same initial weights at each beta: the order is one, and no better told than by noise alone."""
    rng, count, columns = np.random.default_rng(0), 300, []
    base, common = 0.6 + 0.05 * rng.standard_normal(count), rng.standard_normal((count, 2))
    for beta in (0.0, 1.0):
        for metric in (study.CLEAN, study.ROBUST):
            noise = 0.02 * (0.8 * common + 0.6 * rng.standard_normal((count, 2)))
            columns.append(Column("digits", "test", metric, base[:, None] + noise, (0, 1), beta=beta))
    texts = [arch.text for arch in partition("official").representatives()[: 10 * count : 10]]
    for row in study.ranks(Table("digits-beta", texts, columns), 20):
        value, _, _, noise = (float(cell) for cell in row[3:])
        assert noise == pytest.approx(value, abs=0.02)  # but for what they have in common it would be 0.91


def test_one_architecture_is_best_for_all_or_none_is():
    for turned, shared in ((False, "1"), (True, "0")):
        found = {(row[0], row[1]): row[2:] for row in study.best(table(turned, noise=0.0005))}
        assert found[study.CLEAN, "all"][0] == shared
        assert found[study.CLEAN, "0"][1] == found[study.CLEAN, "0.5"][1]


def test_what_is_best_at_one_beta_loses_at_another():
    found = {
        (row[0], row[1]): [float(cell) for cell in row[2:]] for row in study.losses(study.Values.of(table(True)), 20)
    }
    assert len(found) == 6
    mean, low, high = found["0", "1"]
    assert low <= mean <= high
    assert mean == pytest.approx(20, abs=2)  # points between the ends of the scale, of a half of the architectures
    assert found["0", "0.5"][0] == pytest.approx(0, abs=0.3)


def test_the_front_of_all_betas_has_more_than_that_of_one():
    found = {row[0]: row[1:] for row in study.fronts(study.Values.of(table()), 20)}
    volumes = {name: float(cells[1]) for name, cells in found.items()}
    assert max(volumes, key=volumes.get) == "all"
    assert sum(float(cells[-1]) for name, cells in found.items() if name != "all") == pytest.approx(1, abs=0.02)
    assert volumes["1"] == pytest.approx(0.68 * 0.69, abs=0.03)  # one best architecture: (0.8 - 0.1) by 0.7


def test_a_search_gains_by_choosing_a_beta_where_betas_trade():
    values = study.Values.of(table())
    found = study.searched(values, 30, 30)
    assert found.shape == (30, 4)
    assert found[:, -1].mean() > found[:, 0].mean()
    rows = study.searches(values, (10, 30, 1000), 30)
    assert [row[:2] for row in rows] == [
        [str(budget), name] for budget in (10, 30) for name in ("beta 0", "beta 0.5", "beta 1", "random beta")
    ]
    for row in rows:
        assert float(row[3]) <= float(row[2]) <= float(row[4])


def test_the_answers_are_printed_and_drawn(tmp_path, monkeypatch, capsys):
    from robnas.benchmarks import write_table

    write_table(table(), tmp_path / "t.parquet")
    command = ["digits_beta.py", "--table", str(tmp_path / "t.parquet"), "--out", str(tmp_path / "out"), "--draws", "4"]
    monkeypatch.setattr(sys, "argv", command)
    study.main()
    printed = capsys.readouterr().out
    for name, header in study.SECTIONS.items():
        assert f"## {name}" in printed
        assert (tmp_path / "out" / f"{name}.csv").read_text().splitlines()[0].split(",") == header
    assert (tmp_path / "out" / "digits-beta.png").stat().st_size > 10_000


def test_architectures_without_all_values_are_left_out():
    whole = table()
    first = whole.columns[0]
    values = np.where(np.arange(COUNT)[:, None] == 3, np.nan, first.values)
    lacking = Column(first.dataset, first.split, first.metric, values, (0, 1), beta=first.beta)
    part = Table("part", whole.texts, [lacking, *whole.columns[1:]])
    assert study.Values.of(part).count == COUNT - 1


@pytest.mark.skipif("digits-beta" not in BUNDLED, reason="the table is not bundled")
def test_the_bundled_table_is_that_of_its_plan():
    assert BUNDLED["digits-beta"].stat().st_size <= 300_000
    whole, digits = robnas.load("digits-beta"), robnas.load("digits")
    assert (len(whole), whole.betas, whole.space_key) == (500, (0, 0.25, 0.5, 0.75, 1), digits.space_key)
    assert {(one.split, one.metric) for one in whole.columns} == {
        (split, metric) for split in ("validation", "test") for metric in ("clean", "fgsm@32/255", "pgd@32/255")
    }
    assert all((one.seeds, int(np.isnan(one.values).sum())) == ((0, 1), 0) for one in whole.columns)
    rows = [digits.row(text) for text in whole.texts]
    for column in whole.select(beta=1).columns:  # the same trainings; another processor may round otherwise
        own = digits.column("digits", column.metric, column.split).values[rows][:, :2]
        assert np.mean(own == column.values) > 0.5
        assert np.abs(own.mean() - column.values.mean()) < 0.005
