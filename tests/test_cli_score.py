import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from robnas.benchmarks import read_scores
from robnas.data import load_data, to_pixels
from robnas.errors import InputError
from robnas.kernels import SCORES, Probe, balanced_batch
from robnas.networks import build_network
from robnas.proxies import CHEAP, PROXIES, TRAINED
from robnas.spaces import Gene, Space
from tests.test_cli import robnas

SMALL = ("--data", "digits", "--channels", "2", "--cells", "1", "--images", "12", "--calibration", "40")


def test_scores_are_means_over_initialisations_and_batches(capsys):
    names = ("ntk-clean-lambda-min", "ntk-robust-trace")
    options = [part for name in names for part in ("--proxy", name)]
    code, out, err = robnas(capsys, "score", "323133", "444444", *SMALL, *options, "--repeats", "2", "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert list(facts["scores"]) == ["323133", "444444"]
    data = load_data("digits")
    train, wanted = data.split("train"), []
    for seed in (0, 1):
        chosen, others = balanced_batch(train.labels, 12, seed), balanced_batch(train.labels, 40, seed + 1_000_000)
        network = build_network(
            "323133", num_classes=10, channels=2, cells=1, in_channels=1, mean=data.mean, std=data.std, seed=seed
        )
        calibration = to_pixels(train.images[others])
        images, labels = to_pixels(train.images[chosen]), train.labels[chosen]
        probe = Probe(network, images, labels, calibration=calibration, attacks=1, seed=seed)
        wanted.append([SCORES[name](probe) for name in names])
    for place, name in enumerate(names):
        found = facts["scores"]["323133"][name]
        assert found["values"] == pytest.approx([row[place] for row in wanted], rel=1e-4)
        assert found["mean"] == pytest.approx(sum(found["values"]) / 2)
        assert found["standard_error"] == pytest.approx(abs(found["values"][0] - found["values"][1]) / 2)


def test_scores_are_listed_best_first_and_missing_ones_last_with_the_reason(capsys):
    code, out, err = robnas(
        capsys, "score", "000000", "444444", "323133", *SMALL, "--proxy", "ntk-clean-condition", "--repeats", "1"
    )
    assert code == 0, err
    title, header, *lines, why = out.splitlines()
    assert title == "digits, 12 images, nas-bench-201:channels=2,cells=1, 1 repeats, ε = 8/255"
    assert header.split() == ["ntk-clean-condition"]
    assert lines[-1].split() == ["000000", "missing"]
    assert why.startswith("ntk-clean-condition is missing for 000000: it came out as -inf")
    values = [float(line.split()[1]) for line in lines[:-1]]
    assert values == sorted(values, reverse=True)


def test_a_score_that_is_added_to_the_registry_is_a_command_away(capsys, monkeypatch):
    class Parameters:
        attacks = 0

        def __call__(self, probe):
            return float(sum(parameter.numel() for parameter in probe.network.parameters()))

    monkeypatch.setitem(SCORES, "mine", Parameters())
    code, out, err = robnas(capsys, "score", "323133", *SMALL, "--proxy", "mine", "--repeats", "1", "--json")
    assert code == 0, err
    network = build_network("323133", num_classes=10, channels=2, cells=1, in_channels=1)
    assert json.loads(out)["scores"]["323133"]["mine"]["mean"] == sum(p.numel() for p in network.parameters())


def test_names_may_be_groups_and_come_with_commas(capsys):
    code, out, err = robnas(
        capsys, "score", "323133", *SMALL, "--proxy", "snip, nwot", "--proxy", "nwot,plain", "--repeats", "1", "--json"
    )
    assert code == 0, err
    assert list(json.loads(out)["scores"]["323133"]) == ["snip", "nwot", "plain"]
    code, out, err = robnas(capsys, "score", "323133", *SMALL, "--proxy", "all", "--repeats", "1", "--json")
    assert code == 0, err
    assert list(json.loads(out)["scores"]["323133"]) == [name for name in PROXIES if name not in TRAINED]


def test_a_missing_score_is_null_with_its_reason(capsys):
    code, out, err = robnas(capsys, "score", "000000", *SMALL, "--proxy", "synflow,grad_norm", "--json")
    assert code == 0, err
    found = json.loads(out)["scores"]["000000"]
    assert found["synflow"]["mean"] is None
    assert found["synflow"]["reason"] == "nothing flows from the input to the logits"
    assert found["grad_norm"]["mean"] == 0


def test_many_proxies_of_few_architectures_go_down_the_screen(capsys):
    code, out, err = robnas(capsys, "score", "323133", "444444", *SMALL, "--proxy", "cheap", "--repeats", "1")
    assert code == 0, err
    _, header, *lines = out.splitlines()
    assert header.split() == ["323133", "444444"]
    assert [line.split()[0] for line in lines] == list(CHEAP)


def test_a_file_of_random_architectures_and_of_more_of_them(capsys, tmp_path):
    path = tmp_path / "scores.parquet"
    options = (*SMALL, "--proxy", "nwot,synflow", "--repeats", "2", "--out", str(path))
    code, out, err = robnas(capsys, "score", "--sample", "5", *options)
    assert code == 0, err
    assert out.splitlines()[-1] == f"5 architectures: {path}"
    first = read_scores(path)
    assert (len(first.codes), first.names) == (5, ("nwot", "synflow"))
    assert first.settings["data"] == "digits"
    assert not list(tmp_path.glob("*.part"))
    code, out, err = robnas(capsys, "score", "323133", "000000", *options, "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert facts["architectures"] == 2
    assert facts["missing"]["synflow"] == {"nothing flows from the input to the logits": 1}
    both = read_scores(path)
    assert set(both.codes) == {*first.codes, "323133", "000000"}
    assert both.by_code("nwot").items() >= first.by_code("nwot").items()
    assert both.reasons["000000", "synflow"] == "nothing flows from the input to the logits"


def test_all_means_one_per_class():
    from robnas.cli._score import _chosen
    from robnas.spaces import partition, space_of

    cells = space_of(None)
    assert len(_chosen(cells, [], True, None, 0, None)) == 6466
    for name in ("official", "effective", "effective@1"):
        assert _chosen(cells, [], True, None, 0, name) == list(partition(name).representatives())
    assert len(_chosen(cells, [], True, None, 0, "none")) == 15625


def test_a_sample_is_drawn_from_classes_where_the_space_has_some():
    from robnas.cli._score import _chosen
    from robnas.spaces import sample, space_of

    for name in ("official", "none"):
        drawn = sample(np.random.default_rng(7), 30, None if name == "none" else name)
        assert _chosen(space_of(None), [], False, 30, 7, name) == drawn
    with pytest.raises(InputError, match=r"sample count: expected .*6466.*, got 6467"):
        _chosen(space_of(None), [], False, 6467, 0, None)


def test_any_space_is_scored_whole_or_in_part_as_far_as_it_can_be_listed():
    from robnas.cli._score import _chosen

    small = Space("small", genes=[Gene("a", (1, 2, 3)), Gene("b", ("x", "y"))])
    large = Space("large", genes=[Gene(f"g{place}", tuple(range(10))) for place in range(40)])
    assert _chosen(small, [], True, None, 0, None) == list(small)
    assert _chosen(small, ["a=2,b=y"], False, None, 0, None) == [small.from_genes({"a": 2, "b": "y"})]
    assert len(set(_chosen(small, [], False, 4, 0, None))) == 4
    assert len(set(_chosen(large, [], False, 50, 0, "none"))) == 50
    with pytest.raises(InputError, match=r"space large, scoring it all: expected at most 1,000,000 .* sample it"):
        _chosen(large, [], True, None, 0, None)
    with pytest.raises(InputError, match="partition: expected none, space small has none, got 'official'"):
        _chosen(small, [], True, None, 0, "official")
    with pytest.raises(InputError, match=r"architecture: expected one of space small, got 323133, which belongs to"):
        _chosen(small, ["323133"], False, None, 0, None)


def test_a_killed_command_goes_on_and_loses_what_it_was_computing(tmp_path):
    """A process is killed twice, once with workers; nothing that was finished is computed again."""
    path, kept = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part"
    options = (*SMALL, "--proxy", "nwot,synflow", "--repeats", "1", "--out", str(path))
    command = [sys.executable, "-m", "robnas", "score", "--sample", "30", *options]
    seen = 1
    for jobs in ("1", "2"):
        process = subprocess.Popen([*command, "--jobs", jobs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while (not kept.exists() or kept.read_bytes().count(b"\n") < seen + 3) and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        lines = kept.read_bytes().splitlines()
        assert len(lines) > seen
        assert not path.exists()
        seen = len(lines)
    with kept.open("ab") as stream:
        stream.write(b'{"architecture": "3231')  # as if the write itself had been cut short
    before = kept.read_bytes().splitlines()[1:-1]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout)["architectures"] == 30
    assert not kept.exists()
    found = read_scores(path)
    assert len(found.codes) == 30
    for line in before:
        row = json.loads(line)
        value = row["scores"]["nwot"]["values"][0]
        assert found.by_code("nwot").get(row["architecture"]) == value


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ("score", "323133", *SMALL, "--proxy", "nwott"),
            "expected one of all, cheap, trained, parameters, macs",
        ),
        (("score", "323", *SMALL), "architecture: expected 6 digits"),
        (("score", "323133", *SMALL, "--images", "1"), "images: expected at least 2, got 1"),
        (("score", "323133", *SMALL, "--epsilon", "-1/255"), "epsilon: expected a number ≥ 0"),
        (("score", "323133", *SMALL, "--beta", "2"), "beta: expected a number in [0, 1], got 2"),
        (
            ("score", "323133", *SMALL, "--reduction", "full"),
            "reduction: expected trace, sum, label or proj for scores",
        ),
        (("score", "323133", *SMALL, "--batch-norm", "on"), "batch norm: expected one of calibrated-eval"),
        (("score", "323133", *SMALL, "--repeats", "0"), "repeats: expected at least 1, got 0"),
        (("score", "323133", *SMALL, "--memory", "0"), "memory_mib: expected above 0, got 0.0"),
        (
            ("score", "323133", *SMALL, "--proxy", "ntk-clean-trace", "--memory", "0.001"),
            "memory_mib: expected at least",
        ),
        (("score", "323133", *SMALL, "--images", "2000"), "images: expected from 2 to 1000, got 2000"),
        (("score",), "architectures: expected texts such as 000000, --all or --sample, got nothing"),
        (("score", "--all", "--sample", "3"), "--all or --sample, got --all and --sample"),
        (("score", "--sample", "7000"), "sample count: expected a number in [0, 6466], got 7000"),
        (("score", "--all", "--partition", "mine"), "partition: expected one of official"),
        (("score", "323133", *SMALL, "--jobs", "0"), "jobs: expected at least 1, got 0"),
        (("score", "323133", *SMALL, "--out", "scores.csv"), "--out: expected a file ending in .parquet"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, text):
    code, out, err = robnas(capsys, *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
