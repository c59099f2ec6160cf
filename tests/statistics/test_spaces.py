"""Numbers of tables of any space: those of `tests.statistics.spaces`."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Scores, Table, competition_ranks, read_table, write_table
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import SPACES, Architecture, GeneArchitecture
from robnas.statistics import (
    ceiling,
    constant_rows,
    correlations,
    critical_values,
    data_quality,
    gene_effects,
    join,
    known_noise,
    leaderboard,
    may_be_best,
    parts,
    rank_set,
    rank_sets,
    shown_noise,
    standard_errors,
    table_ceiling,
    tied_with_best,
    trained,
    unchecked,
)  # fmt: skip
from robnas.statistics._scored import Bootstrap
from tests.statistics.spaces import BROAD, LARGE, NARROW, TOY, columns_of, large, toy, two_widths, wide

WHERE = {"dataset": "cifar10", "metric": "pgd@8/255", "split": "test"}
TABLES = {"toy": toy, "large": large}


def scores_of(space, codes, values, names=("a",)):
    means = np.asarray(values, dtype=float).reshape(len(codes), len(names))
    return Scores(tuple(codes), names, means, np.full(means.shape, np.nan), space=space)


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_rows_are_ranked_by_their_values_and_carry_their_own_architecture(make):
    table = make()
    column = table.column("cifar10", "pgd@8/255", "test")
    rows = leaderboard(table, "cifar10", "test", "pgd@8/255")
    assert [row.value("pgd@8/255") for row in rows] == sorted(column.mean, reverse=True)
    for row in rows:
        place = table.row(row.architecture)
        assert isinstance(row.architecture, GeneArchitecture)
        assert row.architecture == table.architectures[place]
        assert row.value("pgd@8/255") == column.mean[place]
        assert row.rank == competition_ranks(column.mean)[place]
    first = rows[0].architecture
    assert table.best("cifar10", "pgd@8/255", split="test")[0][0] == first
    found = rank_set(table, first.text, **WHERE)
    assert (found.architecture, found.rank, found.low, found.count) == (first, 1, 1, len(table))
    sets = {one.architecture: one for one in rank_sets(table, **WHERE)}
    assert len(sets) == len(table)
    assert sets[first] == found
    tied = {arch for arch, _ in tied_with_best(table, **WHERE)}
    assert tied == {table.architectures[row] for row in np.flatnonzero(may_be_best(table, **WHERE))}
    assert first in tied
    assert np.isfinite(critical_values(table, **WHERE)).all()


def test_equal_values_come_in_the_order_of_the_space_whatever_that_of_the_rows():
    for space, given in ((TOY, [9, 3, 17, 5]), (LARGE, [10**39, 3, 10**12, 7])):
        architectures = [space.from_index(index) for index in given]
        values = np.array([[0.5], [0.5], [0.7], [0.5]])
        table = Table("equal", architectures, [Column("mine", "test", "clean", values)], space=space)
        rows = leaderboard(table, "mine", "test", "clean")
        ordered = [space.index_of(row.architecture) for row in rows]
        assert ordered == [given[2], *sorted(given[:2] + given[3:])]
        assert [(row.rank, row.sharing) for row in rows] == [(1, 1), (2, 3), (2, 3), (2, 3)]


def test_a_space_of_many_architectures_is_ranked_whole():
    table = wide()
    rows = leaderboard(table, "cifar10", "test", "pgd@8/255")
    assert len(rows) == 15_625
    assert rows[0].architecture == table.best("cifar10", "pgd@8/255", split="test")[0][0]
    column = table.column("cifar10", "pgd@8/255", "test")
    assert standard_errors(table, column)[1] == "images"
    assert known_noise(table, column) is None  # one seed, and nobody says which are the same network
    with pytest.raises(InputError, match="noise of cifar10 test pgd@8/255: expected rows with two seeds, got none"):
        rank_set(table, table.architectures[7], **WHERE)


def test_noise_is_that_of_seeds_and_never_of_rows_that_only_look_alike():
    with_seeds, means = toy(), toy(seeds=())
    column = with_seeds.column("cifar10", "clean", "test")
    noise = known_noise(with_seeds, column)
    assert (noise.source, noise.groups, noise.members) == ("seeds", 24, 72)
    assert noise.run_sd == pytest.approx(0.005, rel=0.3)
    assert shown_noise(with_seeds, column) == noise
    assert 0.9 < table_ceiling(with_seeds, column, np.random.default_rng(0), 2).value < 1
    assert 0.9 < ceiling(with_seeds, "cifar10", "clean", np.random.default_rng(0)) < 1
    assert known_noise(means, means.column("cifar10", "clean", "test")) is None
    assert np.isnan(ceiling(means, "cifar10", "clean", np.random.default_rng(0)))
    with pytest.raises(InputError, match="two rows that are the same network, or several seeds, got none"):
        table_ceiling(means, means.column("cifar10", "clean", "test"), np.random.default_rng(0))


def test_identical_networks_are_compared_only_where_the_space_knows_them():
    line = "outliers among identical networks: space toy does not say which are identical"
    assert line in unchecked(toy())
    assert not any("outlier" in found.check for found in data_quality(toy()))
    assert not any("does not say" in text for text in unchecked(two_widths()))


def test_doubtful_values_are_named_by_text():
    table = toy()
    wrong = [np.array(column.values) for column in table.columns]
    row = table.row("depth=2,width=4,act=elu")
    wrong[2][row] = wrong[0][row] + 0.1  # more under attack than without
    columns = [Column(c.dataset, c.split, c.metric, v, c.seeds) for c, v in zip(table.columns, wrong, strict=True)]
    found = data_quality(Table("wrong", table.architectures, columns, space=TOY))
    (clean,) = [one for one in found if one.check == "an attack leaves more accuracy than none"]
    assert clean.examples == ("depth=2,width=4,act=elu",)


# two widths


def test_networks_of_two_sizes_are_told_apart():
    table = two_widths()
    assert [(part.space, list(part.columns)) for part in parts(table)] == [
        (NARROW, ["clean", "pgd@8/255"]), (BROAD, ["clean", "fgsm@8/255", "pgd@8/255"]),
    ]  # fmt: skip
    assert [part.name for part in parts(table)] == [f"cifar10 test {NARROW}", f"cifar10 test {BROAD}"]
    rows = {key: leaderboard(table, "cifar10", "test", "pgd@8/255", key) for key in (NARROW, BROAD)}
    for key, found in rows.items():
        column = table.column("cifar10", "pgd@8/255", "test", key)
        assert found[0].value("pgd@8/255") == column.mean.max()
        assert found[0].value("clean") == table.column("cifar10", "clean", "test", key).mean[
            table.row(found[0].architecture)
        ]  # fmt: skip
        assert rank_set(table, found[0].architecture, **WHERE, space=key).value == column.mean.max()
        assert constant_rows(table, "cifar10", "test", key) is not None
    assert [list(found[0].entries) for found in rows.values()] == [["clean", "pgd@8/255"], [
        "clean", "fgsm@8/255", "pgd@8/255"]]  # fmt: skip
    by_fgsm = leaderboard(table, "cifar10", "test", "fgsm@8/255")  # measured of one size alone
    assert by_fgsm[0].value("pgd@8/255") > rows[NARROW][0].value("pgd@8/255")


def test_one_of_two_sizes_is_never_guessed():
    table = two_widths()
    known = f"expected one of {NARROW}, {BROAD}, got none"
    for ask in (
        lambda: leaderboard(table, "cifar10", "test", "pgd@8/255"),
        lambda: constant_rows(table, "cifar10", "test"),
        lambda: rank_set(table, "000000", **WHERE),
        lambda: rank_sets(table, **WHERE),
        lambda: tied_with_best(table, **WHERE),
        lambda: may_be_best(table, **WHERE),
        lambda: critical_values(table, **WHERE),
        lambda: ceiling(table, "cifar10", "clean", np.random.default_rng(0)),
    ):
        with pytest.raises(InputError, match=known):
            ask()
    with pytest.raises(InputError, match="got 'nas-bench-201:channels=9,cells=1'"):
        constant_rows(table, "cifar10", "test", "nas-bench-201:channels=9,cells=1")


def test_what_was_measured_of_one_size_needs_no_name():
    """A table joined with one of another size, whose metrics have other names there."""
    columns = {key: [c for c in two_widths().columns if c.space == key] for key in (NARROW, BROAD)}
    both = Table("broad", range(40), columns[BROAD]).join(Table("narrow", range(40), columns[NARROW]), suffix="*")
    assert [list(part.columns) for part in parts(both)] == [
        ["clean", "fgsm@8/255", "pgd@8/255"], ["clean*", "pgd@8/255*"],
    ]  # fmt: skip
    assert (constant_rows(both, "cifar10", "test") == constant_rows(two_widths(), "cifar10", "test", BROAD)).all()
    rows = leaderboard(both, "cifar10", "test", "pgd@8/255*")
    assert list(rows[0].entries) == ["clean*", "pgd@8/255*"]
    assert rows[0].value("pgd@8/255*") == two_widths().column("cifar10", "pgd@8/255", "test", NARROW).mean.max()


def test_noise_and_doubts_are_those_of_one_size():
    """A column of the other size, with noise and values of its own, changes nothing."""
    alone = Table("alone", range(40), [c for c in two_widths().columns if c.space == BROAD])
    for metric in ("clean", "pgd@8/255"):
        one, two = (t.column("cifar10", metric, "test", BROAD) for t in (alone, two_widths()))
        assert known_noise(alone, one) == known_noise(two_widths(), two)
        assert (standard_errors(alone, one)[0] == standard_errors(two_widths(), two)[0]).all()
    found = [(one.check, one.count) for one in data_quality(two_widths()) if NARROW not in one.column]
    assert found == [(one.check, one.count) for one in data_quality(alone)]
    assert sum("order of attacks" in line for line in unchecked(two_widths())) == 0


# genes


def test_the_gene_that_decides_explains_all_and_another_nothing():
    values = [arch.genes["width"] / 10 for arch in TOY]
    depth, width, act = gene_effects(TOY, list(TOY), values)
    assert (width.gene, width.explained, depth.explained, act.explained) == ("width", 1.0, 0.0, 0.0)
    assert [(one.choice, one.architectures, one.lowest) for one in width.choices] == [("4", 12, 0.4), ("8", 12, 0.8)]
    assert [one.choice for one in act.choices] == ["relu", "gelu", "elu", "tanh"]
    assert act.choices[0].mean == pytest.approx(0.6)


def test_what_no_gene_explains_is_near_none_whatever_the_number_of_choices():
    rng = np.random.default_rng(0)
    found = [gene_effects(TOY, list(TOY), rng.random(24)) for _ in range(300)]
    for place in range(3):
        assert np.mean([effects[place].explained for effects in found]) < 0.06


def test_a_gene_of_one_choice_and_missing_values_explain_nothing():
    same = [arch for arch in TOY if arch.genes["depth"] == 2]
    values = np.linspace(0, 1, 8)
    values[0] = np.nan
    depth, width, _ = gene_effects(TOY, same, values)
    assert np.isnan(depth.explained)
    assert [(one.choice, one.architectures) for one in depth.choices] == [("2", 7)]
    assert sum(one.architectures for one in width.choices) == 7
    assert [one.choices for one in gene_effects(TOY, same, np.full(8, np.nan))] == [()] * 3
    with pytest.raises(InputError, match=r"values of architectures: expected shape \(8,\), got shape \(7,\)"):
        gene_effects(TOY, same, values[1:])
    with pytest.raises(InputError, match="belongs to nas-bench-201"):
        gene_effects(TOY, [Architecture("323133")], [0.5])


# scores


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_scores_and_accuracies_are_joined_by_text(make):
    table = make()
    truth = table.column("cifar10", "pgd@8/255", "test").mean
    held = [3, 5, 8, 13, 21]
    codes = [table.texts[row] for row in held]
    other = next(arch.text for arch in map(table.space.from_index, range(99)) if arch.text not in table.texts) if (
        make is large
    ) else None  # fmt: skip
    asked = [*codes[::-1], *([other] if other else [])]
    both = join([scores_of(table.space, asked, range(len(asked)))], table, "cifar10")
    assert both.codes == tuple(arch.text for arch in sorted(map(table.space.parse, codes)))
    assert both.outside == len(asked) - 5
    assert both.truth["pgd@8/255"].tolist() == [truth[table.row(code)] for code in both.codes]
    assert np.isnan(both.parameters).all()  # nothing builds these networks
    assert trained(asked, table, "cifar10") == {code: table.row(code) for code in both.codes}


def test_parameters_are_those_that_the_space_builds():
    table = wide()
    codes = [table.texts[row] for row in (0, 77, 15_624)]
    both = join([scores_of(table.space, codes, range(3))], table, "cifar10")
    space = table.space
    assert both.parameters.tolist() == [count(space.parse(code), space=space).parameters for code in both.codes]
    assert both.parameters[0] < both.parameters[1] < both.parameters[2]


def test_correlations_without_parameters_are_those_of_scores_and_accuracy():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 30))
    rho, tau, partial = correlations(x, y, np.full(30, np.nan), Bootstrap(30, rng))
    known = correlations(x, y, rng.random(30), Bootstrap(30, rng))
    assert (rho.value, tau.value, rho.count) == (known[0].value, known[1].value, 30)
    assert np.isnan([partial.value, partial.low]).all()


def test_scores_of_another_space_are_refused_in_one_line():
    ours = scores_of(TOY, [arch.text for arch in TOY][:5], range(5))
    theirs = scores_of(SPACES["nas-bench-201"], ["000000", "323133", "444444"], range(3))
    with pytest.raises(InputError) as caught:
        join([ours], wide(), "cifar10")
    assert str(caught.value) == (
        "scores: expected those of space wide-resnet, as table wides, got some that belong to space toy"
    )
    with pytest.raises(InputError, match=r"expected those of space toy.* got some that belong to space nas-bench-201"):
        join([ours, theirs], toy(), "cifar10")
    with pytest.raises(InputError, match="belongs to nas-bench-201"):
        trained(["323133"], toy(), "cifar10")


def test_scores_find_the_column_of_their_own_size():
    table, codes = two_widths(), ["000000", "000001", "000003", "000010"]
    space = SPACES["nas-bench-201"]
    for key, size in ((NARROW, {"channels": 8, "cells": 1}), (BROAD, {"channels": 16, "cells": 5})):
        both = join([scores_of(space.configure(**size), codes, range(4))], table, "cifar10")
        column = table.column("cifar10", "pgd@8/255", "test", key)
        assert both.truth["pgd@8/255"].tolist() == [column.mean[table.row(code)] for code in both.codes]
        assert ("fgsm@8/255" in both.truth) == (key == BROAD)
    of_neither = scores_of(space.configure(channels=4, cells=1), codes, range(4))
    with pytest.raises(InputError, match=f"expected one of {NARROW}, {BROAD}, got none"):
        join([of_neither], table, "cifar10")
    assert "fgsm@8/255" in join([of_neither], table, "cifar10", space=BROAD).truth
    alone = Table("alone", range(40), [c for c in table.columns if c.space == BROAD])
    assert len(join([of_neither], alone, "cifar10").codes) == 4  # small networks are scored for large ones


def test_tables_of_different_spaces_are_not_joined():
    with pytest.raises(InputError, match="expected a table of space toy, got table vast, which belongs to large"):
        toy().join(large())
    rng = np.random.default_rng(0)
    other = Table("more", toy().architectures[:9], columns_of(np.full(9, 0.5), rng, dataset="other"), space=TOY)
    both = toy().join(other)
    assert {part.name for part in parts(both)} == {"cifar10 test", "other test"}
    assert {row.architecture for row in leaderboard(both, "other", "test", "clean")} == set(toy().architectures[:9])


def test_a_rank_of_one_architecture_reads_no_other(tmp_path):
    """To read all texts of a large table takes a while."""
    write_table(wide(), tmp_path / "wides.parquet")
    table = read_table(tmp_path / "wides.parquet")
    noise = toy().noise("cifar10", "pgd@8/255", split="test")
    found = rank_set(table, "D1=4,W1=8,D2=5,W2=10,D3=7,W3=12", **WHERE, noise=noise)
    assert (found.architecture.text, found.count) == ("D1=4,W1=8,D2=5,W2=10,D3=7,W3=12", 15_625)
    assert "architectures" not in table._lookup.__dict__
    assert table.at(0) == table.architectures[0] == table.at(0)
