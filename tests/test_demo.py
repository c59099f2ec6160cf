from dataclasses import replace

import pytest

import robnas
from robnas.attacks import FGSM
from robnas.demo import ARCHITECTURES, RANK_BY, SUITE, run_demo
from robnas.errors import RobnasError
from robnas.evaluation import Suite
from robnas.records import RecordStore
from robnas.spaces import Architecture
from robnas.training import Recipe
from robnas.types import ThreatModel

PAIR = (Architecture("444444"), Architecture("323133"))
SHORT = Recipe.digits().replace(epochs=3)


@pytest.fixture(scope="module", autouse=True)
def without_autoattack():
    """Which takes longer than all the rest together, and is tried by the examples of README.md."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robnas.demo.SUITE", replace(SUITE, attacks=SUITE.attacks[:-1], limits={"pgd": 50}))
        yield


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    seen = []
    result = run_demo(out, architectures=PAIR, recipe=SHORT, jobs=2, progress=lambda *done: seen.append(done))
    return out, result, seen


def test_the_demo_spans_the_space():
    assert len(set(ARCHITECTURES)) == len(ARCHITECTURES) >= 12
    used = {name for arch in ARCHITECTURES for name in arch.operations}
    assert len(used) == 5


def test_convolutions_beat_pools(demo):
    _, result, _ = demo
    rows = result.rows
    assert [row.architecture.code for row in rows] == ["323133", "444444"]
    assert rows[0].value(RANK_BY) > rows[1].value(RANK_BY) + 0.1


def test_records_report_and_plot_are_written(demo):
    out, result, seen = demo
    page = result.report.read_text()
    assert '<td>1</td><th scope="row" class="text">323133</th>' in page
    assert "Best under pgd@32/255: 323133 with " in page
    assert "plan hash" in page
    assert result.figure.read_bytes()[:4] == b"\x89PNG"
    with RecordStore(f"sqlite:///{out}/records.db") as store:
        assert len(store.records()) == 10
        assert {record.images for record in store.records(attack="pgd")} == {50}
    assert seen[-1][:2] == (2, 2)


def test_a_recipe_that_is_not_the_tables_is_not_compared_with_it(demo):
    _, result, _ = demo
    assert result.differences == ()


def test_it_attacks_by_the_suite_of_the_digits():
    assert Suite.digits() == SUITE
    assert (SUITE.attacks[-1].name, SUITE.limits) == ("autoattack", {"autoattack": 50})


def test_accuracies_are_held_against_the_bundled_table(tmp_path, monkeypatch):
    more = FGSM(ThreatModel.linf("8/255"))
    monkeypatch.setattr("robnas.demo.SUITE", replace(SUITE, attacks=(*SUITE.attacks[:-1], more), limits={}))
    result = run_demo(tmp_path, architectures=PAIR[:1], jobs=1)
    assert len(result.records) == 6
    assert len(result.differences) == 5  # one attack is not in the table, as AutoAttack is not
    noise = robnas.load("digits").noise("digits", RANK_BY, split="test").run_sd
    assert max(map(abs, result.differences)) < 6 * noise  # zero on the machine that built it


def test_a_second_run_repeats_nothing(demo):
    out, result, _ = demo
    again = run_demo(out, architectures=PAIR, recipe=SHORT, jobs=1)
    assert sorted(again.records, key=str) == sorted(result.records, key=str)  # with their seconds


def test_a_trial_that_fails_reaches_the_user(tmp_path):
    diverging = SHORT.replace(max_lr=1e6, start_divisor=1.0)
    with pytest.raises(RobnasError, match=r"444444 failed: training diverged.*robnas build retry"):
        run_demo(tmp_path, architectures=PAIR[:1], recipe=diverging, jobs=1)


def test_records_of_others_in_the_store_are_not_ranked(demo):
    out, result, _ = demo
    with RecordStore(f"sqlite:///{out}/records.db") as store:
        store.add([replace(record, split="validation", value=1.0) for record in result.records])
    again = run_demo(out, architectures=PAIR, recipe=SHORT, jobs=1)
    assert sorted(again.records, key=str) == sorted(result.records, key=str)
    assert {record.split for record in result.records} == {"test"}
