"""Accuracies of several sources, costs, scores and corruptions in one table."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.errors import InputError
from robnas.explorer._pack import pack_table
from robnas.reports._table_facts import table_facts
from robnas.reports._table_sections import table_lead, table_sections
from robnas.statistics import (
    card,
    constant_rows,
    data_quality,
    known_noise,
    leaderboard,
    metrics_of,
    part_with,
    parts,
    rank_set,
    standard_errors,
    strongest,
    unchecked,
)

COUNT = 30
COST = {"unit": "ms", "direction": "minimise"}
WHERE = {"dataset": "cifar10", "split": "test"}


def column(metric, values, **settings):
    return Column("cifar10", "test", metric, np.asarray(values, dtype=float).reshape(COUNT, -1), **settings)


def accuracies(name, seed):
    rng = np.random.default_rng(seed)
    clean = rng.uniform(0.6, 0.9, (COUNT, 2))
    columns = [
        column("clean", clean, seeds=(0, 1)),
        column("pgd@8/255", clean / 2, seeds=(0, 1)),
        column("fog@3", clean + 0.05, seeds=(0, 1)),  # more than clean: no attack, and no order is known
        column("corruptions", clean[:, 0] + 0.02),
    ]
    return Table(name, range(COUNT), columns, provenance={"licence": name.upper()})


@pytest.fixture(scope="module")
def cost():
    return Table("cost", range(COUNT), [column("latency:x", np.arange(COUNT) + 1.0, **COST),
                                        column("synflow", -np.arange(COUNT), unit="score")])  # fmt: skip


@pytest.fixture(scope="module")
def joined(cost):
    return accuracies("a", 0).join(accuracies("b", 1)).join(cost)


def test_what_stands_together_is_of_one_source_and_accuracies_only(joined, cost):
    assert [(part.name, list(part.columns)) for part in parts(joined)] == [
        ("a:cifar10 test", ["clean", "pgd@8/255", "fog@3", "corruptions"]),
        ("b:cifar10 test", ["clean", "pgd@8/255", "fog@3", "corruptions"]),
    ]  # fmt: skip
    assert [part.name for part in parts(joined.select(source="b"))] == ["cifar10 test"]
    assert parts(cost) == []
    assert part_with(joined, joined.column("cifar10", "latency:x", "test")).columns == {}
    with pytest.raises(InputError, match=r"table a.b.cost, cifar10 test: expected accuracies of one source, got a, b"):
        constant_rows(joined, "cifar10", "test")
    assert constant_rows(joined.select(source="a"), "cifar10", "test") is not None
    with pytest.raises(InputError, match=r"source of table a.b.cost: expected one of a, b, cost, got 'c'"):
        joined.select(source="c")
    with pytest.raises(InputError, match="source of table cost: expected one of none: it was not joined, got 'c'"):
        cost.select(source="c")


def test_a_leaderboard_goes_by_direction(joined):
    rows = leaderboard(joined, "cifar10", "test", "latency:x")
    assert [row.rank for row in rows] == list(range(1, COUNT + 1))
    assert [row.value("latency:x") for row in rows] == list(range(1, COUNT + 1))
    assert np.isnan(rows[0].standard_error("latency:x"))
    best = leaderboard(joined, "cifar10", "test", "b:pgd@8/255")[0]
    assert best.value("pgd@8/255") == joined.column("cifar10", "b:pgd@8/255", "test").mean.max()
    assert list(best.entries) == ["clean", "pgd@8/255", "corruptions", "fog@3"]
    assert leaderboard(joined, "cifar10", "test", "synflow")[0].value("synflow") == 0


def test_statistics_of_accuracies_refuse_what_is_none(joined, cost):
    found = joined.column("cifar10", "latency:x", "test")
    refused = "noise of .*latency:x: expected a column of accuracies, got .*, ms, to minimise"
    with pytest.raises(InputError, match=refused):
        joined.noise("cifar10", "latency:x", split="test")
    with pytest.raises(InputError, match=refused):
        joined.local_noise("cifar10", "latency:x", split="test")
    with pytest.raises(InputError, match=r"ranks by .*latency:x: expected a column of accuracies, got "):
        rank_set(joined, "000000", metric="latency:x", **WHERE)
    assert known_noise(joined, found) is None
    assert np.isnan(standard_errors(joined, found)[0]).all()
    with pytest.raises(InputError, match="table cost: expected accuracies, of which a report is made, got cifar10"):
        table_facts(cost)
    with pytest.raises(InputError, match="table cost: expected accuracies, which the explorer shows, got cifar10"):
        pack_table(cost, "cost", "t.bin")


def test_corruptions_are_no_attacks(joined):
    keys = ["pgd@average", "fog@3", "corruptions:made", "corruptions", "brightness@2", "fog@1", "pgd@8/255", "clean"]
    assert metrics_of(keys) == [
        "clean", "pgd@8/255", "corruptions", "corruptions:made", "fog@1", "fog@3", "brightness@2", "pgd@average",
    ]  # fmt: skip
    assert strongest(["clean", "fog@5", "corruptions", "fgsm@3/255"]) == "fgsm@3/255"
    assert strongest(["clean", "square@3/255", "brightness@5"]) == "square@3/255"
    one = joined.select(source="a")
    assert not [found for found in data_quality(one) if "more accuracy" in found.check]
    alone = Table("t", range(COUNT), [column("clean", np.full(COUNT, 0.5)), column("fog@3", np.full(COUNT, 0.6))])
    assert not any("strength of the attacks" in line for line in unchecked(alone))
    assert "order of attacks on cifar10 test: no two metrics whose order is known" in unchecked(alone)


def test_reports_and_the_explorer_take_sources_apart_and_leave_costs_out(joined):
    facts = table_facts(joined)
    assert [(split.name, split.ranked_by) for split in facts.splits] == [
        ("a:cifar10 test", "pgd@8/255"), ("b:cifar10 test", "pgd@8/255"),
    ]  # fmt: skip
    for split in facts.splits:
        best = joined.best("cifar10", f"{split.source}:pgd@8/255", split="test")[0]
        assert (split.best[0].architecture, split.best[0].value("pgd@8/255")) == best
    titles = [section.title for section in table_sections(joined, facts)]
    assert titles[:2] == ["a: cifar10, test", "b: cifar10, test"]
    assert "no accuracies: cost:cifar10 test latency:x, cost:cifar10 test synflow" in str(table_lead(joined, facts))
    header, _ = pack_table(joined, "all.parquet", "t.bin")
    names = ["clean", "pgd@8/255", "fog@3", "corruptions"]
    assert [one["metric"] for one in header["columns"]] == [f"{source}:{name}" for source in "ab" for name in names]
    assert header["columns"][header["main"]]["metric"] == "a:pgd@8/255"
    assert [text.partition(":cifar10")[0] for text in header["left_out"]] == ["cost", "cost"]
    assert "in ms: the explorer shows accuracies" in header["left_out"][0]
    assert set(header["constant"]) == {"a:cifar10 test", "b:cifar10 test"}


def test_a_card_holds_everything_in_groups(joined):
    found = card(joined, "000003")
    assert [(group.source, group.kind, [one.metric for one in group.known]) for group in found.groups] == [
        ("a", "clean", ["clean"]), ("a", "attack", ["pgd@8/255"]), ("a", "corruption", ["corruptions", "fog@3"]),
        ("b", "clean", ["clean"]), ("b", "attack", ["pgd@8/255"]), ("b", "corruption", ["corruptions", "fog@3"]),
        ("cost", "score", ["synflow"]), ("cost", "cost", ["latency:x"]),
    ]  # fmt: skip
    clean, latency = found.groups[0].known[0], found.groups[-1].known[0]
    column = joined.column("cifar10", "a:clean", "test")
    assert (clean.value, clean.runs, clean.seeds) == (column.mean[3], 2, dict(enumerate(column.values[3].tolist())))
    assert clean.ranks is not None
    assert clean.ranks[0] <= clean.rank <= clean.ranks[1]
    assert clean.standard_error == standard_errors(joined, column)[0][3]
    assert (latency.value, latency.rank, latency.of, latency.ranks, latency.standard_error) == (4, 4, COUNT, None, None)
    assert {name: about["licence"] for name, about in found.sources.items() if about} == {"a": "A", "b": "B"}
    assert found.identical
    assert [group.source for group in card(joined.select(source="b"), "000003").groups] == ["b"] * 3


def test_equal_numbers_name_one_beta():
    table = Table("t", range(COUNT), [column("clean", np.full(COUNT, a), beta=b) for a, b in ((0.1, 0.3), (0.8, 0.5))])
    assert constant_rows(table, **WHERE, beta=0.1 + 0.2).all()
    assert not constant_rows(table, **WHERE, beta=0.5).any()
