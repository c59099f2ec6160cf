"""Trials on a local Ray cluster; one cluster serves all tests of this file."""

import os
import signal
import subprocess
import sys
import time

import pytest

from robnas import search
from robnas._own import load_file
from robnas.building import EXECUTORS, Executor, Limits, _ray, drive
from robnas.errors import InputError, RobnasError
from robnas.records import Failure, Outcome, RecordStore, store_status
from tests.building import designs
from tests.building.test_driver import Inline
from tests.building.test_local import Spoiled
from tests.building.test_own_files import TRAINER
from tests.building.trainers import Faulty, Quick, Unprepared, everything, queue_of, records_of, trials

ray = pytest.importorskip("ray", reason="needs the extra cluster")


@pytest.fixture(scope="module")
def cluster():
    """Two cores and one GPU that is not there: Ray only counts."""
    # workers import the trainers of these tests
    os.environ["PYTHONPATH"] = os.pathsep.join((os.getcwd(), os.environ.get("PYTHONPATH", "")))
    ray.init(
        address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="error",
        object_store_memory=80 * 2**20,
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture
def started(cluster):
    made = []

    def start(trainer, **options):
        made.append(EXECUTORS["ray"](trainer, **options))
        return made[-1]

    yield start
    for executor in made:
        executor.close()


def test_a_build_on_ray_is_that_of_this_machine(started, url, tmp_path):
    here = f"sqlite:///{tmp_path}/here.db"
    with RecordStore(here) as store:
        drive(queue_of(store, 30), Inline())
    with RecordStore(url) as store:
        assert drive(queue_of(store, 30), started(Quick(), jobs=2)).done == 30
    assert everything(url) == everything(here)


def test_a_design_on_ray_chooses_what_it_chooses_here(started, url, tmp_path):
    expansion = designs.designed({"kind": "active", "budget": 6, "start": 3, "batch": 2})
    with RecordStore(f"sqlite:///{tmp_path}/here.db") as here, RecordStore(url) as store:
        designs.build(expansion, here)
        result = designs.build(expansion, store, executor=started, options={"jobs": 2})
        assert (result.done, result.design.known) == (6, 6)
        assert designs.choices(store) == designs.choices(here)


def test_limits_are_those_of_this_machine(started):
    executor = started(Faulty("sleeps"), jobs=1, limits=Limits(seconds=0.5))
    results = run(executor, 2)
    assert (results["000000"].kind, results["000000"].message) == ("time limit", "not finished after 0.5 s")
    assert results["000001"].records == records_of(trials(2)[1])


def test_workers_import_the_files_of_ones_own_that_the_build_has_imported(started, tmp_path, own_files):
    (tmp_path / "mine.py").write_text(TRAINER)
    own = load_file(tmp_path / "mine.py")
    (tmp_path / "mine.py").unlink()  # another machine has none
    result = run(started(sys.modules[own.module].Mine(), jobs=1), 1)["000000"]
    assert result.warnings == (f"{own.module} did 000000",)


def run(executor, count):
    executor.submit(trials(count))
    ended = {}
    while len(ended) < count:
        ended |= {trial.architecture: result for trial, result in executor.wait(5.0)}
    return ended


def test_a_trial_whose_workers_die_is_done_again(started, url, tmp_path):
    (tmp_path / "marks").mkdir()
    with RecordStore(url) as store:
        result = drive(queue_of(store, 5), started(Faulty("dies", tmp_path / "marks", times=2), jobs=1))
        assert (result.done, result.failed) == (5, 0)


def test_a_trial_that_spoils_its_worker_is_done_by_another_one(started):
    ended = run(started(Spoiled("AcceleratorError"), jobs=1), 3)
    assert ended["000000"].kind == "worker died"
    assert ended["000000"].message.startswith("the worker ended after AcceleratorError: CUDA error")
    assert all(isinstance(ended[code], Outcome) for code in ("000001", "000002"))


def test_an_actor_that_is_lost_is_replaced(started):
    ended = run(started(HostKiller(), jobs=1), 2)
    assert isinstance(ended["000000"], Failure)
    assert ended["000000"].kind == "worker died"
    assert ended["000000"].message.startswith("Ray lost the worker: ActorDiedError")
    assert isinstance(ended["000001"], Outcome)


class HostKiller(Quick):
    """Takes the Ray worker along, as the loss of a machine does."""

    def __call__(self, trial):
        if trial.architecture == "000000":
            os.kill(os.getppid(), signal.SIGKILL)
        return super().__call__(trial)


def test_small_networks_share_a_gpu(started):
    executor = started(Quick(), gpu_share=0.5, cpu_share=0.25)
    assert executor.slots == 2
    assert len(run(executor, 4)) == 4
    assert isinstance(executor, Executor)
    with pytest.raises(InputError, match=r"room for a worker of 1 CPU and 2 GPU, got 2 CPU and 1 GPU"):
        EXECUTORS["ray"](Quick(), gpu_share=2.0)


def test_workers_that_cannot_start_are_one_clear_error(started, url):
    with RecordStore(url) as store:
        with pytest.raises(RobnasError, match=r"a worker cannot start: .*no data here"):
            drive(queue_of(store, 3), started(Unprepared("raises"), jobs=1))
        assert store_status(store)[0].remaining == 3


def test_ray_that_is_not_installed_is_one_clear_line():
    script = """
import sys
sys.modules["ray"] = None
from robnas.building import EXECUTORS
try:
    EXECUTORS["ray"](None)
except Exception as error:
    print(error)
"""
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.strip() == "executor ray: expected Ray to be installed, got no module ray; pip install 'robnas[cluster]'"


def test_a_cluster_that_does_not_answer_is_one_clear_line():
    script = """
from robnas.building import EXECUTORS
for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
    try:
        EXECUTORS["ray"](None, address=address)
    except Exception as error:
        print(error)
"""
    out = subprocess.run([sys.executable, "-c", script], text=True, check=True, capture_output=True)
    lines = out.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("Ray address: expected a cluster that answers, got Connection") for line in lines)


