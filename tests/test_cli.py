import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.main import get_command

from robnas.cli import app, main
from robnas.cli._build import app as build
from robnas.records import RecordStore
from robnas.spaces import FORMATS, Architecture
from tests.attacks.short import short_autoattack
from tests.data.conftest import TEN


def robnas(capsys, *arguments):
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


def test_info_shows_encodings_counts_classes_and_a_drawing(capsys):
    code, out, _ = robnas(capsys, "info", "323133")
    assert code == 0
    assert "(0)─── nor_conv_3x3 ───▶(1)" in out
    assert "|nor_conv_3x3~0|+|" in out
    assert "1,073,466 as published" in out
    assert "153.27 M as published" in out
    assert "official     same class as no other architecture" in out


def test_info_as_json(capsys):
    code, out, _ = robnas(capsys, "info", "403000", "--json")
    facts = json.loads(out)
    assert code == 0
    assert set(FORMATS) <= set(facts)
    assert facts["class_sizes"] == {"official": 225, "effective": 341, "identical": 201}
    assert facts["live_edges"] == 0


def test_version_is_printed(capsys):
    assert robnas(capsys, "--version") == (0, "robnas 0.1.0\n", "")


SMALL = ("--data", "digits", "--recipe", "digits", "--epochs", "2", "--channels", "2", "--limit-train", "64")


def test_train_evaluate_and_store(capsys, tmp_path):
    out_dir, store = str(tmp_path / "run"), f"sqlite:///{tmp_path}/runs.db"
    code, out, _ = robnas(capsys, "train", "323133", *SMALL, "--out", out_dir)
    assert code == 0
    assert out.count("epoch ") == 2
    assert "64 images of digits" in out
    code, out, _ = robnas(capsys, "train", "323133", *SMALL, "--out", out_dir, "--json")
    assert [entry["epoch"] for entry in json.loads(out)["history"]] == [1, 2]  # it was finished
    arguments = ("evaluate", out_dir, "--suite", "digits", "--limit-test", "20", "--store", store)
    with short_autoattack():
        code, out, err = robnas(capsys, *arguments)
    assert code == 0, err
    assert "sanity checks: " in out
    code, out, _ = robnas(capsys, *arguments, "--json")
    facts = json.loads(out)
    assert [m["metric"] for m in facts["measurements"]][:2] == ["clean", "fgsm@16/255"]
    assert {flag["check"] for flag in facts["flags"]} >= {"epsilon 0 equals clean"}
    with RecordStore(store) as records:
        assert len(records.records(split="test", images=20)) == 6


BAD = [
    (("info", "32313"), "error: architecture: expected 6 digits"),
    (("info", "3231339"), "error: architecture: expected 6 digits"),
    (("info",), "error: Missing argument"),
    (("nothing",), "error: No such command 'nothing'"),
    (("info", "323133", "--nothing"), "error: No such option"),
    (("train", "323133", "--data", "mnist", "--out", "x"), "error: data set: expected one of digits, cifar10"),
    (("train", "323133", *SMALL, "--recipe", "digit", "--out", "x"), "did you mean digits?"),
    (("train", "323133", *SMALL, "--epochs", "0", "--out", "x"), "error: recipe epochs: expected at least 1"),
    (("train", "323133", *SMALL, "--beta", "2", "--out", "x"), "error: recipe beta: expected a number in [0, 1]"),
    (("train", "323133", *SMALL, "--limit-train", "5000", "--out", "x"), "error: image limit: expected a number in"),
    (("train", "323133", *SMALL, "--device", "cuda:77", "--out", "x"), "error: device: expected cpu or a GPU"),
    (("train", "323133", *SMALL, "--device", "gpu", "--out", "x"), "error: device: expected cpu or a GPU"),
    (("train", "323133", "--data", "cifar100", "--data-dir", "DIR", "--out", "x"), "expected a file of cifar100"),
    (("demo", "--jobs", "0", "--out", "x"), "error: jobs: expected at least 1, got 0"),
    (("evaluate", "missing"), "error: missing/trial.json: expected a folder written by robnas train"),
    (("evaluate", "missing", "--suite", "x"), "error: suite: expected one of nas-robbench-201, digits, few"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[" ".join(arguments)[:60] for arguments, _ in BAD])
def test_bad_input_is_one_line_on_standard_error_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "cifar-100-binary").mkdir(parents=True)
    code, out, err = robnas(capsys, *("data" if word == "DIR" else word for word in arguments))
    assert code == 2
    assert out == ""
    assert text in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x" / "checkpoint.pt").exists()


