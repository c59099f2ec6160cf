"""Columns that differ in the weight of the robust loss that was trained with."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from robnas.benchmarks import (
    Ambiguity,
    Choice,
    Column,
    CurveColumn,
    Table,
    holdings,
    load,
    read_rows,
    table_of_records,
    table_of_store,
    write_croissant,
    write_rows,
    write_table,
)
from robnas.benchmarks.adapters import NaslibGraph, NasRobBench201, NatsBench
from robnas.errors import InputError
from robnas.records import Curve, Record, RecordStore
from robnas.spaces import SIZE, Architecture
from tests.benchmarks.conftest import same_table
from tests.data.conftest import refused

BETAS = (0.0, 0.5, 1.0)
CODES = ["323133", "333333", "111111"]
MEANS = {0.0: [0.9, 0.8, 0.7], 0.5: [0.7, 0.85, 0.6], 1.0: [0.5, 0.55, 0.6]}
PLACE = ("digits", "test", "clean")
CLEAN = {"dataset": "digits", "metric": "clean", "split": "test"}
SMALL, LARGE = "nas-bench-201:channels=4,cells=1", "nas-bench-201:channels=8,cells=1"


def column(beta, metric="clean", **changes):
    values = np.array(MEANS[beta])[:, None] - [0.0, 0.02]
    return Column("digits", "test", metric, values - 0.1 * (metric != "clean"), (0, 1), beta=beta, **changes)


def varied(*more, **changes):
    columns = [column(beta, metric) for metric in ("clean", "pgd@32/255") for beta in BETAS]
    return Table("varied", CODES, [*columns, *more], **changes)


LATENCY = Column("digits", "test", "latency", [[1.0], [3.0], [2.0]], unit="ms", direction="minimise")


def test_a_value_is_that_of_its_beta():
    table = varied()
    for beta in BETAS:
        assert table.query("333333", **CLEAN, seed=0, beta=beta) == MEANS[beta][1]
        assert table.peek("333333", **CLEAN, seed="mean", beta=np.float64(beta)) == pytest.approx(MEANS[beta][1] - 0.01)
        assert table.values("digits", "clean", split="test", seed=1, beta=beta).tolist() == pytest.approx(
            [value - 0.02 for value in MEANS[beta]]
        )
    assert table.query("333333", **CLEAN, seed=0, beta=1) == 0.55
    assert [arch.text for arch, _ in table.best("digits", "clean", split="test", count=2, beta=0.5)] == CODES[1::-1]
    front = table.pareto("digits", "clean", "pgd@32/255", split="test", beta=1)
    assert [(arch.text, values) for arch, values in front] == [("111111", pytest.approx((0.59, 0.49)))]
    objective = table.objective("digits", "clean", split="test", seed=0, beta=0)
    assert (objective(CODES[2]), objective.peek(CODES[0]), objective.oracle) == (0.7, 0.9, 0.89)
    assert table.noise("digits", "clean", split="test", beta=0.5).run_sd == pytest.approx(0.02 / 2**0.5)


def test_a_beta_is_never_guessed():
    table = varied()
    several = "^beta of table varied: expected one of 0, 0.5, 1, got "
    for ask in (
        lambda **beta: table.query("333333", **CLEAN, seed=0, **beta),
        lambda **beta: table.values("digits", "clean", split="test", **beta),
        lambda **beta: table.best("digits", "clean", split="test", **beta),
        lambda **beta: table.pareto("digits", "clean", "pgd@32/255", split="test", **beta),
        lambda **beta: table.objective("digits", "clean", split="test", **beta),
        lambda **beta: table.noise("digits", "clean", split="test", **beta),
        lambda **beta: table.local_noise("digits", "clean", split="test", **beta),
        lambda **beta: table.is_measured("333333", **CLEAN, **beta),
    ):
        with refused(several + "none; name the beta: it is never guessed$", InputError):
            ask()
        with refused(several + "0.25$", InputError):
            ask(beta=0.25)
    for wrong in (2, -0.1, float("nan"), "0.5"):
        with refused(r"^beta of table varied: expected a number in \[0, 1\], got ", InputError):
            table.query("333333", **CLEAN, seed=0, beta=wrong)
    assert table.charged == 0


def test_with_one_beta_nothing_has_to_be_said():
    table = Table("one", CODES, [column(0.5)])
    assert table.query("333333", **CLEAN, seed=0) == table.query("333333", **CLEAN, seed=0, beta=0.5) == 0.85
    with refused("^beta of table one: expected one of 0.5, got 1$", InputError):
        table.query("333333", **CLEAN, seed=0, beta=1)
    unknown = Table("unknown", CODES, [replace(column(0.5), beta=None)])
    assert unknown.query("333333", **CLEAN, seed=0) == 0.85
    with refused("^beta of table unknown: expected none, because it is not known, got 1$", InputError):
        unknown.query("333333", **CLEAN, seed=0, beta=1)


def test_equal_numbers_are_one_beta():
    table = Table("t", CODES, [replace(column(0.5), beta=0.1 + 0.2), replace(column(1.0), beta=-0.0)])
    assert [one.beta for one in table.columns] == [0.3, 0.0]
    assert table.column_name(table.columns[1]) == "digits test clean beta=0"
    assert table.query("333333", **CLEAN, seed=0, beta=0.3) == table.query("333333", **CLEAN, seed=0, beta=0.1 + 0.2)
    both = table.join(Table("other", CODES, [column(1.0)]))
    assert both.query("333333", **CLEAN, seed=0, beta=0.1 + 0.2) == MEANS[0.5][1]  # of two sources one has it


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan"), float("inf"), "1", True, [1]])
def test_a_beta_is_a_share(beta):
    with refused(r"^column digits test clean, beta: expected a number in \[0, 1\], got ", InputError):
        Column(*PLACE, [[0.5]], beta=beta)


@pytest.mark.parametrize("others", [(0.5, 0.5), (0.5, None), (None, None)])
def test_columns_that_differ_in_nothing_are_refused(others):
    with refused("^table t: expected each column once, got digits test clean again$", InputError):
        Table("t", CODES, [replace(column(1.0), beta=beta) for beta in others])


def test_spaces_and_betas_are_told_apart_together():
    kinds = [(space, beta) for space in (SMALL, LARGE) for beta in (0.0, 1.0)]
    table = Table(
        "t", CODES, [replace(column(beta), space=space, values=column(beta).values / 2) for space, beta in kinds]
    )
    assert [table.column_name(one) for one in table.columns] == [
        f"digits test clean {space} beta={beta:g}" for space, beta in kinds
    ]
    assert table.query("333333", **CLEAN, seed=0, space=LARGE, beta=1) == 0.275
    with refused("^space of table t: expected one of", InputError):
        table.query("333333", **CLEAN, seed=0, beta=1)
    with refused("^beta of table t: expected one of 0, 1, got none", InputError):
        table.query("333333", **CLEAN, seed=0, space=LARGE)
    # where one space has one beta, the beta tells nothing more
    some = Table("t", CODES, [replace(column(0.0), space=SMALL), replace(column(1.0), space=LARGE)])
    assert some.query("333333", **CLEAN, seed=0, space=LARGE) == 0.55


def test_what_does_not_depend_on_training_fits_each_beta():
    table = varied(LATENCY)
    assert table.query("333333", dataset="digits", metric="latency", split="test", seed="mean", beta=0.5) == 3.0
    front = table.pareto("digits", "clean", "latency", split="test", beta=0.5)
    assert [(arch.text, values[1]) for arch, values in front] == [("333333", 3.0), ("323133", 1.0)]


def test_one_beta_is_taken_out():
    why = Ambiguity("images", ("10", "20"), ("10", "20"))
    keys = [("digits", "validation", "clean", None, "", 0.5), ("digits", "validation", "clean", None, "", 1.0)]
    curves = [CurveColumn("digits", "validation", "fgsm@32/255", (1, 2), np.full((3, 1, 2), beta), beta=beta)
              for beta in BETAS]  # fmt: skip
    table = varied(LATENCY, ambiguous=dict.fromkeys(keys, why), curves=curves)
    part = table.select(beta=0.5)
    assert [one.name for one in part.columns] == ["digits test clean", "digits test pgd@32/255", "digits test latency"]
    assert part.query("333333", **CLEAN, seed=0) == 0.85
    assert part.column_name(part.columns[0]) == "digits test clean"
    assert list(part.ambiguous) == keys[:1]
    assert [one.beta for one in part.curves] == [0.5]
    where = {"dataset": "digits", "metric": "fgsm@32/255", "split": "validation", "seed": "mean"}
    assert part.curve("333333", **where).tolist() == table.curve("333333", **where, beta=0.5).tolist() == [0.5, 0.5]
    assert table.peek("333333", **where, epoch=1, beta=1) == 1.0
    with refused("^beta of the curves of table varied: expected one of 0, 0.5, 1, got none", InputError):
        table.curve("333333", **where)
    with refused("^beta of table varied: expected one of 0, 0.5, 1, got 0.3$", InputError):
        table.select(beta=0.3)
    with refused("^table varied, digits validation clean: expected records of one number of images", InputError):
        table.query("333333", dataset="digits", metric="clean", split="validation", seed="mean", beta=1)


def test_a_joined_table_keeps_each_beta():
    table = varied()
    other = Table("other", CODES[:2], [replace(column(1.0).take(np.arange(2)), beta=None)])
    both = table.join(other)
    assert both.query("333333", dataset="digits", metric="varied:clean", split="test", seed=0, beta=0.5) == 0.85
    assert both.query("333333", dataset="digits", metric="other:clean", split="test", seed=0) == 0.55
    assert [one.beta for one in both.columns] == [*BETAS, *BETAS, None]
    assert both.query("333333", **CLEAN, seed=0, beta=0.5) == 0.85  # one source has it
    with refused("^metric of table varied\\+other: expected the source, as in varied:clean or other:clean", InputError):
        both.query("333333", **CLEAN, seed=0)
    assert both.select(source="varied", beta=0).query("333333", **CLEAN, seed=0) == 0.8


# files


def facts_of(path):
    return json.loads(pq.read_schema(path).metadata[b"robnas"])


def test_a_file_keeps_each_beta(tmp_path):
    curves = [CurveColumn("digits", "validation", "clean", (1, 2), np.full((3, 1, 2), beta), beta=beta)
              for beta in BETAS]  # fmt: skip
    table, path = varied(LATENCY, curves=curves), tmp_path / "varied.parquet"
    write_table(table, path)
    assert facts_of(path)["schema_version"] == 5
    assert pq.read_schema(path).names[1:3] == ["digits test clean beta=0 0", "digits test clean beta=0 1"]
    found = load(path)
    assert [(one.name, one.beta) for one in found.columns] == [(one.name, one.beta) for one in table.columns]
    assert [one.beta for one in found.curves] == list(BETAS)
    assert found.query("333333", **CLEAN, seed=0, beta=0.5) == 0.85
    same_table(found, table)
    write_croissant(path)
    text = (tmp_path / "varied.croissant.json").read_text()
    assert "clean on split test of digits, beta 0.5: seed 0, a fraction in [0, 1]." in text


def test_a_file_of_one_beta_is_read_by_earlier_versions(tmp_path):
    path = tmp_path / "one.parquet"
    write_table(varied().select(beta=0.5), path)
    assert (facts_of(path)["schema_version"], facts_of(path)["columns"][0]["beta"]) == (2, 0.5)
    assert [one.beta for one in load(path).columns] == [0.5, 0.5]
    write_table(Table("none", CODES, [replace(column(0.5), beta=None)]), path)
    assert "beta" not in facts_of(path)["columns"][0]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@pytest.mark.parametrize("dataset", [None, "digits"])
def test_what_is_written_for_others_keeps_each_beta(suffix, dataset, tmp_path):
    curves = [CurveColumn("digits", "test", "pgd@8/255", (1, 2), np.full((3, 1, 2), beta), beta=beta)
              for beta in BETAS]  # fmt: skip
    table, path = varied(LATENCY, curves=curves), tmp_path / f"varied{suffix}"
    write_rows(table, path, dataset)
    found = read_rows(path, dataset=dataset, split="test")
    assert [(one.name, one.beta) for one in found.columns] == [(one.name, one.beta) for one in table.columns]
    assert [(one.beta, one.epochs, one.values[0].tolist()) for one in found.curves] == [
        (beta, (1, 2), [[beta, beta]]) for beta in BETAS
    ]
    for ours, theirs in zip(table.columns, found.columns, strict=True):
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("beta", "header"), [(0.5, "digits test clean beta=0.5"), (1.0, "digits test clean"), (None, "digits test clean")]
)
def test_one_beta_is_written_for_others_unless_it_is_that_of_most_tables(beta, header, tmp_path):
    write_rows(Table("one", CODES, [replace(column(0.5), beta=beta)]), tmp_path / "one.csv")
    assert (tmp_path / "one.csv").read_text().splitlines()[0].split(",")[-1] == header
    assert load(tmp_path / "one.csv").columns[0].beta == (0.5 if beta == 0.5 else None)


def test_a_frame_keeps_each_beta():
    frame = varied().to_pandas("digits", split="test")
    assert list(frame.columns)[-6:] == [
        f"{metric} beta={beta:g}" for metric in ("clean", "pgd@32/255") for beta in BETAS
    ]
    assert frame.attrs["betas"] == {
        f"{metric} beta={beta:g}": beta for metric in ("clean", "pgd@32/255") for beta in BETAS
    }
    assert list(varied().select(beta=0.5).to_pandas("digits", split="test").columns)[-2:] == ["clean", "pgd@32/255"]


@pytest.mark.parametrize(
    "header", ["digits test clean beta=2", "digits test clean beta=", "digits test clean beta=0 beta=1", "beta=0.5"]
)
def test_a_header_has_one_beta(header, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(f"architecture,{header}\n323133,0.5\n")
    with refused("own.csv: expected columns such as 'digits test pgd@8/255', got "):
        load(path)


def test_runs_of_several_betas_are_read(tmp_path):
    path = tmp_path / "own.csv"
    headers = [f"digits test clean beta={beta} {seed}" for beta in (0, 0.5) for seed in (3, 4)]
    path.write_text(f"architecture,{','.join(headers)}\n323133,0.1,0.2,0.3,0.4\n")
    found = load(path)
    assert [(one.beta, one.seeds) for one in found.columns] == [(0.0, (3, 4)), (0.5, (3, 4))]
    assert found.query("323133", **CLEAN, seed=4, beta=0.5) == 0.4


def test_a_file_with_a_beta_that_is_none_is_refused(tmp_path):
    path = tmp_path / "wrong.parquet"
    write_table(varied(), path)
    table = pq.read_table(path)
    facts = facts_of(path)
    facts["columns"][0]["beta"] = 7
    pq.write_table(table.replace_schema_metadata({b"robnas": json.dumps(facts).encode()}), path)
    with refused(r"column digits test clean, beta: expected a number in \[0, 1\], got 7"):
        load(path)


# stores

RECIPES = {
    f"{beta:g}".ljust(16, "a"): {"name": f"digits+beta={beta:g}", "objective": "mixed", "beta": beta, "epochs": 4}
    for beta in BETAS
}
RECORD = Record(
    architecture=Architecture("323133"), dataset="digits", dataset_hash="d" * 16, split="test", recipe_hash="", seed=0,
    attack_hash="", attack_seed=0, metric="clean", value=0.5, images=10, seconds=1.0, torch_version="2", device="cpu",
)  # fmt: skip


def measured(recipes, **changes):
    return [replace(RECORD, recipe_hash=hash_, value=place / 10, **changes) for place, hash_ in enumerate(recipes)]


def test_recipes_that_differ_by_their_beta_are_columns(tmp_path):
    with RecordStore(tmp_path / "runs.db") as store:
        store.add(measured(RECIPES), settings=RECIPES)
        store.add(measured(RECIPES, split="validation")[1:2])
    table = table_of_store(tmp_path / "runs.db")
    assert [(one.split, one.beta, one.mean.tolist()) for one in table.columns] == [
        ("test", 0.0, [0.0]), ("test", 0.5, [0.1]), ("test", 1.0, [0.2]), ("validation", 0.5, [0.1]),
    ]  # fmt: skip
    assert [one.facts["recipe_name"] for one in table.columns[:2]] == ["digits+beta=0", "digits+beta=0.5"]
    one = table_of_store(tmp_path / "runs.db", Choice(recipe="digits+beta=0.5"))
    assert [column.beta for column in one.columns] == [0.5, 0.5]
    assert {found.recipe_name: found.beta for found in holdings(tmp_path / "runs.db")} == {
        "digits+beta=0": 0.0, "digits+beta=0.5": 0.5, "digits+beta=1": 1.0,
    }  # fmt: skip


def test_recipes_that_differ_in_more_are_refused_in_a_line_that_says_in_what():
    recipes = {**RECIPES, "c" * 16: {"name": "long", "objective": "mixed", "beta": 0.25, "epochs": 8}}
    table = table_of_records("t", measured(recipes), recipes=recipes)
    said = (
        r"^table t, digits test clean: expected records of one recipe, got 0.5aaaaa \(digits\+beta=0.5\), .*, "
        r"which differ in beta \(0.0, 0.25, 0.5, 1.0\) and epochs \(4, 8\); choose one: --recipe 0.5aaaaa "
    )
    for beta in (None, 0.5):
        with refused(said, InputError):
            table.query("323133", **CLEAN, seed=0, beta=beta)
    assert [
        one.beta
        for one in table_of_records("t", measured(recipes), recipes=recipes, choice=Choice(recipe="long")).columns
    ] == [0.25]


@pytest.mark.parametrize(
    "changes",
    [{}, {"objective": "trades"}, {"objective": {"name": "mart"}}, {"beta": "half"}, {"beta": 0.0}],
    ids=["unknown", "trades", "own", "text", "the same"],
)
def test_recipes_without_a_beta_of_their_own_are_not_told_apart_by_it(changes):
    recipes = {hash_: {**settings, **changes} if changes else {} for hash_, settings in RECIPES.items()}
    table = table_of_records("t", measured(recipes), recipes=recipes)
    with refused("^table t, digits test clean: expected records of one recipe, got ", InputError):
        table.query("323133", **CLEAN, seed=0)


def test_a_recipe_of_one_name_and_several_betas_is_chosen_with_all_of_them():
    named = {hash_: {**settings, "name": "mine"} for hash_, settings in RECIPES.items()}
    recipes = {**named, "c" * 16: {"name": "long", "objective": "mixed", "beta": 0.5, "epochs": 8}}
    table = table_of_records("t", measured(recipes), recipes=recipes, choice=Choice(recipe="mine"))
    assert [one.beta for one in table.columns] == list(BETAS)


def test_what_is_ambiguous_at_one_beta_is_known_at_the_others():
    records = [*measured(RECIPES), replace(measured(RECIPES)[1], images=20)]
    curves = [Curve(
        architecture=Architecture("323133"), dataset="digits", dataset_hash="d" * 16, split="validation", seed=0,
        recipe_hash=hash_, attack_hash="", attack_seed=0, metric="clean", images=10, epochs=(1, 2), values=(0.1, beta),
    ) for hash_, beta in zip(RECIPES, BETAS, strict=True)]  # fmt: skip
    table = table_of_records("t", records, recipes=RECIPES, curves=curves)
    assert table.query("323133", **CLEAN, seed=0, beta=1) == 0.2
    with refused("^table t, digits test clean: expected records of one number of images", InputError):
        table.query("323133", **CLEAN, seed=0, beta=0.5)
    with refused("^beta of table t: expected one of 0, 0.5, 1, got none", InputError):
        table.query("323133", **CLEAN, seed=0)
    assert list(table.provenance["left_out"]) == ["digits test clean beta=0.5"]
    found = table.curve("323133", dataset="digits", metric="clean", split="validation", seed=0, beta=0.5)
    assert found.tolist() == [0.1, 0.5]


@pytest.mark.parametrize("kind", [NaslibGraph, NatsBench, NasRobBench201])
def test_calls_of_others_do_not_choose_a_beta(kind):
    published = np.arange(SIZE)
    whole = varied(published=published)
    make = {
        NaslibGraph: lambda table: kind(table, "323133", metric="clean"),
        NatsBench: lambda table: kind(table, metric="clean", split="test"),
    }.get(kind, kind)
    with refused(r"^table: expected one beta, got table varied of 0, 0.5, 1; take table.select\(beta=1\)$", InputError):
        make(whole)
    assert whole.betas == BETAS
    if kind is NaslibGraph:
        assert make(whole.select(beta=0.5)).query("TEST_ACCURACY", dataset="digits") == pytest.approx(69)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_betas_stand_beside_sources_spaces_and_units(suffix, tmp_path):
    other = Table("other 2", CODES, [replace(column(1.0), beta=None), column(0.5, "pgd@32/255")])
    kinds = [(space, beta) for space in (SMALL, LARGE) for beta in (0.0, 1.0)]
    sized = Table("sized", CODES, [replace(column(beta), space=space) for space, beta in kinds], space="nas-bench-201")
    for table in (varied(LATENCY).join(other), sized):
        path = tmp_path / f"{table.name}{suffix}"
        (write_table if suffix == ".parquet" else write_rows)(table, path)
        found = load(path)
        for ours, theirs in zip(table.columns, found.columns, strict=True):
            assert (ours.name, ours.beta, ours.unit) == (theirs.name, theirs.beta, theirs.unit)
            assert ours.space in (None, theirs.space)
            np.testing.assert_allclose(ours.mean, theirs.mean, rtol=0, atol=1e-15)
    if suffix == ".parquet":
        assert [(one.space, one.beta) for one in load(path, space=LARGE, beta=1).columns] == [(LARGE, 1.0)]
