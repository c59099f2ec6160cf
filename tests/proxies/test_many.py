"""Scores of many architectures: in processes, kept, never mixed."""

import fcntl
import json

import pytest

import robnas
from robnas.benchmarks import Scores, read_scores
from robnas.errors import DataError, InputError
from robnas.proxies import PROXIES, ProxyScore, ProxySettings, score, score_many
from robnas.proxies._journal import Journal
from robnas.spaces import SPACES

SETTINGS = ProxySettings(images=8, calibration=16)
SPACE = SPACES["nas-bench-201"].configure(channels=2, cells=1)
CODES = ["323133", "444444", "000000", "213013"]


@pytest.fixture(scope="module")
def digits():
    return robnas.load_data("digits")


def many(digits, codes=CODES, names=("nwot", "synflow"), **options):
    return score_many(codes, digits, names, **{"space": SPACE, "settings": SETTINGS, "repeats": 2, **options})


def test_many_are_the_same_as_each(digits):
    found = many(digits)
    assert list(found) == CODES
    for code in CODES:
        assert found[code] == score(code, digits, ["nwot", "synflow"], repeats=2, space=SPACE, settings=SETTINGS)


def test_processes_give_the_same_scores_and_report_their_rate(digits, tmp_path):
    told = []
    found = many(digits, jobs=2, progress=lambda *report: told.append(report), out=tmp_path / "scores.parquet")
    alone = many(digits)
    assert list(found) == list(alone)
    for code, scores in found.items():
        for name, one in scores.items():
            assert one.reason == alone[code][name].reason
            assert (one.mean is None) == (alone[code][name].mean is None)
            assert one.mean is None or one.mean == pytest.approx(alone[code][name].mean, rel=1e-4)
    assert [report[:2] for report in told] == [(done, 4) for done in range(5)]
    assert "architectures/min" in told[-1][2]
    kept = read_scores(tmp_path / "scores.parquet")
    assert kept.by_code("nwot") == {code: one["nwot"].mean for code, one in found.items() if one["nwot"].mean}


def test_what_is_finished_is_not_computed_again(digits, tmp_path, overwrite):
    path = tmp_path / "scores.parquet"
    calls = []
    original = PROXIES["nwot"]

    def counted(probe):
        calls.append(1)
        if len(calls) == 6:
            raise MemoryError("as if it had been killed")
        return original(probe)

    overwrite(PROXIES, "nwot", counted)
    with pytest.raises(MemoryError):
        many(digits, out=path)
    assert not path.exists()
    assert len((tmp_path / "scores.parquet.part").read_text().splitlines()) == 1 + 2
    many(digits, out=path)
    assert len(calls) == 6 + 4
    again = many(digits, out=path)
    assert len(calls) == 10
    overwrite.undo()
    for code, scores in many(digits).items():
        for name, one in scores.items():
            kept = again[code][name]
            assert (kept.mean, kept.standard_error, kept.reason) == (one.mean, one.standard_error, one.reason)


def stopping(overwrite):
    """The third network of a run fails."""
    original, seen = PROXIES["nwot"], []

    def nwot(probe):
        seen.append(1)
        if len(seen) == 3:
            raise MemoryError
        return original(probe)

    overwrite(PROXIES, "nwot", nwot)


@pytest.mark.parametrize("failing", ["scoring", "writing"])
def test_a_call_for_fewer_keeps_what_an_interrupted_one_had_finished(digits, tmp_path, monkeypatch, overwrite, failing):
    path, part = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part"
    many(digits, CODES[:1], ["nwot"], repeats=1, out=path)
    if failing == "scoring":
        stopping(overwrite)
        finished = CODES[:3]
    else:
        monkeypatch.setattr(Scores, "write", lambda *_: 1 / 0)
        finished = CODES
    with pytest.raises((MemoryError, ZeroDivisionError)):
        many(digits, CODES, ["nwot"], repeats=1, out=path)
    monkeypatch.undo()
    overwrite.undo()
    assert (part.exists(), read_scores(path).codes) == (True, (CODES[0],))
    assert list(many(digits, CODES[:1], ["nwot"], repeats=1, out=path)) == CODES[:1]
    assert set(read_scores(path).codes) == set(finished)
    assert not part.exists()


def test_a_process_that_finishes_between_opening_and_locking_loses_nothing(digits, tmp_path, monkeypatch):
    path, lock = tmp_path / "scores.parquet", fcntl.flock

    def late(file, operation):
        monkeypatch.setattr(fcntl, "flock", lock)
        many(digits, CODES[1:2], ["nwot"], repeats=1, out=path)
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    many(digits, CODES[:1], ["nwot"], repeats=1, out=path)
    assert set(read_scores(path).codes) == set(CODES[:2])


