import csv
import functools
import json
import os
from dataclasses import replace

import numpy as np
import pandas
import pytest

from robnas.benchmarks import Column, Table, read_rows, read_table, write_table
from robnas.paper import REPRODUCTIONS
from robnas.records import RecordStore
from robnas.spaces import Architecture
from robnas.statistics import correlate, correlation_ceiling
from tests.benchmarks.test_records import CLEAN, RECORD
from tests.conftest import shared_file
from tests.test_cli import robnas


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def published():
    return str(shared_file("data", "published", "acc.json").parent)


@pytest.fixture
def fetched(published, tmp_path, monkeypatch, capsys):
    """A cache with both published tables."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("nas-robbench-201", "jung-2023"):
        code, _, err = robnas(capsys, "fetch", name, "--from", published)
        assert code == 0, err
    return tmp_path


def test_a_table_is_fetched_into_the_folder_that_is_named(published, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, out, err = robnas(capsys, "fetch", "jung-2023", "--from", published, "--data-dir", str(tmp_path / "data"))
    path = tmp_path / "data" / "tables" / "jung-2023.parquet"
    assert code == 0, err
    assert f"kept in {path}" in out
    assert f"--table {path} or ROBNAS_DATA={tmp_path / 'data'} leads other commands to it" in out
    assert not (tmp_path / "cache").exists()
    _, out, _ = robnas(capsys, "tables")
    assert "not fetched: robnas fetch jung-2023" in out
    monkeypatch.setenv("ROBNAS_DATA", str(tmp_path / "data"))
    _, out, _ = robnas(capsys, "tables")
    assert "jung-2023  (in the cache)" in out


WHERE = ("--table", "nas-robbench-201", "--dataset", "cifar10", "--split", "test")


def test_fetch_says_what_it_holds_and_under_which_licence(fetched, published, capsys):
    code, out, _ = robnas(capsys, "fetch", "nas-robbench-201", "--from", published)
    assert code == 0
    assert "6,466 architectures" in out
    assert "pgd@8/255 (3 runs), autoattack@8/255 (one run)" in out
    assert "licence: CC BY-SA 4.0" in out
    assert "oracle selection" in out
    _, out, _ = robnas(capsys, "tables")
    assert out.count("(in the cache)") == 2


def test_query_gives_value_rank_and_runs(fetched, capsys):
    code, out, _ = robnas(capsys, "query", "323133", *WHERE, "--metric", "pgd@8/255")
    assert code == 0
    assert out.startswith("323133 cifar10 test pgd@8/255: 48.11 % (mean of 3 runs)\nrank 1 of 6,466;")
    _, out, _ = robnas(capsys, "query", "#9930", *WHERE, "--metric", "autoattack@8/255", "--json")
    facts = json.loads(out)
    assert (facts["architecture"], facts["runs"], facts["rank"]) == ("333133", 1, 1)
    assert facts["value"] == pytest.approx(0.4438)
    _, out, _ = robnas(capsys, "query", "300000", *WHERE, "--metric", "clean")
    assert "300000 itself was not trained: " in out
    _, out, _ = robnas(capsys, "query", "#25", *WHERE, "--metric", "clean", "--json")
    assert json.loads(out)["asked"] != json.loads(out)["architecture"]


def test_query_says_that_another_network_answers(fetched, capsys):
    _, out, _ = robnas(capsys, "query", "343013", *WHERE, "--metric", "clean")
    assert out.endswith(
        "343013 itself was not trained: 343303 of its class was, which is another network, of 1,045,466 parameters on "
        "live edges where 343013 has 802,426\n"
    )
    _, out, _ = robnas(capsys, "query", "000004", *WHERE, "--metric", "clean")
    assert "000034 of its class was, which computes the same functions up to a constant\n" in out
    for code, identical in (("343013", False), ("000004", False), ("343303", True)):
        _, out, _ = robnas(capsys, "query", code, *WHERE, "--metric", "clean", "--json")
        assert json.loads(out)["identical"] is identical


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("323133", "--table", "nas-robbench-201"), "dataset of table nas-robbench-201: expected one of cifar10"),
        (("323133", *WHERE), "metric of table nas-robbench-201: expected one of clean, fgsm@3/255"),
        (("323133", *WHERE, "--metric", "pgd@8"), "did you mean pgd@8/255?"),
        (("#99999", *WHERE, "--metric", "clean"), "published index: expected 0 to 15624, got 99999"),
        (("#x", *WHERE, "--metric", "clean"), "published index: expected digits after #, got '#x'"),
        (("323133", *WHERE, "--metric", "clean", "--seed", "7"), "a mean only, got 7"),
        (("#²", *WHERE, "--metric", "clean"), "published index: expected digits after #, got '#²'"),
        (("323133", *WHERE, "--metric", "clean", "--seed", "random"), "--seed: expected mean or the number of a run"),
        (("323133", "--table", "nats"), "table: expected one of digits, digits-beta, nas-robbench-201, jung-2023"),
        (("323133", "--table", "nas-robbench"), "did you mean nas-robbench-201 or nas-robbench-201-seeds?"),
        (("323133", "--table", "runs.db"), "runs.db: expected a store of records, got nothing"),
        (("323133", *WHERE, "--metric", "clean", "--recipe", "digits"), "expected a store such as sqlite:///runs.db"),
        (("323133", *WHERE, "--metric", "clean", "--noise", "loud"), "--noise: expected pooled or local, got 'loud'"),
        (("323133", *WHERE, "--metric", "clean", "--ranks", "best"), "--ranks: expected one of marginal, stepwise, "),
        (("323133", "--table", "sqlite:///typo.db"), "typo.db: expected a store of records, got nothing"),
    ],
)
def test_bad_queries_are_one_line(fetched, capsys, monkeypatch, arguments, text):
    monkeypatch.chdir(fetched)
    code, out, err = robnas(capsys, "query", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
    assert not (fetched / "typo.db").exists()


def test_the_only_split_may_be_omitted_and_is_named(fetched, capsys):
    asked = ("query", "323133", *WHERE[:4], "--metric", "pgd@8/255")
    code, out, err = robnas(capsys, *asked)
    assert (code, out) == robnas(capsys, *asked, "--split", "test")[:2]
    assert err == "--split test: the only one of cifar10 pgd@8/255 in nas-robbench-201\n"
    for unknown in (("--metric", "nosuch"), ()):
        code, _, err = robnas(capsys, "query", "323133", *WHERE[:4], *unknown)
        assert (code, err.count("\n")) == (2, 1)
        assert "metric of table nas-robbench-201: expected one of clean" in err
    code, _, err = robnas(capsys, "query", "323133", "--dataset", "digits", "--metric", "clean")
    assert code == 2
    assert "split of table digits: expected one of test, validation, got none; name the split" in err


def test_local_noise_leaves_fewer_ranks_at_the_top_and_is_the_default(fetched, capsys):
    arguments = ("query", "323133", *WHERE, "--metric", "pgd@8/255", "--json")
    pooled, local = (json.loads(robnas(capsys, *arguments, *kind)[1]) for kind in (("--noise", "pooled"), ()))
    assert (pooled["noise"], local["noise"]) == ("pooled", "local")
    assert pooled["rank"] == local["rank"] == pooled["rank_low"] == local["rank_low"] == 1
    assert (pooled["rank_high"], local["rank_high"]) == (208, 35)
    assert pooled["run_sd"] == pytest.approx(0.00425, abs=1e-5)
    assert 0.003 < pooled["run_sd_low"] < pooled["run_sd"] < pooled["run_sd_high"]
    assert local["run_sd_low"] < local["run_sd"] < local["run_sd_high"] < pooled["run_sd_low"]
    _, out, _ = robnas(capsys, *arguments[:-1])
    assert "repeated trainings of similar accuracy anything from 1 to 35 (at least 95 %, for one architecture)\n" in out
    assert "standard deviation of one training 0.21 points, 0.19 to 0.24 (95 %), local: 639 networks were" in out
    _, out, _ = robnas(capsys, *arguments[:-1], "--noise", "pooled")
    assert "with the noise of repeated trainings, pooled over all accuracies, anything from 1 to 208 (at least" in out


def test_sets_of_ranks_say_how_they_were_found_and_what_they_promise(fetched, capsys):
    arguments = ("query", "323133", *WHERE, "--metric", "pgd@8/255", "--noise", "pooled", "--json", "--ranks")
    found = {kind: json.loads(robnas(capsys, *arguments, kind)[1]) for kind in ("marginal", "simultaneous", "bayes")}
    assert [facts["rank_method"] for facts in found.values()] == list(found)
    assert [facts["rank_guarantee"] for facts in found.values()] == [
        "at least 95 %, for one architecture", "at least 95 %, for all at once",
        "about 95 %, on average over architectures",
    ]  # fmt: skip
    assert found["bayes"]["rank_high"] < found["marginal"]["rank_high"] < found["simultaneous"]["rank_high"]


def test_where_too_few_networks_were_repeated_the_noise_is_pooled_and_that_is_said(tmp_path, capsys):
    values = 0.5 + np.arange(79)[:, None] / 200 + np.random.default_rng(0).normal(0, 0.01, (79, 2))
    column = Column("mine", "test", "clean", values, (0, 1))
    for count, kind in ((79, "pooled"), (80, "local")):
        rows = np.concatenate([values, values[: count - 79]])
        path = tmp_path / f"{count}.parquet"
        write_table(Table("few", range(count), [replace(column, values=rows)]), path)
        asked = ("query", "000003", "--table", str(path), "--dataset", "mine", "--metric", "clean", "--split", "test")
        for option in ((), ("--noise", "local")):
            assert json.loads(robnas(capsys, *asked, *option, "--json")[1])["noise"] == kind
            said = f"{kind}: {count} networks were trained several times"
            said += ", too few for that of similar accuracy\n" if kind == "pooled" else "\n"
            assert said in robnas(capsys, *asked, *option)[1]
        assert "too few" not in robnas(capsys, *asked, "--noise", "pooled")[1]


def test_tables_says_how_large_the_noise_is_and_how_well_that_is_known(fetched, capsys):
    _, out, _ = robnas(capsys, "tables", "nas-robbench-201")
    assert "standard deviation of one training in percentage points (95 %), pooled over repeated trainings:\n" in out
    assert "    cifar10 test: clean 1.06 (0.76 to 1.5" in out
    columns = json.loads(robnas(capsys, "tables", "nas-robbench-201", "--json")[1])["columns"]
    noise = {column["metric"]: column["noise"] for column in columns if column["dataset"] == "cifar10"}["pgd@8/255"]
    assert (noise["source"], noise["groups"], noise["members"]) == ("duplicates", 641, 1971)
    assert noise["low"] < noise["run_sd"] < noise["high"]


def test_tables_says_what_one_table_holds(fetched, capsys):
    code, out, _ = robnas(capsys, "tables", "jung-2023")
    assert code == 0
    assert out.startswith(
        "jung-2023: 6,466 architectures, one per class of official\n  cifar10 test: clean (one run), "
    )
    _, out, _ = robnas(capsys, "tables", "nas-robbench-201", "--json")
    assert len(json.loads(out)["columns"]) == 18


def test_what_a_file_says_about_itself_cannot_move_the_cursor(capsys, tmp_path):
    text = "\x1b[2J\x07mine\n  licence: CC0 \u202e" + "x" * 10_000
    provenance = {"citation": text, "missing_runs": {text: 3}, "threeseed_differs_from_mean": {"d test clean": 4}}
    table = Table("evil", [1], [Column("d", "test", "clean", [[0.5]])], provenance=provenance)
    write_table(table, tmp_path / "evil.parquet")
    code, out, _ = robnas(capsys, "tables", str(tmp_path / "evil.parquet"))
    assert code == 0
    assert out.replace("\n", "").isprintable()
    assert [line.partition(":")[0].strip() for line in out.splitlines()] == [
        "evil", "d test", "citation", "missing_runs", "threeseed_differs_from_mean",
    ]  # fmt: skip
    assert max(map(len, out.splitlines())) < 700
    assert "threeseed_differs_from_mean: d test clean 4" in out


def test_info_takes_and_shows_published_indices(fetched, capsys):
    code, out, _ = robnas(capsys, "info", "#2581", "--table", "nas-robbench-201")
    assert code == 0
    assert "published    #2581 in the order of nas-robbench-201" in out
    _, out, _ = robnas(capsys, "info", "323133", "--table", "nas-robbench-201", "--json")
    assert json.loads(out)["published_index"] == 2581
    assert "published_index" not in json.loads(robnas(capsys, "info", "323133", "--json")[1])
    for arguments, text in (
        (("#2581",), "published index: expected --table with a table that brings published indices, got '#2581'"),
        (("#x", "--table", "jung-2023"), "published index: expected digits after #, got '#x'"),
        (("#15625", "--table", "jung-2023"), "published index: expected 0 to 15624, got 15625"),
    ):
        code, out, err = robnas(capsys, "info", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert text in err


@pytest.fixture
def store(tmp_path):
    """Two recipes for clean accuracy, two numbers of images for PGD at 3/255, two seeds for PGD at 8/255."""
    url = f"sqlite:///{tmp_path}/runs.db"
    wide = replace(CLEAN, recipe_hash="b" * 16, value=0.5)
    few = replace(RECORD, metric="pgd@3/255", images=500, value=0.61)
    with RecordStore(url) as store:
        store.add(
            [CLEAN, wide, RECORD, replace(RECORD, seed=1, value=0.47), few, replace(few, images=10000, value=0.6)],
            {"r" * 16: {"name": "digits"}, "b" * 16: {"name": "wide"}},
        )
    return url


OWN = ("--dataset", "cifar10", "--split", "test")


def test_a_store_with_several_recipes_is_asked_for_what_is_meant(store, capsys):
    ask = ("query", "323133", "--table", store, *OWN)
    code, out, _ = robnas(capsys, *ask, "--metric", "pgd@8/255")
    assert code == 0
    assert "47.55 % (mean of 2 runs)\nrecipe rrrrrrrrrrrrrrrr (digits), 10,000 images of cifar10 version dddd" in out
    facts = json.loads(robnas(capsys, *ask, "--metric", "pgd@8/255", "--json")[1])
    assert (facts["recipe"], facts["recipe_name"], facts["images"]) == ("r" * 16, "digits", 10000)
    assert (facts["attack"], facts["dataset_version"]) == ("a" * 16, "d" * 16)
    for recipe, value in (("wide", 0.5), ("rrr", 0.7938)):
        _, out, _ = robnas(capsys, *ask, "--metric", "clean", "--recipe", recipe, "--json")
        assert json.loads(out)["value"] == value
    _, out, _ = robnas(capsys, *ask, "--metric", "pgd@3/255", "--images", "500", "--json")
    assert (json.loads(out)["value"], json.loads(out)["images"]) == (0.61, 500)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--metric", "clean"), "got bbbbbbbb (wide), rrrrrrrr (digits); choose one: --recipe bbbbbbbb on the "
         "command line, recipe='bbbbbbbb' in Python"),
        (("--metric", "pgd@3/255"), "one number of images, got 500, 10000; choose one: --images 500 on the "
         "command line, images=500 in Python"),
        (("--metric", "clean", "--recipe", "x"), "expected the name or beginning of one hash among bbbbbbbb (wide)"),
        (("--metric", "clean", "--images", "7"), "images: expected one of 500, 10000, got 7"),
        (("--metric", "clean", "--images", "x"), "--images"),
    ],
)  # fmt: skip
def test_an_ambiguous_query_names_both_remedies(store, capsys, arguments, text):
    code, out, err = robnas(capsys, "query", "323133", "--table", store, *OWN, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert text in err


def test_a_store_lists_what_it_holds(store, capsys):
    code, out, _ = robnas(capsys, "tables", store)
    assert code == 0
    assert out.splitlines()[0] == "6 records"
    assert "cifar10, version dddddddddddddddd, recipe bbbbbbbbbbbbbbbb (wide)" in out
    assert "pgd@8/255          10,000 images       2 records       1 architectures  seeds 0, 1  attack aaaa" in out
    found = json.loads(robnas(capsys, "tables", store, "--json")[1])
    assert [(entry["recipe_name"], entry["metric"], entry["images"], entry["seeds"]) for entry in found] == [
        ("wide", "clean", 10000, [0]), ("digits", "clean", 10000, [0]), ("digits", "pgd@3/255", 500, [0]),
        ("digits", "pgd@3/255", 10000, [0]), ("digits", "pgd@8/255", 10000, [0, 1]),
    ]  # fmt: skip


def test_export_says_what_it_leaves_out(store, capsys, tmp_path):
    path = tmp_path / "own.csv"
    code, out, err = robnas(capsys, "export", store, "--out", str(path))
    assert code == 0
    assert list(rows_of(path)[0]) == ["architecture", "genotype", "cifar10 test pgd@8/255"]
    assert err.count("left out: cifar10 test ") == 2
    arguments = ("--recipe", "digits", "--images", "10000", "--json")
    code, out, err = robnas(capsys, "export", store, "--out", str(tmp_path / "own.parquet"), *arguments)
    assert (code, err, json.loads(out)["left_out"]) == (0, "", [])
    assert len(read_table(tmp_path / "own.parquet").columns) == 3
    code, out, _ = robnas(
        capsys, "query", "323133", "--table", str(tmp_path / "own.parquet"), *OWN, "--metric", "clean"
    )
    assert "recipe rrrrrrrrrrrrrrrr (digits), 10,000 images" in out
    before = path.read_bytes()
    code, _, err = robnas(capsys, "export", store, "--recipe", "wide", "--dataset", "digits", "--out", str(path))
    assert code == 2
    assert "dataset of table runs: expected one of cifar10, got 'digits'" in err
    assert path.read_bytes() == before


def test_export_writes_what_others_read(fetched, capsys):
    for suffix in ("parquet", "csv", "json"):
        path = fetched / f"table.{suffix}"
        code, _, err = robnas(capsys, "export", "nas-robbench-201", "--dataset", "cifar10", "--out", str(path))
        assert code == 0, err
    again = read_table(fetched / "table.parquet")
    assert (len(again), again.datasets) == (6466, ("cifar10",))
    rows = {row["architecture"]: row for row in rows_of(fetched / "table.csv")}
    assert float(rows[Architecture("323133").genotype]["pgd@8/255"]) == pytest.approx(0.4811, abs=1e-4)
    assert len(json.loads((fetched / "table.json").read_text())) == 6466
    code, _, err = robnas(capsys, "export", "nas-robbench-201", "--out", str(fetched / "table.xlsx"))
    assert code == 2
    assert "a file ending in .parquet, .csv or .json" in err


@pytest.mark.parametrize(("suffix", "read"), [("csv", pandas.read_csv), ("json", pandas.read_json)])
def test_exported_architectures_survive_pandas(suffix, read, capsys, tmp_path):
    values = [0.1, 1 / 3, 0.4811111111111]
    table = Table("mine", [0, 9, 14], [Column("digits", "test", "clean", [[value] for value in values])])
    assert [arch.code for arch in table.architectures] == ["000000", "000014", "000024"]
    write_table(table, tmp_path / "mine.parquet")
    path = tmp_path / f"mine.{suffix}"
    code, _, err = robnas(capsys, "export", str(tmp_path / "mine.parquet"), "--out", str(path))
    assert code == 0, err
    frame = read(path)
    for name in ("architecture", "genotype"):
        assert [Architecture(text) for text in frame[name]] == list(table.architectures)
    assert frame["digits test clean"].tolist() == pytest.approx(values, abs=1e-15)


def test_reproductions_match_the_published_values(fetched, capsys, caplog, monkeypatch):
    monkeypatch.setattr("robnas.paper._table1.correlate", functools.partial(correlate, resamples=20))
    monkeypatch.setattr(
        "robnas.paper._reproduce.correlation_ceiling",
        lambda *values, **options: correlation_ceiling(*values, **{**options, "resamples": 2}),
    )
    out_dir = fetched / "figures"
    for name in ("table1", "figure2", "figure3", "duplicates"):
        code, out, err = robnas(capsys, "reproduce", name, "--out", str(out_dir), "--json")
        assert code == 0, err
        facts = json.loads(out)
        assert [os.path.basename(path) for path in facts["files"]] == [f"{name}.csv", f"{name}.png", f"{name}.svg"]
        figures = facts["tables"][name]
        assert [list(map(str, row.values())) for row in figures] == [
            [str(float(cell)) if "." in cell and cell.replace(".", "").isdecimal() else cell for cell in row.values()]
            for row in rows_of(out_dir / f"{name}.csv")
        ]
    assert (figures[0]["groups"], figures[0]["sd_percentage_points"]) == (641, 0.61)
    table1 = rows_of(out_dir / "table1.csv")
    equal = {(row["row"], row["column"]): row["spearman"] for row in table1 if row["equal"] == "True"}
    assert equal == {
        ("Clean", "PGD"): "0.985", ("Clean", "FGSM"): "0.989", ("PGD", "FGSM"): "0.998",
        ("Clean", "Clean*"): "0.977", ("PGD", "Clean*"): "0.970", ("FGSM", "Clean*"): "0.974",
    }  # fmt: skip
    without = "needs the authors' full files: robnas fetch jung-2023 --from FOLDER"
    assert f"table1: no PGD* and FGSM* at 8/255: {without}" in caplog.text
    assert [(row["equal"], row["note"]) for row in table1 if not row["spearman"]] == [("", without)] * 9
    found = {(row["first"], row["second"]): row["spearman"] for row in rows_of(out_dir / "figure3.csv")
             if row["metric"] == "pgd@8/255"}  # fmt: skip
    assert list(found.values()) == ["0.988", "0.863", "0.894"]
    noise = {row["metric"]: row for row in rows_of(out_dir / "duplicates.csv")
             if row["dataset"] == "cifar10"}  # fmt: skip
    assert [round(float(noise[m]["sd_percentage_points"]), 2) for m in ("clean", "pgd@8/255", "autoattack@8/255")] == [
        0.61, 0.24, 0.48,
    ]  # fmt: skip
    assert (noise["clean"]["groups"], noise["clean"]["members"]) == ("641", "1971")


def test_table_1_agrees_in_all_cells_with_the_full_files(fetched, published, capsys, caplog, monkeypatch):
    monkeypatch.setattr("robnas.paper._table1.correlate", functools.partial(correlate, resamples=20))
    full = shared_file("data", "jung", "cifar10", "clean_accuracy.json").parents[1]
    code, out, err = robnas(capsys, "fetch", "jung-2023", "--from", str(full), "--from", str(published))
    assert code == 0, err
    assert "variant: the authors' full files of accuracies: cifar10 20 of 20, cifar100 20 of 20" in out
    code, out, err = robnas(capsys, "reproduce", "table1", "--out", str(fetched / "full"))
    assert (code, caplog.text) == (0, ""), err
    assert [os.path.basename(path) for path in out.split()] == [
        "table1.csv", "table1.png", "table1.svg", "table1-epsilon.csv", "table1-epsilon.png", "table1-epsilon.svg",
    ]  # fmt: skip
    rows = rows_of(fetched / "full" / "table1.csv")
    assert [row["equal"] for row in rows] == ["True"] * 15
    (note,) = (row["note"] for row in rows if (row["row"], row["column"]) == ("PGD", "PGD*"))
    assert note == (
        "PGD* at 8/255 has mean 0.0008 and 27 distinct values; at 0.1/255 (mean 0.8564) the same correlation is 0.965"
    )
    swept = {(row["attack"], row["epsilon"]): row for row in rows_of(fetched / "full" / "table1-epsilon.csv")}
    assert len(swept) == 7 * 3 + 11
    weak, strong = swept["PGD*", "0.1/255"], swept["PGD*", "8/255"]
    assert (weak["PGD"], strong["PGD"], strong["mean"], strong["distinct"]) == ("0.965", "0.382", "0.0008", "27")


def test_old_names_of_columns_are_answered_with_a_word(fetched, capsys):
    asked = ("query", "#13433", "--table", "jung-2023", "--dataset", "cifar10", "--split", "test", "--metric")
    with pytest.warns(UserWarning, match="table jung-2023, pgd@average: this is pgd@1/255"):
        code, out, _ = robnas(capsys, *asked, "pgd@average")
    assert code == 0
    assert "cifar10 test pgd@1/255: 33.60 % (one run)" in out
    _, out, _ = robnas(capsys, *[word.replace("cifar10", "imagenet16-120") for word in asked], "pgd@1/255")
    assert "ε 1/255, inferred" in out


def test_an_unknown_reproduction_lists_the_known_ones(capsys):
    code, _, err = robnas(capsys, "reproduce", "table3")
    assert code == 2
    assert f"expected one of {', '.join([*REPRODUCTIONS, 'proxies', 'figure5'])}, got 'table3'" in err


def written(path, runs, **facts):
    """A table file of one column."""
    column = Column("d", "test", "clean", runs, tuple(range(runs.shape[1])), facts=facts)
    write_table(Table("t", range(len(runs)), [column]), path)
    return ["query", "000000", "--table", str(path), "--dataset", "d", "--metric", "clean", "--split", "test"]


def test_a_rank_is_told_where_the_noise_is_not_known_and_that_it_is_not(tmp_path, capsys):
    asked = written(tmp_path / "once.parquet", np.array([[0.5], [0.6], [0.4]]))
    why = "how far noise may move it is not known: too few trainings were repeated, or none differed"
    assert f"rank 2 of 3; {why}" in robnas(capsys, *asked)[1]
    facts = json.loads(robnas(capsys, *asked, "--json")[1])
    assert (facts["rank"], facts["of"], facts["sharing"], facts["noise"]) == (2, 3, 1, None)
    assert "rank_low" not in facts
    assert "rank" not in robnas(capsys, *written(tmp_path / "one.parquet", np.array([[0.5]])))[1]


def test_pooled_noise_is_that_of_the_standard_error_too(tmp_path, capsys):
    share = np.arange(200)[:, None] / 200
    runs = 0.8 - 0.4 * share + np.random.default_rng(0).normal(size=(200, 3)) * (0.001 + 0.03 * share)
    asked = written(tmp_path / "many.parquet", runs)
    for kind, source in (("local", "similar"), ("pooled", "trainings")):
        facts = json.loads(robnas(capsys, *asked, "--noise", kind, "--json")[1])
        assert (facts["noise"], facts["error_of"]) == (kind, source)
        assert facts["standard_error"] == pytest.approx(facts["run_sd"] / 3**0.5)


def test_a_space_of_which_there_is_no_table_is_said(capsys):
    assert "no table of theory is bundled or published" in robnas(capsys, "tables", "--space", "theory")[1]
    assert json.loads(robnas(capsys, "tables", "--space", "theory", "--json")[1]) == []


def test_two_sizes_of_the_networks_are_told_apart_and_kept_in_other_files(tmp_path, capsys):
    keys = ["nas-bench-201:channels=4,cells=1", "nas-bench-201:channels=8,cells=1"]
    runs = np.random.default_rng(0).uniform(0.2, 0.8, (20, 2))
    columns = [Column("d", "test", "clean", runs, (0, 1), space=key) for key in keys]
    path = tmp_path / "two.parquet"
    write_table(Table("two", range(20), columns), path)
    shown = robnas(capsys, "tables", str(path))[1]
    for key in keys:
        assert f"  d test, {key}: clean (2 runs)" in shown
        assert f"    d test, {key}: clean " in shown
    one = tmp_path / "one.csv"
    assert robnas(capsys, "export", str(path), "--out", str(one), "--space", keys[0])[0] == 0
    found = read_rows(one)
    assert found.space.key == found.columns[0].space == keys[0]
