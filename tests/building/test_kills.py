"""Processes are killed at random over a whole build, and the table is that of an undisturbed one."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import psutil

from robnas.benchmarks import table_of_records
from robnas.building import drive
from robnas.records import RecordStore, store_status
from tests.building.test_driver import Inline
from tests.building.trainers import everything, queue_of

TRIALS, KILLS = 20, 20  # experiments/kills.py makes 50, of real trainings

# Forks drivers from a process that has imported everything, which is quicker than to start one anew each time.
NURSERY = """
    import os, sys
    from robnas.building import LocalExecutor, Policy, drive
    from robnas.records import RecordStore
    from tests.building.trainers import Quick, queue_of

    def build(url, trials):
        with RecordStore(url) as store:
            drive(queue_of(store, trials), LocalExecutor(Quick(0.1), jobs=2), policy=Policy(attempts=1000))

    if __name__ == "__main__":
        for _ in sys.stdin:
            driver = os.fork()
            if driver == 0:
                try:
                    build(sys.argv[1], int(sys.argv[2]))
                finally:
                    os._exit(0)
            print(driver, flush=True)
            os.waitpid(driver, 0)
            print("ended", flush=True)
"""


def test_random_kills_leave_exactly_the_table_of_an_undisturbed_build(tmp_path):
    disturbed, calm = f"sqlite:///{tmp_path}/disturbed.db", f"sqlite:///{tmp_path}/calm.db"
    with RecordStore(calm) as store:
        drive(queue_of(store, TRIALS), Inline())
    with RecordStore(disturbed) as store:
        queue_of(store, TRIALS)
    script = tmp_path / "nursery.py"
    script.write_text(textwrap.dedent(NURSERY))
    kills = {"driver": 0, "worker": 0}
    rng = np.random.default_rng(0)
    with subprocess.Popen(
        [sys.executable, str(script), disturbed, str(TRIALS)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((os.environ.get("PYTHONPATH", ""), os.getcwd()))},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as nursery:  # fmt: skip
        while _left(disturbed):
            nursery.stdin.write("next\n")
            nursery.stdin.flush()
            driver = psutil.Process(int(nursery.stdout.readline()))
            while _alive(driver):
                _pause(driver, rng.uniform(0.0, 0.1))
                # However fast the machine is, the kills are spread over the first two thirds of the trials.
                due = min(KILLS, 1 + KILLS * _count(disturbed, "done") * 3 // (2 * TRIALS))
                if sum(kills.values()) < due and (killed := _kill(driver, rng, kills)):
                    kills[killed] += 1
            assert nursery.stdout.readline() == "ended\n"
        nursery.stdin.close()
    assert sum(kills.values()) == KILLS, kills
    assert min(kills.values()) > 1, kills
    assert _count(disturbed, "done", "deaths") > 0  # in the middle of a trial
    assert everything(disturbed) == everything(calm)
    assert (
        table_of_records("t", everything(disturbed)[0])
        .to_pandas()
        .equals(table_of_records("t", everything(calm)[0]).to_pandas())
    )


def _left(url):
    with RecordStore(url) as store:
        [found] = store_status(store)
        assert found.done + found.running + found.failed + found.remaining == TRIALS
        assert len(store.records()) == 2 * found.done
        assert (found.running, found.failed) == (0, 0)  # no driver is alive when this is asked
        return found.remaining


def _count(url, state, what="1"):
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)
    try:
        return connection.execute(f"select coalesce(sum({what}), 0) from trials where state = '{state}'").fetchone()[0]
    finally:
        connection.close()


def _alive(driver):
    return driver.is_running() and driver.status() != psutil.STATUS_ZOMBIE


def _pause(driver, seconds):
    psutil.wait_procs([driver], timeout=seconds)


def _kill(driver, rng, kills, every=5):
    """Kill a worker, or one time in so many the driver; what was killed, if it was still there."""
    try:
        if sum(kills.values()) % every == 1:
            driver.send_signal(signal.SIGKILL)
            return "driver"
        workers = [child for child in driver.children() if "spawn_main" in " ".join(child.cmdline())]
        if workers:
            workers[int(rng.integers(len(workers)))].send_signal(signal.SIGKILL)
            return "worker"
    except psutil.NoSuchProcess:
        pass
    return None