def test_a_lock_on_a_file_that_was_replaced_is_none(digits, tmp_path, monkeypatch):
    path, part, lock = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part", fcntl.flock
    with (tmp_path / "other").open("w") as other:

        def late(file, operation):
            monkeypatch.setattr(fcntl, "flock", lock)
            lock(other, fcntl.LOCK_EX)
            (tmp_path / "other").replace(part)
            lock(file, operation)

        monkeypatch.setattr(fcntl, "flock", late)
        with pytest.raises(InputError, match="expected one process that writes it, got another that is at work"):
            many(digits, CODES[:1], ["nwot"], repeats=1, out=path)


@pytest.mark.parametrize(
    ("options", "key"),
    [({"seed": 1}, "seed"), ({"repeats": 1}, "repeats"), ({"names": ("nwot",)}, "proxies"),
     ({"settings": ProxySettings(images=9, calibration=16)}, "images")],
)  # fmt: skip
@pytest.mark.parametrize("finished", [True, False])
def test_scores_of_other_settings_are_not_mixed(digits, tmp_path, overwrite, options, key, finished):
    path = tmp_path / "scores.parquet"
    many(digits, CODES[:1], out=path)
    if not finished:
        path.unlink()
        stopping(overwrite)
        with pytest.raises(MemoryError):
            many(digits, out=path)
        overwrite.undo()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(
        InputError, match=rf"scores.parquet.*, made with {key}: expected .*are not mixed: choose"
    ) as error:
        many(digits, out=path, **options)
    assert "\n" not in str(error.value)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_journal_without_finished_architectures_begins_anew(digits, tmp_path, overwrite):
    """What was there would be read as an architecture by the call after the next."""
    path, part = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part"
    part.write_text(json.dumps({"settings": {"images": 7}}) + "\n" + '{"architecture": "3231')
    stopping(overwrite)
    with pytest.raises(MemoryError):
        many(digits, names=["nwot"], repeats=1, out=path)
    first, *others = map(json.loads, part.read_text().splitlines())
    assert first["settings"]["images"] == 8
    assert [row["architecture"] for row in others] == CODES[:2]
    overwrite.undo()
    assert list(many(digits, names=["nwot"], repeats=1, out=path)) == CODES


def test_a_line_that_was_cut_short_is_gone_before_the_next_is_written(tmp_path):
    score = {"nwot": ProxyScore(1.0, None, (1.0,), "")}
    for code in CODES[:3]:
        journal = Journal(tmp_path / "scores.parquet", {"proxies": ["nwot"]})
        journal.add(code, score)
        journal.close(finished=False)
        with journal.path.open("a") as file:
            file.write('{"architecture": "3231')
    journal = Journal(tmp_path / "scores.parquet", {"proxies": ["nwot"]})
    assert list(journal.known) == CODES[:3]
    journal.close(finished=True)


def test_another_process_at_work_and_another_file_are_named(digits, tmp_path):
    path, part = tmp_path / "scores.parquet", tmp_path / "scores.parquet.part"
    with part.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="expected one process that writes it, got another that is at work"):
            many(digits, out=path)
    part.write_text("nothing\nof ours\n")
    with pytest.raises(DataError, match="expected the unfinished scores of robnas score, got JSONDecodeError"):
        many(digits, out=path)
    part.write_text(json.dumps({"settings": {}}) + "\n")  # no scores yet: nothing is lost
    assert list(many(digits, CODES[:1], out=path)) == CODES[:1]
    path.write_text("something else")
    with pytest.raises(DataError, match="expected a file of scores"):
        many(digits, out=path)


def test_a_proxy_of_ones_own_travels_to_processes_or_says_why_not(digits, monkeypatch):
    monkeypatch.setitem(PROXIES, "mine", lambda probe: 1.0)
    assert many(digits, CODES[:1], ["mine"])["323133"]["mine"].mean == 1
    with pytest.raises(InputError, match="jobs: expected 1 for a proxy or a space that cannot travel"):
        many(digits, names=["mine"], jobs=2)


def test_bad_input_is_refused(digits):
    with pytest.raises(InputError, match="architectures: expected at least one"):
        many(digits, [])
    with pytest.raises(InputError, match="jobs: expected at least 1, got 0"):
        many(digits, jobs=0)
