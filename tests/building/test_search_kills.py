"""Processes of a search are killed at random, and its trace is that of an undisturbed one."""

import json
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest

from robnas import search
from robnas.building import EXECUTORS
from robnas.records import RecordStore
from tests.building.searched import expansion_of, objective
from tests.building.test_kills import _alive, _kill, _pause

BUDGET, KILLS = 10, 6  # experiments/search_kills.py makes 20, of real trainings

# Forks searches from a process that has imported everything, which is quicker than to start one anew.
NURSERY = """
    import json, os, sys
    from pathlib import Path

    def run(url, marks, jobs, batch, expansion):
        from robnas import search
        from robnas.building import Policy
        from robnas.records import RecordStore
        from tests.building.searched import objective

        algorithm = search.RegularizedEvolution(population=6, sample=3)
        oracle = {"seconds": 0.1, "marks": marks}
        policy = Policy(attempts=1000)
        with (
            RecordStore(url) as store,
            objective(expansion, store, jobs=jobs, inline=False, oracle=oracle, policy=policy) as one,
        ):
            return search.run(algorithm, one, budget=%d, seed=7, batch=batch)

    if __name__ == "__main__":  # workers import this file, and need no torch
        from tests.building.searched import expansion_of

        url, folder, jobs, batch = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
        expansion = expansion_of()
        for _ in sys.stdin:
            driver = os.fork()
            if driver == 0:
                try:
                    trace = run(url, folder, jobs, batch, expansion)
                    (folder / "trace.json").write_text(json.dumps(trace.to_dict()))
                finally:
                    os._exit(0)
            print(driver, flush=True)
            os.waitpid(driver, 0)
            print("ended", flush=True)
"""


@pytest.mark.parametrize(("jobs", "batch"), [(1, None), (2, 4)])
def test_random_kills_leave_exactly_the_trace_of_an_undisturbed_search(tmp_path, jobs, batch):
    with RecordStore(f"sqlite:///{tmp_path}/calm.db") as store, objective(expansion_of(), store) as one:
        algorithm = search.RegularizedEvolution(population=6, sample=3)
        calm = search.run(algorithm, one, budget=BUDGET, seed=7, batch=batch).to_dict()
    EXECUTORS.pop("oracle")
    script, marks = tmp_path / "nursery.py", tmp_path / "marks"
    script.write_text(textwrap.dedent(NURSERY % BUDGET))
    marks.mkdir()
    url = f"sqlite:///{tmp_path}/disturbed.db"
    kills, rng = {"driver": 0, "worker": 0}, np.random.default_rng(jobs)
    with subprocess.Popen(
        [sys.executable, str(script), url, str(marks), str(jobs), json.dumps(batch)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((os.environ.get("PYTHONPATH", ""), os.getcwd()))},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as nursery:  # fmt: skip
        while not (marks / "trace.json").exists():
            nursery.stdin.write("next\n")
            nursery.stdin.flush()
            driver = psutil.Process(int(nursery.stdout.readline()))
            while _alive(driver):
                _pause(driver, rng.uniform(0.0, 0.2))
                # However fast the machine is, the kills are spread over the search.
                trained = len(list(marks.iterdir()))
                due = min(KILLS, 2 + KILLS * trained // BUDGET)
                if sum(kills.values()) < due and (killed := _kill(driver, rng, kills, every=3)):
                    kills[killed] += 1
            assert nursery.stdout.readline() == "ended\n"
        nursery.stdin.close()
    assert sum(kills.values()) == KILLS, kills
    assert min(kills.values()) > 0, kills
    found = json.loads((marks / "trace.json").read_text())
    for name in ("architectures", "values", "questions", "duplicates", "stopped", "budget", "task", "settings"):
        assert found[name] == calm[name], name
    with RecordStore(url) as store, store.read() as connection:
        states = connection.exec_driver_sql("select state, count(*) from trials group by state").all()
    assert states == [("done", BUDGET)]


def test_what_was_killed_goes_on_at_once(tmp_path):
    """Nobody waits for the heartbeat of a search that is known to be dead."""
    begun = time.monotonic()
    url = f"sqlite:///{tmp_path}/runs.db"
    with RecordStore(url) as store, objective(expansion_of(), store, oracle={"seconds": 0.01}) as one:
        trace = search.run(search.RandomSearch(), one, budget=3, seed=0)
        with store.write() as connection:
            values = "insert into drivers select 'dead', machine, 4194303, 1.0, heartbeat from drivers"
            connection.exec_driver_sql(values)
            connection.exec_driver_sql("update trials set state = 'running', owner = 'dead', finished = null")
            connection.exec_driver_sql("delete from records")
            connection.exec_driver_sql("delete from search_events")
    with RecordStore(url) as store, objective(expansion_of(), store) as one:
        again = search.run(search.RandomSearch(), one, budget=3, seed=0)
    assert again.values.tolist() == trace.values.tolist()
    assert time.monotonic() - begun < 50  # less than a lease
    EXECUTORS.pop("oracle")
