import json
import sqlite3
from dataclasses import replace

import pytest

import robnas
from robnas.records import Failure, Outcome, RecordStore, TrialQueue, find_plan
from tests.building.trainers import queue_of, records_of
from tests.test_cli import robnas as command

PLAN = """
name = "small"
seeds = [0]
[space]
kind = "list"
architectures = ["323133", "444444"]
[data]
name = "digits"
limit_train = 64
[recipe]
preset = "digits"
epochs = 1
channels = 2
[evaluation]
splits = ["test"]
images = {test = 20}
checks = false
[[evaluation.attacks]]
name = "fgsm"
epsilon = "16/255"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


STORE = ("--store", "sqlite:///runs.db")


def test_from_a_plan_to_a_table(capsys, folder):
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--dry-run")
    assert code == 0, err
    assert "2 trials, 0 done, 0 failed, 2 to do" in out
    assert "no trial of this kind was measured yet" in out
    assert not (folder / "runs.db").exists()

    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--limit", "1", "--jobs", "1")
    assert code == 0, err
    assert "1 done, 0 failed in" in out
    assert "1 left" in out

    code, out, _ = command(capsys, "build", "plan.toml", *STORE, "--dry-run", "--json")
    facts = json.loads(out)
    assert (facts["total"], facts["done"], facts["to_do"], facts["measured"]) == (2, 1, 1, 1)
    assert facts["worker_hours"] == pytest.approx(facts["mean_seconds"] / 3600)

    code, out, _ = command(capsys, "build", "run", "plan.toml", *STORE, "--jobs", "1", "--json")
    assert (json.loads(out)["done"], json.loads(out)["remaining"]) == (1, 0)

    code, out, _ = command(capsys, "build", "status", *STORE)
    assert "2 of 2 done, 0 running in 0 drivers, 0 failed, 0 remaining" in out
    assert "s per trial" in out
    code, out, _ = command(capsys, "build", "status", *STORE, "--json")
    [found] = json.loads(out)["plans"]
    assert (found["name"], found["done"], found["failures"]) == ("small", 2, [])

    code, out, err = command(capsys, "build", "export", *STORE, "--out", "table.parquet")
    assert code == 0, err
    assert "2 architectures, 2 trials: table.parquet" in out
    table = robnas.load("table.parquet")
    assert [column.metric for column in table.columns] == ["clean", "fgsm@16/255"]
    assert robnas.load("sqlite:///runs.db").columns[0].name == table.columns[0].name


def test_a_plan_that_was_given_more_seeds_is_the_only_one_of_its_space(capsys, folder):
    command(capsys, "build", "plan.toml", *STORE, "--limit", "0", "--json")
    text = (folder / "plan.toml").read_text()
    assert "seeds = [0]" in text
    (folder / "more.toml").write_text(text.replace("seeds = [0]", "seeds = [0, 1]"))
    command(capsys, "build", "more.toml", *STORE, "--limit", "0", "--json")
    with RecordStore(STORE[1]) as store:
        more = find_plan(store)
        other = TrialQueue(store, "0" * 16)
        settings = {**more.settings, "space": "wide-resnet"}
        other.enrol("other", "0" * 16, settings, {"name": "other"}, ())
        queue = TrialQueue(store, more.hash)
        queue.join()
        queue.finish([(task, Failure("diverged", "loss is nan in epoch 1")) for task in queue.claim(3)])
        queue.leave()
    code, out, err = command(capsys, "build", "retry", "--failed", *STORE, "--space", "nas-bench-201")
    assert (code, out) == (0, "3 failed trials wait again\n"), err


def test_failures_are_shown_and_tried_again(capsys, folder):
    command(capsys, "build", "plan.toml", *STORE, "--limit", "0", "--json")
    with RecordStore(STORE[1]) as store:
        queue = TrialQueue(store, find_plan(store).hash)
        queue.join()
        queue.finish([(task, Failure("diverged", "loss is nan in epoch 1")) for task in queue.claim(1)])
        queue.leave()
    _, out, _ = command(capsys, "build", "status", *STORE)
    assert "1 failed, 1 remaining" in out
    assert "seed 0: diverged: loss is nan in epoch 1" in out
    _, out, _ = command(capsys, "build", "retry", "--failed", *STORE)
    assert out == "1 failed trials wait again\n"
    _, out, _ = command(capsys, "build", "retry", "--failed", *STORE, "--json")
    assert json.loads(out) == {"waiting_again": 0}
    code, _, err = command(capsys, "build", "export", *STORE, "--out", "table.parquet")
    assert (code, "table small: expected records, got none" in err) == (2, True)


def newer(folder):
    with sqlite3.connect(folder / "runs.db") as connection:
        connection.executescript("create table meta (key, value); insert into meta values ('schema_version', '99')")
    connection.close()


def empty(folder):
    (folder / "plan.toml").write_text(PLAN.replace('["323133", "444444"]', "[]"))


def unknown(folder):
    (folder / "plan.toml").write_text(PLAN + "\n[evalution]\n")


def nothing(folder):
    pass


BAD = [
    (nothing, ("missing.toml", *STORE), "plan missing.toml: expected a TOML file, got FileNotFoundError"),
    (nothing, ("plan.toml",), "Missing option '--store'"),
    (unknown, ("plan.toml", *STORE), "plan entry: expected one of name, seeds, space, data"),
    (empty, ("plan.toml", *STORE), "plan space: expected at least one architecture, got none"),
    (newer, ("plan.toml", *STORE), "expected schema version 4 or older, got 99; read it with the robnas that wrote it"),
    (nothing, ("plan.toml", "--store", "sqlite:////proc/runs.db"), "in a folder that can be written"),
    (nothing, ("plan.toml", "--store", "runs"), "expected a database of records as a URL, or as a file ending in .db"),
    (nothing, ("plan.toml", *STORE, "--executor", "dask"), "--executor: expected one of local, ray, got 'dask'"),
    (nothing, ("plan.toml", *STORE, "--jobs", "0"), "--jobs: expected at least 1, got 0"),
    (nothing, ("plan.toml", *STORE, "--limit", "-1"), "--limit: expected at least 0, got -1"),
    (nothing, ("plan.toml", *STORE, "--attempts", "0"), "--attempts: expected at least 1, got 0"),
    (nothing, ("plan.toml", *STORE, "--time-limit", "0"), "time limit: expected a number above 0"),
    (nothing, ("plan.toml", *STORE, "--device", "gpu"), "--device: expected cpu or cuda, got 'gpu'; CUDA_VISIBLE_"),
    (nothing, ("plan.toml", *STORE, "--device", "cuda:1"), "--device: expected cpu or cuda, got 'cuda:1'; CUDA_VISI"),
    (
        nothing,
        ("plan.toml", *STORE, "--device", "cuda:1", "--executor", "ray", "--gpu-share", "1"),
        "--device: expected cpu or cuda, got 'cuda:1'",
    ),
    (nothing, ("status", *STORE), "runs.db: expected a store of a build, got nothing; check the URL"),
    (nothing, ("status", "--store", "sqlite+pysqlite:///runs.db"), "runs.db: expected a store of a build, got nothing"),
    (nothing, ("plan.toml", "--store", "sqlite://"), "expected the name of a file, got none"),
    (
        nothing,
        ("plan.toml", *STORE, "--executor", "ray", "--device", "cuda"),
        "--gpu-share: expected above 0 with --device cuda, got 0.0; 1 for a whole GPU",
    ),
    (nothing, ("retry", *STORE), "retry: expected --failed, got nothing to try again"),
    (nothing, ("export", *STORE, "--out", "t.csv"), "--out: expected a file ending in .parquet, got 't.csv'"),
]


@pytest.mark.parametrize(("prepare", "arguments", "text"), BAD, ids=[text for _, _, text in BAD])
def test_bad_input_is_one_line_on_standard_error_and_exit_code_2(capsys, folder, prepare, arguments, text):
    prepare(folder)
    code, out, err = command(capsys, "build", *arguments)
    assert code == 2
    assert out == ""
    assert text in err
    assert err.count("\n") == 1


def test_a_plan_without_architectures_makes_no_store(capsys, folder):
    empty(folder)
    assert command(capsys, "build", "plan.toml", *STORE)[0] == 2
    assert not (folder / "runs.db").exists()


def test_a_read_only_store_is_one_clear_line_before_any_work(capsys, folder):
    command(capsys, "build", "plan.toml", *STORE, "--limit", "0", "--json")
    store = f"sqlite:///file:{folder}/runs.db?mode=ro&uri=true"
    code, out, err = command(capsys, "build", "plan.toml", "--store", store, "--jobs", "1", "--json")
    assert (code, out) == (2, "")
    assert "attempt to write a readonly database" in err
    assert err.count("\n") == 1
    code, out, _ = command(capsys, "build", "status", "--store", store)
    assert (code, "2 remaining" in out) == (0, True)


def test_an_empty_store_has_no_plans(capsys, folder):
    RecordStore(STORE[1]).close()
    _, out, _ = command(capsys, "build", "status", *STORE)
    assert out == "no plan was built here\n"
    code, _, err = command(capsys, "build", "export", *STORE, "--out", "t.parquet")
    assert (code, "expected a store in which a plan was built" in err) == (2, True)


@pytest.mark.parametrize("words", [("run",), ("status",), ("retry",), ("export",)])
def test_every_command_has_help_with_an_example(capsys, words):
    code, out, _ = command(capsys, "build", *words, "--help")
    assert code == 0
    assert "Example: robnas build" in " ".join(out.split())
    assert "--json" in out


def test_help_of_the_group_shows_the_plain_use(capsys):
    code, out, _ = command(capsys, "build", "--help")
    assert code == 0
    assert "Example: robnas build plan.toml --store sqlite:///runs.db" in " ".join(out.split())


def test_failed_trials_are_an_exit_code_for_scripts(capsys, folder):
    long = PLAN.replace("limit_train = 64\n", "").replace("epochs = 1", "epochs = 50")
    (folder / "plan.toml").write_text(long)
    code, out, _ = command(capsys, "build", "plan.toml", *STORE, "--jobs", "1", "--limit", "1", "--time-limit", "0.1")
    assert code == 1
    assert "0 done, 1 failed" in out
    assert "why: robnas build status" in out


def test_a_dry_run_leaves_a_store_of_an_older_version_as_it_is(capsys, folder):
    from tests.records.test_store import VERSION_1

    with sqlite3.connect(folder / "runs.db") as connection:
        connection.executescript(VERSION_1)
    connection.close()
    before = (folder / "runs.db").read_bytes()
    code, out, err = command(capsys, "build", "plan.toml", *STORE, "--dry-run")
    assert code == 0, err
    assert "2 trials, 0 done, 0 failed, 2 to do" in out
    assert command(capsys, "report", "runs.db", "--out", "page.html")[0] == 0
    assert "48.1 ±0.5" in (folder / "page.html").read_text()
    assert (folder / "runs.db").read_bytes() == before


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (("--address", "auto"), "--address: expected --executor ray, got --executor local"),
        (("--gpu-share", "0.25"), "--gpu-share: expected --executor ray, got --executor local"),
    ],
)
def test_options_of_a_cluster_are_not_ignored_without_one(capsys, folder, option, text):
    code, out, err = command(capsys, "build", "plan.toml", *STORE, *option)
    assert (code, out, err) == (2, "", f"error: {text}\n")


HOSTILE = "x\x1b[2J\x1b]0;owned\x07\x9b31m\u202etxt.exe\rY\nZ"


def dangerous(text):
    return [letter for letter in text if not letter.isprintable() and letter != "\n"]


def test_what_a_store_says_does_nothing_to_the_terminal(capsys, folder):
    with RecordStore("runs.db") as store:
        queue = queue_of(store, 3)
        queue.join()
        one, two, _ = queue.claim(3)
        records = tuple(replace(record, dataset=HOSTILE, device=HOSTILE) for record in records_of(one))
        settings = {"r" * 16: {"name": HOSTILE}}
        queue.finish([(one, Outcome(records, settings, (HOSTILE,))), (two, Failure("error", HOSTILE))])
        with store.write() as connection:
            connection.exec_driver_sql("update plans set name = ?", (HOSTILE,))
            connection.exec_driver_sql("update trials set architecture = ? where state = 'failed'", (HOSTILE[:40],))
    where = ("--dataset", HOSTILE, "--metric", "clean", "--split", "test")
    for arguments in (
        ("build", "status", "--store", "runs.db"), ("build", "status", "--store", "runs.db", "--json"),
        ("build", "export", "--store", "runs.db", "--plan", "x\x1b", "--out", "t.parquet"),
        ("build", "export", "--store", "runs.db", "--out", "t.parquet"),
        ("build", "status", "--store", f"{HOSTILE}.db"),
        ("tables", "runs.db"), ("tables", "runs.db", "--json"), ("tables", "t.parquet"),
        ("query", records[0].architecture.code, "--table", "runs.db", *where),
        ("query", records[0].architecture.code, "--table", "runs.db", *where, "--json"),
        ("query", "323133", "--table", "runs.db", *where),
        ("report", "runs.db", "--out", "page.md"),
    ):  # fmt: skip
        code, out, err = command(capsys, *arguments)
        assert code in (0, 2), arguments
        assert not dangerous(out + err), arguments
        assert err.count("\n") <= 1, arguments
        assert not any(line.startswith(("Y", "Z")) for line in out.splitlines()), arguments
