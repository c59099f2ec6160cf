import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from robnas.analysis import leaderboard
from robnas.demo import ARCHITECTURES, RANK_BY, run_demo
from robnas.errors import RobnasError
from robnas.records import RecordStore
from robnas.spaces import Architecture
from robnas.training import Recipe

PAIR = (Architecture("444444"), Architecture("323133"))
SHORT = Recipe.digits().replace(epochs=5)


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
    rows = leaderboard(result.records, RANK_BY)
    assert [row.architecture.code for row in rows] == ["323133", "444444"]
    assert rows[0].value(RANK_BY) > rows[1].value(RANK_BY) + 0.1


def test_records_report_and_plot_are_written(demo):
    out, result, seen = demo
    assert result.report.read_text().count("<tr>") == 3
    assert result.figure.read_bytes()[:4] == b"\x89PNG"
    with RecordStore(f"sqlite:///{out}/records.db") as store:
        assert len(store.records()) == 12
        assert {record.images for record in store.records(attack="autoattack")} == {50}
    assert seen[-1][:2] == (2, 2)


def test_a_second_run_repeats_nothing(demo):
    out, result, _ = demo
    checkpoints = {path: path.stat().st_mtime_ns for path in out.rglob("checkpoint.pt")}
    again = run_demo(out, architectures=PAIR, recipe=SHORT, jobs=1)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("checkpoint.pt")} == checkpoints
    assert sorted(again.records, key=str) == sorted(result.records, key=str)


def test_an_error_in_a_worker_reaches_the_user(demo, tmp_path):
    folder = tmp_path / f"trials-{SHORT.hash}" / "444444"
    folder.mkdir(parents=True)
    (folder / "trial.json").write_text(json.dumps({"architecture": "junk"}))
    with pytest.raises(RobnasError, match="expected the description of a trial"):
        run_demo(tmp_path, architectures=PAIR[:1], recipe=SHORT, jobs=1)


def test_records_of_others_in_the_store_are_not_ranked(demo):
    out, result, _ = demo
    with RecordStore(f"sqlite:///{out}/records.db") as store:
        store.add([replace(record, split="validation", value=1.0) for record in result.records])
    again = run_demo(out, architectures=PAIR, recipe=SHORT, jobs=1)
    assert sorted(again.records, key=str) == sorted(result.records, key=str)
    assert {record.split for record in result.records} == {"test"}


def test_workers_end_with_their_parent(tmp_path):
    """Killed outright, the parent can tell nobody."""
    script = f"from robnas.demo import run_demo; from pathlib import Path; run_demo(Path({str(tmp_path)!r}), jobs=2)"
    with subprocess.Popen([sys.executable, "-c", f"if __name__ == '__main__': {script}"]) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("checkpoint.pt")) and time.monotonic() < deadline:
            time.sleep(0.1)
        workers = descendants(process.pid)
        assert len(workers) >= 2
        process.kill()
    deadline = time.monotonic() + 30
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if alive(worker)]


def descendants(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False