# room


@pytest.fixture
def hold(cluster):
    """Another program on the cluster, which keeps cores."""
    held = []

    @ray.remote
    class Holder:
        def answer(self):
            pass

    def hold(cores):
        actor = Holder.options(num_cpus=cores).remote()
        held.append(actor)
        ray.get(actor.answer.remote())
        return actor

    yield hold
    for actor in held:
        ray.kill(actor)


def test_workers_without_room_do_not_hold_up_the_others(started, hold, url, monkeypatch):
    monkeypatch.setattr(_ray, "_TELL", 0.3)
    hold(1)
    notes = []
    executor = started(Quick(seconds=0.1), jobs=2, note=notes.append)
    with RecordStore(url) as store:
        assert drive(queue_of(store, 12), executor).done == 12
    place = "(0 of 2 CPU free, 1 of 1 GPU free)"
    assert notes[-1] == f"Ray has room for 1 of 2 workers {place}; the others wait for 1 CPU and 0 GPU each"


def test_no_room_at_all_is_an_error_after_a_time_that_is_said(started, hold, monkeypatch):
    monkeypatch.setattr(_ray, "_TELL", 0.2)
    other = hold(2)
    notes = []
    executor = started(Quick(), jobs=1, patience=1.0, note=notes.append)
    with pytest.raises(InputError, match=r"room for a worker of 1 CPU and 0 GPU within 1 s, got none: 0 of 2 CPU free"):
        run(executor, 1)
    assert notes[0].endswith("the others wait for 1 CPU and 0 GPU each, for 1 s at most")
    ray.kill(other)
    assert len(run(started(Quick(), jobs=1), 1)) == 1


# what is killed

DRIVER = """
import sys
from robnas.building import EXECUTORS, drive
from robnas.records import RecordStore
from tests.building.trainers import Quick, queue_of
with RecordStore(sys.argv[1]) as store:
    queue = queue_of(store, 30)
    drive(queue, EXECUTORS["ray"](Quick(seconds=0.1), jobs=2, address=sys.argv[2]))
"""


def test_a_driver_that_is_killed_in_mid_run_loses_and_doubles_nothing(started, url, tmp_path):
    here = f"sqlite:///{tmp_path}/here.db"
    with RecordStore(here) as store:
        drive(queue_of(store, 30), Inline())
    # without the mode that Ray has set here: the token that it has left in the home is found
    environment = {key: value for key, value in os.environ.items() if key != "RAY_AUTH_MODE"}
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, url, address], env=environment)
    with RecordStore(url) as store:
        while not store.records():
            assert driver.poll() is None
            time.sleep(0.05)
        driver.kill()
        driver.wait()
        before = store_status(store)[0].done
        result = drive(queue_of(store, 30), started(Quick(), jobs=2))
    assert 0 < before < 30
    assert (before + result.done, result.failed, result.remaining) == (30, 0, 0)
    assert everything(url) == everything(here)


