"""The exported data say what the table says, and a folder is complete or absent."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, Scores, Table, exact_divisor
from robnas.errors import DataError, InputError
from robnas.explorer import build_site, read_searches, write_site
from robnas.explorer._site import shown_source
from robnas.networks import count
from robnas.search import Experiment, Function, LocalSearch, RandomSearch, Repetitions, Task, run
from robnas.spaces import PARTITIONS, SIZE, Architecture, architectures, partition
from robnas.statistics import rank_set, standard_errors
from tests.explorer.conftest import plain_table, recorded, seeded_table, some_scores


def header_of(site):
    return json.loads(site["data/explorer.json"])


def unhashed(path):
    """A result as files before format 4 had it."""
    return {key: value for key, value in json.loads(path.read_text()).items() if key not in ("format", "content")}


def array(site, file, offset, dtype, count):
    return np.frombuffer(site[file], np.dtype(dtype), count, offset)


def test_columns_are_those_of_the_table(site, table):
    facts = header_of(site)["tables"][0]
    assert facts["name"] == "bench"
    assert facts["source"] == "bench.parquet"
    assert facts["rows"]["numbers"]["type"] == facts["published"]["type"] == "u2"
    rows, published = facts["rows"]["numbers"]["offset"], facts["published"]["offset"]
    assert np.array_equal(array(site, facts["file"], rows, "<u2", len(table)), table.rows)
    assert np.array_equal(array(site, facts["file"], published, "<u2", SIZE), table.published)
    for column, packed in zip(table.columns, facts["columns"], strict=True):
        assert (packed["dataset"], packed["split"], packed["metric"]) == (column.dataset, column.split, column.metric)
        raw = array(site, facts["file"], packed["offset"], "<u2", len(table)).astype(float)
        values = np.where(raw == 65535, np.nan, raw / packed["divisor"])
        np.testing.assert_allclose(values, column.mean, atol=1e-12)
        found = table.noise(column.dataset, column.metric, split=column.split)
        assert packed["noise"]["run_sd"] == pytest.approx(found.run_sd)


def test_classes_and_sizes_hold_for_all_architectures(site):
    space = header_of(site)["space"]
    for name in PARTITIONS:
        offset = space["classes"][name]["offset"]
        assert np.array_equal(array(site, space["file"], offset, "<u2", SIZE), partition(name).class_of)
    for arch in architectures():
        if arch.index % 97 == 0:
            expected = count(arch)
            assert space["sizes"][arch.code.count("2")][arch.code.count("3")] == [expected.parameters, expected.macs]


def test_values_that_are_no_counts_take_64_bits():
    values = np.random.default_rng(0).uniform(size=(4, 1))
    table = Table("odd", [0, 1, 2, 3], [Column("d", "test", "clean", values)])
    site = build_site([("odd", table)])
    packed = header_of(site)["tables"][0]["columns"][0]
    assert packed["divisor"] is None
    assert np.array_equal(array(site, "data/table-0.bin", packed["offset"], "<f8", 4), values[:, 0])


@pytest.mark.parametrize(("divisor", "images"), [(1000, None), (30_000, None), (360, 360), (720, 360)])
def test_counts_are_kept_exactly(divisor, images):
    values = np.arange(0, divisor, 7)[:, None] / divisor
    column = Column("d", "test", "clean", np.repeat(values, 2, axis=1), (0, 1), facts={"images": images})
    assert exact_divisor(column) == divisor
    rounded = replace(column, values=column.values.astype(np.float32).astype(float))
    assert exact_divisor(rounded) == divisor


def test_a_row_has_its_own_noise_and_the_page_the_numbers_behind_its_set(site, table):
    """Every set that the page makes of them is the set of `rank_set`, with one and with two runs."""
    where = {"dataset": "cifar100", "metric": "pgd@8/255", "split": "test"}
    column = table.column(**where)
    facts = header_of(site)["tables"][0]
    packed = facts["columns"][3]["noise"]
    assert (packed["kind"], packed["source"], packed["level"]) == ("local", "seeds", 0.95)
    assert packed["interval"] == list(table.noise(**where).interval)
    of = array(site, facts["file"], packed["of"], "<u2", len(table))
    distinct = (
        array(site, facts["file"], packed[name], "<f8", packed["distinct"]) for name in ("variances", "critical")
    )
    variances, critical = (np.append(values, np.nan)[np.minimum(of, packed["distinct"])] for values in distinct)
    assert np.array_equal(np.isnan(critical), column.counts == 0)
    assert len(np.unique(variances[~np.isnan(variances)])) > 10
    for row in (1, 2, 50):
        margin = critical[row] * np.sqrt(variances + variances[row])
        found = rank_set(table, table.architectures[row], **where)
        assert found.low == 1 + int((column.mean > column.mean[row] + margin).sum())
        assert found.high == (column.counts > 0).sum() - int((column.mean < column.mean[row] - margin).sum())


def test_without_repeated_trainings_the_images_are_the_noise(site):
    facts = header_of(site)["tables"][1]
    noise, table = facts["columns"][0]["noise"], plain_table()
    assert (noise["kind"], noise["images"]) == ("images", 500)
    errors = array(site, facts["file"], noise["errors"], "<u2", len(table)) / noise["fine"]
    np.testing.assert_allclose(errors, standard_errors(table, table.columns[0])[0], atol=1e-5)


def test_a_partition_comes_with_its_version(site):
    space = header_of(site)["space"]
    assert space["versions"] == {"official": 1, "effective": 2, "identical": 2}
    earlier = Table("old", [0, 15624], [Column("d", "test", "clean", [[0.1], [0.2]])], partition="identical@1")
    facts = header_of(build_site([("old", earlier)]))
    assert facts["tables"][0]["partition"] == "identical@1"
    assert facts["space"]["versions"]["identical@1"] == 1
    offset = facts["space"]["classes"]["identical@1"]["offset"]
    classes = array(build_site([("old", earlier)]), "data/space.bin", offset, "<u2", SIZE)
    assert np.array_equal(classes, partition("identical@1").class_of)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[0.5, 0.6], [0.3, 0.5], [0.1, 0.2], [0.2, 0.4]], "images"),  # 4 degrees of freedom
        ([[0.5, 0.5]] * 6, "images"),  # 6, of which none says anything
        ([[0.5, 0.6], [0.3, 0.5], [0.1, 0.2], [0.2, 0.4], [0.7, 0.8]], "pooled"),
    ],
)
def test_too_few_repetitions_are_no_known_noise(values, kind):
    column = Column("d", "test", "clean", np.array(values), (0, 1), facts={"images": 100})
    members = partition("identical").representatives()[: len(values)]
    table = Table("t", [arch.index for arch in members], [column])
    noise = header_of(build_site([("t", table)]))["tables"][0]["columns"][0]["noise"]
    assert noise["kind"] == kind
    assert noise.get("images") == (100 if kind == "images" else None)


def test_the_first_column_is_the_strongest_pgd():
    values = np.full((2, 1), 0.5)
    columns = [Column("d", "test", metric, values) for metric in ("clean", "pgd@3/255", "square@8/255", "pgd@8/255")]
    table = Table("t", [0, 1], [*columns, Column("e", "test", "pgd@16/255", values)])
    assert header_of(build_site([("t", table)]))["tables"][0]["main"] == 3
    table = Table("t", [0, 1], [Column("d", "test", "corruptions", values), columns[0]])
    assert header_of(build_site([("t", table)]))["tables"][0]["main"] == 0
    labelled = [Column("d", "test", f"pgd{label}@8/255", values) for label in ("", ":100", ":20")]
    assert header_of(build_site([("t", Table("t", [0, 1], labelled))]))["tables"][0]["main"] == 1


def test_scores_say_why_one_is_missing(site, table):
    facts = header_of(site)["scores"][0]
    assert [column["name"] for column in facts["columns"]] == ["follows", "constant", "holey"]
    assert facts["columns"][2]["missing"] == {"it diverged": [3]}
    values = array(site, facts["file"], facts["columns"][0]["offset"], "<f4", len(table))
    assert np.allclose(values, some_scores(table).column("follows"))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("jung-2023", "jung-2023"),
        ("/home/me/secret/mine.parquet", "mine.parquet"),
        ("sqlite:////home/me/runs.db", "sqlite:///runs.db"),
        ("postgresql://me:word@host:5432/lab?sslmode=require", "postgresql://…/lab"),
    ],
)
def test_folders_and_passwords_stay_here(source, shown):
    assert shown_source(source) == shown


def test_hostile_facts_are_plain_json():
    value = np.full((1, 1), 0.25)
    column = Column("</script><b>", "test", "clean", value, facts={"odd": float("inf"), "n": np.int64(3), "s": {1}})
    site = build_site(
        [
            ("x", Table("\u2028<img src=x>", [7], [column], provenance={"path": object})),
        ]
    )
    facts = header_of(site)["tables"][0]
    assert facts["columns"][0]["facts"] == {"odd": None, "n": 3, "s": [1]}
    assert facts["columns"][0]["noise"] is None


def test_tables_of_one_name_are_refused(table):
    with pytest.raises(
        InputError, match="tables of the explorer: expected at least one, with different names, got bench"
    ):
        build_site([("a", table), ("b", table)])
    with pytest.raises(InputError, match="at least one, with different names, got none"):
        build_site([])


# searches


def test_first_runs_are_repeated_and_end_as_recorded(search_folder, table):
    found = read_searches(search_folder, [table])
    assert [replay.label for replay in found] == ["local-search", "random-search"]
    for replay, algorithm in zip(found, (LocalSearch(), RandomSearch()), strict=True):
        task = Task.named(table, "cifar10", "pgd@8/255", split="test")
        direct = [run(algorithm, task, 30, seed).to_dict() for seed in range(3)]
        assert [trace["architectures"] for trace in replay.traces] == [trace["architectures"] for trace in direct]
        assert replay.note == "run again, ends as recorded"
        packed = replay.to_dict()
        assert packed["mean"][-1] == pytest.approx(replay.result.mean[-1], abs=1e-6)
        assert len(packed["traces"]) == 3


def test_one_run_has_no_standard_error(table, tmp_path):
    task = Task.named(table, "cifar10", "pgd@8/255", split="test")
    list(Experiment.of({"random-search": RandomSearch()}, [task], Repetitions(12, 1)).run(out=tmp_path / "results"))
    (found,) = read_searches(tmp_path, [table])
    packed = found.to_dict()
    assert (packed["runs"], len(packed["mean"]), packed["standard_error"]) == (1, 12, None)


def test_a_replay_that_ends_otherwise_is_not_shown(search_folder):
    other = seeded_table(seed=3)
    for replay in read_searches(search_folder, [other]):
        assert replay.traces == ()
        assert "does not end as recorded" in replay.note


def test_results_in_one_file_are_those_of_their_own_files(search_folder, table, tmp_path):
    values = [unhashed(path) for path in sorted((search_folder / "results").iterdir())]
    (tmp_path / "results.json").write_text(json.dumps({"robnas": "0", "format": 1, "notes": [], "results": values}))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "again.json").write_text(json.dumps(values[0]))
    ours, theirs = (read_searches(folder, [table]) for folder in (tmp_path, search_folder))
    assert [replay.to_dict() for replay in ours] == [replay.to_dict() for replay in theirs]


def test_without_the_table_there_is_no_replay(search_folder):
    for replay in read_searches(search_folder, [plain_table()]):
        assert replay.traces == ()
        assert replay.note == "no replay: table bench is not loaded"


def test_settings_tell_which_algorithm_a_label_means(table, tmp_path):
    folder = recorded(table, tmp_path)
    path = next(folder.glob("results/local*"))
    values = unhashed(path)
    for label, settings, note in (
        ("mine", values["settings"], "run again"),
        ("mine", {"odd": 1}, "no replay: algorithm: expected one of"),
        ("local-search (2)", {"no": 1}, "no replay: setting of local-search"),
    ):
        path.write_text(json.dumps({**values, "algorithm": label, "settings": settings}))
        found = next(replay for replay in read_searches(folder, [table]) if replay.label == label)
        assert found.note.startswith(note)


def test_a_single_trace_is_read(table, tmp_path):
    trace = run(RandomSearch(), Task.named(table, "cifar10", "clean", split="validation"), 12, 5)
    (tmp_path / "one.json").write_text(json.dumps(trace.to_dict()))
    (tmp_path / "other.json").write_text('{"something": "else"}')
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "broken.json").write_text("{")
    (found,) = read_searches(tmp_path, [table])
    assert found.result is None
    packed = found.to_dict()
    assert packed["mean"] is None
    assert packed["traces"][0]["architectures"] == [arch.text for arch in trace.architectures]
    assert build_site([("t", table)], (), [found])["data/searches.json"]


@pytest.mark.parametrize("change", [{"mean": [0.1]}, {"budget": 31}, {"sd": [0.1] * 31}])
def test_a_curve_that_is_not_as_long_as_the_budget_is_no_result(change, search_folder, table, tmp_path):
    first, second = (unhashed(path) for path in sorted((search_folder / "results").iterdir()))
    (tmp_path / "good.json").write_text(json.dumps(first))
    (tmp_path / "changed.json").write_text(json.dumps({**second, **change}))
    assert [replay.label for replay in read_searches(tmp_path, [table])] == [first["algorithm"]]


@pytest.mark.parametrize("key", ["architectures", "values", "regret"])
def test_a_run_of_several_lengths_is_no_trace(key, table, tmp_path):
    trace = run(RandomSearch(), Task.named(table, "cifar10", "clean", split="validation"), 12, 5).to_dict()
    (tmp_path / "one.json").write_text(json.dumps({**trace, key: trace[key][:-1]}))
    with pytest.raises(DataError, match="got 1 JSON files, none of them a result or trace"):
        read_searches(tmp_path, [table])


@pytest.mark.parametrize(
    "optimum", [3, {}, {"is": "best", "value": "1", "architectures": 3}, {"is": 1, "value": None, "architectures": 3}]
)
def test_an_optimum_that_is_none_makes_no_trace(optimum, table, tmp_path):
    trace = run(RandomSearch(), Task.named(table, "cifar10", "clean", split="validation"), 12, 5).to_dict()
    (tmp_path / "one.json").write_text(json.dumps({**trace, "task": {**trace["task"], "optimum": optimum}}))
    with pytest.raises(DataError, match="got 1 JSON files, none of them a result or trace"):
        read_searches(tmp_path, [table])


@pytest.mark.parametrize("content", [None, "{}"])
def test_a_folder_without_searches_is_one_error(content, tmp_path):
    folder = tmp_path / "none"
    if content:
        folder.mkdir()
        (folder / "x.json").write_text(content)
    with pytest.raises(DataError, match=r"expected (a folder of search results|results of robnas search --out)"):
        read_searches(folder, [])


# folders


def test_export_is_complete_and_replaces_its_own(site, tmp_path):
    folder = write_site(site, tmp_path / "site")
    written = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert written == dict(site)
    assert oct(folder.stat().st_mode & 0o777) == "0o755"
    (folder / "index.html").write_text("of an earlier export")
    fewer = {name: content for name, content in site.items() if "scores" not in name}
    write_site(fewer, folder)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(fewer)
    write_site(site, folder)
    assert (folder / "index.html").read_bytes() == site["index.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    (tmp_path / "empty").mkdir()
    assert (write_site(site, tmp_path / "empty") / "index.html").exists()


def test_export_never_touches_what_is_not_its_own(site, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for name in ("home", "file", "link"):
        with pytest.raises(InputError, match="--export: expected"):
            write_site(site, tmp_path / name)
    assert (tmp_path / "home" / "thesis.tex").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home", "link"]


@pytest.mark.parametrize("name", ["notes.txt", ".git"])
def test_a_file_beside_an_earlier_export_is_kept(site, tmp_path, name):
    folder = write_site(site, tmp_path / "site")
    (folder / name).write_text("mine")
    (folder / "index.html").write_text("of an earlier export")
    with pytest.raises(
        InputError, match=f"--export: expected an earlier export with nothing else in it, got '{name}' in"
    ):
        write_site(site, folder)
    assert (folder / name).read_text() == "mine"
    assert (folder / "index.html").read_text() == "of an earlier export"


def test_scores_without_errors_are_fine(table):
    scores = Scores(("000000",), ("one",), np.ones((1, 1)), np.full((1, 1), np.nan))
    facts = header_of(build_site([("t", table)], [("s", scores)]))["scores"][0]
    assert facts["columns"][0]["standard_errors"] is None


def test_the_whole_of_the_published_table_is_small(tmp_path, monkeypatch):
    """All that a visitor's browser reads, uncompressed, for the table with 6,466 architectures and 18 columns."""
    from robnas.benchmarks import fetch
    from tests.conftest import shared_file

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table = fetch("nas-robbench-201", shared_file("data", "published", "acc.json").parent)
    site = build_site([("nas-robbench-201", table)])
    assert all(column["divisor"] for column in header_of(site)["tables"][0]["columns"])
    assert sum(map(len, site.values())) < 1_000_000


def test_no_torch_is_imported():
    code = "import sys, robnas.explorer, robnas.cli._explorer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_own_index_is_that_of_the_code():
    assert Architecture("323133").index == int("323133", 5)


def test_the_trace_of_a_search_without_a_table_is_one_clear_line(table, tmp_path):
    trace = run(RandomSearch(), Function(lambda arch: 1.0, table.space), 3, 0)
    (tmp_path / "trace.json").write_text(json.dumps(trace.to_dict()))
    with pytest.raises(
        DataError, match=r"trace.json: expected the trace of a search on a table, whose regret is known"
    ):
        read_searches(tmp_path, [table])