def test_an_unwritable_folder_is_one_clear_line(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = robnas(capsys, "train", "323133", *SMALL, "--out", str(tmp_path / "file" / "run"))
    assert code == 2
    assert "Not a directory" in err or "exists" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [*(command.name or command.callback.__name__ for command in app.registered_commands), "build",
                *(f"build {command.callback.__name__}" for command in build.registered_commands)],
)  # fmt: skip
def test_every_command_has_help_with_all_options_and_an_example(capsys, command):
    words = command.split()
    code, out, _ = robnas(capsys, *words, "--help")
    assert code == 0
    example = "build plan.toml" if words[-1] in ("build", "run") else command
    assert f"Example: robnas {example}" in " ".join(out.split())
    found = get_command(app)
    for word in ["build", "run"] if command == "build" else words:
        found = found.commands[word]
    options = [name for option in found.params for name in option.opts if name.startswith("--")]
    assert "--json" in options
    assert [name for name in options if name not in out] == []


@pytest.mark.parametrize(("arguments", "page"), [
    (("--nothing",), "robnas --help"),
    (("nothing",), "robnas --help"),
    (("train",), "robnas train --help"),
    (("query", "323133", "--nothing"), "robnas query --help"),
    (("build", "plan.toml"), "robnas build run --help"),
    (("build", "status"), "robnas build status --help"),
    (("explore", "--traces", "-1"), "robnas explore --help"),
    (("report", "digits", "--out"), "robnas report --help"),
    (("build", "status", "--store"), "robnas build status --help"),
    (("build", "plan.toml", "--store"), "robnas build --help"),
])  # fmt: skip
def test_usage_errors_name_the_page_that_explains_the_command(capsys, arguments, page):
    code, _, err = robnas(capsys, *arguments)
    assert code == 2
    assert err.endswith(f"(see {page})\n")


@pytest.mark.parametrize("command", [
    ("score", "323133", "--data", "cifar10", "--proxy", "parameters", "--images", "10"),
    ("theory", "fc:relu,relu:1", "--data", "cifar10", "--inputs", "4", "--width", "8"),
])  # fmt: skip
def test_fewer_images_are_accepted_where_the_error_says_so(capsys, tmp_path, command):
    TEN.write_binary(tmp_path)
    code, _, err = robnas(capsys, *command, "--data-dir", str(tmp_path))
    assert code == 2
    assert "pass allow_partial=True (--allow-partial) to use what is there" in err
    code, out, err = robnas(capsys, *command, "--data-dir", str(tmp_path), "--allow-partial")
    assert code == 0, err
    assert out.startswith("cifar10")


def test_ctrl_c_keeps_the_finished_epochs(tmp_path):
    arguments = [
        sys.executable, "-m", "robnas", "train", "323133", "--data", "digits", "--recipe", "digits",
        "--epochs", "2000", "--limit-train", "64", "--out", str(tmp_path),
    ]  # fmt: skip

    def listen():  # a shell starts background jobs, and so perhaps this test, with Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=listen
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "log.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert "interrupted: the same command goes on" in process.stderr.read()
    assert sorted(name for name in os.listdir(tmp_path) if not name.startswith(".")) == [
        "checkpoint.pt", "log.jsonl", "trial.json",
    ]  # fmt: skip
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


@pytest.mark.parametrize("light", ["import robnas", "import robnas.cli", "from robnas import Architecture"])
def test_light_imports_bring_no_torch(light):
    heavy = {"torch", "ray", "matplotlib", "sqlalchemy", "pandas"}
    script = f"{light}; import sys; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_worker_needs_only_torch_numpy_and_pillow():
    blocked = ("typer", "rich", "sqlalchemy", "pooch", "matplotlib", "sklearn", "pyautoattack", "scipy", "pandas")
    script = f"""
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import robnas, robnas.spaces, robnas.networks, robnas.data, robnas.attacks, robnas.training, robnas.evaluation
import robnas.building
data = robnas.load_data("digits").limit(train=32)
recipe = robnas.Recipe.digits().replace(epochs=1)
network = robnas.build_network("323133", num_classes=10, channels=2, cells=1, in_channels=1)
robnas.train(network, data, recipe, seed=0)
suite = robnas.Suite("s", robnas.Suite.digits().attacks[:2], checks=False)
robnas.evaluate(network, data, suite, split="test", seed=0, limit=10)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("encoding", FORMATS)
@pytest.mark.parametrize("command", [
    ("info",),
    ("query", "--dataset", "digits", "--metric", "clean", "--split", "test"),
    ("score", "--proxy", "parameters"),
], ids=lambda command: command[0])  # fmt: skip
def test_every_command_understands_every_encoding(capsys, command, encoding):
    name, *options = command
    given = str(Architecture("323133").format(encoding))
    as_code, as_given = (robnas(capsys, name, text, *options, "--json") for text in ("323133", given))
    assert as_given == as_code
    assert as_given[0] == 0


@pytest.mark.parametrize("name", ["info", "train", "query", "score"])
def test_help_says_that_any_encoding_will_do(capsys, name):
    _, out, _ = robnas(capsys, name, "--help")
    assert "Any encoding" in out