SEARCH = """
import sys
from robnas import search
from robnas.building import EXECUTORS, TrainingObjective
from robnas.records import RecordStore
from tests.building.oracle import Oracle
from tests.building.searched import METRIC, SPLIT, expansion_of

def searched(url, address, seconds, **options):
    expansion = expansion_of()
    given = Oracle.of(expansion, seconds=seconds, **options)
    EXECUTORS.register("oracle", lambda trainer, **more: EXECUTORS["ray"](given, **more), overwrite=True)
    where = {"metric": METRIC, "split": SPLIT, "executor": "oracle", "jobs": 2, "options": {"address": address}}
    with RecordStore(url) as store, TrainingObjective(expansion, store, **where) as one:
        algorithm = search.RegularizedEvolution(population=6, sample=3, asynchronous=True)
        return search.run(algorithm, one, budget=16, seed=2, batch=2)

if __name__ == "__main__":
    searched(sys.argv[1], sys.argv[2], 0.2)
"""


def test_a_search_whose_driver_and_workers_are_killed_goes_on_with_the_same_trace(started, tmp_path, url):
    from tests.building.searched import expansion_of, objective

    algorithm = search.RegularizedEvolution(population=6, sample=3, asynchronous=True)
    with RecordStore(f"sqlite:///{tmp_path}/calm.db") as store, objective(expansion_of(), store) as one:
        calm = search.run(algorithm, one, budget=16, seed=2, batch=2)
    (tmp_path / "searching.py").write_text(SEARCH)
    environment = {key: value for key, value in os.environ.items() if key != "RAY_AUTH_MODE"}
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen([sys.executable, str(tmp_path / "searching.py"), url, address], env=environment)
    with RecordStore(url) as store:
        while len(store.records(metric="clean", split="validation")) < 4:
            assert driver.poll() is None
            time.sleep(0.05)
        driver.kill()
        driver.wait()
        before = len(store.records(metric="clean", split="validation"))
    assert before < 16
    scope = {"__name__": "searching"}
    exec(compile(SEARCH, "searching.py", "exec"), scope)
    (tmp_path / "marks").mkdir()
    trace = scope["searched"](url, address, 0.0, marks=tmp_path / "marks", deadly=2)
    EXECUTORS.pop("oracle", None)
    assert [arch.text for arch in trace.architectures] == [arch.text for arch in calm.architectures]
    assert trace.values.tolist() == calm.values.tolist()
    with RecordStore(url) as store:
        assert store_status(store)[0].done == len(trace) == 16
        with store.read() as connection:
            assert connection.exec_driver_sql("select sum(deaths) from trials").scalar() == 2


LOST = """
import sys, threading, time
import psutil
from robnas.building import EXECUTORS, drive
from robnas.records import RecordStore
from tests.building.trainers import Quick, queue_of

def kill():
    while not store.records():
        time.sleep(0.1)
    for process in psutil.Process().children(recursive=True):
        if process.name() == sys.argv[2]:
            process.kill()

with RecordStore(sys.argv[1]) as store:
    executor = EXECUTORS["ray"](Quick(seconds=0.2), jobs=1)
    threading.Thread(target=kill).start()
    try:
        drive(queue_of(store, 300), executor)
    except Exception as error:
        print("ended:", type(error).__mro__[1].__name__, error, flush=True)
"""


def test_a_raylet_that_is_killed_ends_a_build_in_one_line(url, tmp_path):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((os.getcwd(), os.environ.get("PYTHONPATH", ""))), "HOME": str(tmp_path),
        "RAY_health_check_initial_delay_ms": "500", "RAY_health_check_period_ms": "300",
        "RAY_health_check_timeout_ms": "300", "RAY_health_check_failure_threshold": "2",
    }  # fmt: skip
    environment.pop("RAY_AUTH_MODE", None)
    script = [sys.executable, "-c", LOST, url, "raylet"]
    done = subprocess.run(script, text=True, capture_output=True, env=environment, check=False, timeout=120)
    [line] = done.stdout.splitlines()
    assert done.stderr == ""
    assert line.startswith("ended: RobnasError Ray cluster: expected an answer, got none (")
    assert line.endswith("when it is back, the same command goes on with what is left")
    with RecordStore(url) as store:
        state = store_status(store)[0]
        assert (state.running, state.failed, state.done + state.remaining) == (0, 0, 300)
