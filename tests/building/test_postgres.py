"""A build whose store is a real PostgreSQL server."""

import threading
import uuid

import pytest

from robnas.building import LocalExecutor, drive
from robnas.errors import StoreError
from robnas.records import RecordStore, TrialQueue, store_status
from tests.building.test_driver import Inline
from tests.building.trainers import Quick, everything, queue_of


@pytest.fixture
def server_url(postgres):
    return postgres.database(f"t{uuid.uuid4().hex}")


def test_a_build_survives_the_stop_and_start_of_the_server(postgres, server_url, url):
    with RecordStore(url) as calm:
        drive(queue_of(calm, 40), Inline())
    stops = []

    def progress(done, total, text):
        if done >= 5 and not stops:
            postgres.stop()  # at once, as a crash would
            stops.append(done)

    def note(text):
        if "trying again" in text:
            postgres.start()

    with RecordStore(server_url) as store:
        result = drive(queue_of(store, 40), LocalExecutor(Quick(0.02), jobs=1), progress=progress, note=note)
        assert (result.done, result.failed, result.remaining) == (40, 0, 0)
    assert stops
    assert everything(server_url) == everything(url)


def test_drivers_on_one_server_do_every_trial_once_between_them(server_url, url):
    with RecordStore(url) as calm:
        drive(queue_of(calm, 60), Inline())
    with RecordStore(server_url) as store:
        queue_of(store, 60)
        results = []

        def work():
            with RecordStore(server_url) as own:
                results.append(drive(TrialQueue(own, "9" * 16), Inline(Quick(0.005))))

        drivers = [threading.Thread(target=work) for _ in range(4)]
        for driver in drivers:
            driver.start()
        for driver in drivers:
            driver.join()
        [found] = store_status(store)
    assert sum(result.done for result in results) == found.done == 60
    assert everything(server_url) == everything(url)


def test_a_server_that_does_not_answer_is_one_clear_line(postgres, server_url):
    postgres.stop()
    try:
        with pytest.raises(StoreError, match=r"store postgresql.*expected a database of records .*refused") as raised:
            RecordStore(server_url)
    finally:
        postgres.start()
    assert "\n" not in str(raised.value)
