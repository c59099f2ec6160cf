"""Whatever lies in a file of ours, reading it gives a right value or one line that says what is wrong."""

import copy
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robnas._arrays import read_arrays
from robnas._content import seal
from robnas._settings import content_hash
from robnas.attacks import Answers
from robnas.benchmarks import Scores, Table, load, read_scores, read_table
from robnas.building import TRIAL, Trial, load_trial
from robnas.data import load_data
from robnas.errors import InputError
from robnas.evaluation._ledger import Ledger
from robnas.explorer import read_searches, write_site
from robnas.proxies._journal import Journal
from robnas.reports._search_report import read_results, search_page
from robnas.search import KIND, Experiment, RandomSearch, Repetitions, Task
from robnas.search._experiment import _read
from robnas.search._result import Result
from robnas.statistics._search_summary import summarise
from robnas.training import Recipe
from robnas.training._log import EpochLog
from robnas.training._step import Step
from robnas.training._train import _resume
from tests.test_damage import JOURNAL, scores, state, table, trial

LIGHT = settings(
    derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([10**400, -(2**63), 2**64, 1e308, 0.5, -0.0]),
    st.floats(), st.sampled_from(["", "a", "323133", "\x1b[2J", "8/255", "nan", "\ud800", "official", "x" * 300]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
DEEP = b"[" * 100_000 + b"]" * 100_000
BYTES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"", DEEP, b'{"a":' * 50_000, b"\xff\xfe", b"PAR1", b"PK\x03\x04", b"1e999"]),
)


def places(value, path=()):
    """Every place in a document, as the keys that lead there."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield from places(entry, (*path, key))


@st.composite
def changed(draw, document):
    """A document with one or two places that hold something else, or are gone."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(document))))
        if not path:
            return draw(VALUES)
        *way, last = path
        parent = document
        for key in way:
            parent = parent[key]
        if draw(st.integers(0, 4)):
            parent[last] = draw(VALUES)
        else:
            del parent[last]
    return document


def value_or_line(read, path):
    """What is read, or None where it is refused in one line that names the file."""
    try:
        return read()
    except InputError as error:
        text = str(error)
    assert text.isprintable(), text
    assert path.name in text, text
    return None


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


def in_json(value):
    """As bytes of JSON, where a lone surrogate stays one."""
    return json.dumps(value).encode()


# tables and scores

FACTS = {
    "schema_version": 1, "name": "t", "partition": None, "provenance": {"licence": "CC"},
    "columns": [
        {"dataset": "d", "split": "test", "metric": "clean", "seeds": [0, 1], "runs": 1, "fields": ["v", "w"],
         "facts": {"images": 360, "recipe": "a"}},
    ],
}  # fmt: skip
ARRAYS = {"architecture": pa.array([0, 1], pa.int16()), "v": pa.array([0.5, 0.6]), "w": pa.array([0.5, None])}
OTHER_ARRAYS = [
    pa.array([0, 1], pa.int64()), pa.array([0.1, 0.2], pa.float16()), pa.array([0.1, 7.0]), pa.array(["a", "b"]),
    pa.array([None, None]), pa.array([True, False]), pa.array([[1.0], [2.0]]), pa.array([b"a", None]),
    pa.array([0, 1], pa.timestamp("ms")), pa.array(["a", "b"]).dictionary_encode(), pa.array([{"a": 1}, None]),
    pa.array([1, 2], pa.decimal128(5)), pa.array([float("nan"), float("-inf")]), pa.array([2**63, 0], pa.uint64()),
]  # fmt: skip


@LIGHT
@given(
    facts=changed(FACTS),
    arrays=st.dictionaries(st.sampled_from(list(ARRAYS)), st.sampled_from(OTHER_ARRAYS), max_size=1),
)
def test_facts_and_columns_of_wrong_types_in_a_table(room, facts, arrays):
    path = room / "t.parquet"
    pq.write_table(pa.table(ARRAYS | arrays).replace_schema_metadata({b"robnas": in_json(facts)}), path)
    found = value_or_line(lambda: read_table(path), path)
    if found is not None:
        assert isinstance(found.name, str)
        assert isinstance(found.provenance, dict)
        for column in found.columns:
            assert column.values.shape == (2, len(column.seeds) or 1)
            assert all(isinstance(value, str | int | float) for value in column.facts.values())
        assert str(found)


SCORE_FACTS = {"schema_version": 1, "names": ["nwot"], "settings": {"data": "digits", "images": 12}}
SCORE_ARRAYS = {
    "architecture": pa.array(["000000", "323133"]), "nwot": pa.array([None, 1.0]),
    "nwot:standard_error": pa.array([None, 0.5]), "nwot:reason": pa.array(["there is no ReLU", None]),
}  # fmt: skip


@LIGHT
@given(
    facts=changed(SCORE_FACTS),
    arrays=st.dictionaries(st.sampled_from(list(SCORE_ARRAYS)), st.sampled_from(OTHER_ARRAYS), max_size=1),
)
def test_facts_and_columns_of_wrong_types_in_scores(room, facts, arrays):
    path = room / "s.parquet"
    pq.write_table(pa.table(SCORE_ARRAYS | arrays).replace_schema_metadata({b"robnas.scores": in_json(facts)}), path)
    found = value_or_line(lambda: read_scores(path), path)
    if found is not None:
        assert found.codes == ("000000", "323133")
        assert isinstance(found.settings, dict)
        assert all(isinstance(why, str) for why in found.reasons.values())


# trainings


def plain_state():
    history = [{
        "epoch": 1, "loss": 0.5, "clean_accuracy": 0.5, "robust_accuracy": None, "images_per_second": 1.0,
        "learning_rate": 0.1, "seconds": 1.0,
    }]  # fmt: skip
    network = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    velocities = [torch.zeros(2, 3), torch.zeros(2)]
    return {"version": 1, "identity": {"seed": 1}, "network": network, "optimizer": {"velocities": velocities},
            "history": history}  # fmt: skip


@LIGHT
@given(kept=changed(plain_state()))
def test_entries_of_wrong_types_in_a_checkpoint(room, kept):
    path, network = room / "checkpoint.pt", torch.nn.Linear(3, 2)
    torch.save(kept, path)
    step = Step(network, Recipe.digits(), torch.Generator())
    found = value_or_line(lambda: _resume(path, {"seed": 1}, network, "cpu", step), path)
    assert found is None or all(isinstance(entry, EpochLog) for entry in found)
    if found:
        assert (found[0].epoch, type(found[0].loss)) == (1, float) or isinstance(found[0].loss, int)


@LIGHT
@given(values=changed(trial().to_dict()), hashed=st.booleans())
def test_entries_of_wrong_types_in_a_trial(room, values, hashed):
    path = room / TRIAL
    if hashed and isinstance(values, dict):
        values = seal("robnas trial", {"version": 2, **values})
    path.write_bytes(in_json(values))
    found = value_or_line(lambda: load_trial(room), path)
    if found is not None:
        assert Trial.from_dict(json.loads(json.dumps(found.to_dict()))) == found
        assert isinstance(found.source.name, str)
        assert found.recipe.hash


MEASURED = {
    "metric": "clean", "attack": None, "images": 9, "seconds": 0.5, "seed": 0, "outcomes": "ff80", "torch_version": "2",
    "device": "cpu", "warnings": ["w"], "answers": {"logits": "00000000", "gradients": "00000000", "precision": 1e-7},
}  # fmt: skip


@LIGHT
@given(entry=changed(MEASURED), hashed=st.booleans())
def test_entries_of_wrong_types_in_a_measurement(room, entry, hashed):
    path, zeros = room / "key.json", np.zeros(1, np.float32)
    if hashed and isinstance(entry, dict):
        entry = {**entry, "content": content_hash(json.loads(json.dumps(entry)))}
    path.write_bytes(in_json(entry))
    found = value_or_line(lambda: Ledger(room, Answers(zeros, zeros, 1e-7)).get("key"), path)
    assert found is None or (isinstance(found.value, float) and hashed)


# scores and searches under way

ROWS = [
    {"settings": JOURNAL},
    {"architecture": "323133", "scores": {"nwot": {"values": [1.5, None], "reason": "r"}}},
    {"architecture": "000000", "scores": {"nwot": {"values": [1.5, 2.5], "reason": ""}}},
]


@LIGHT
@given(rows=changed(ROWS), hashed=st.booleans())
def test_lines_of_wrong_types_in_unfinished_scores(room, rows, hashed):
    path = room / "scores.parquet.part"
    rows = rows if isinstance(rows, list) else [rows]
    if hashed:
        rows = [seal("robnas unfinished scores", row) if isinstance(row, dict) else row for row in rows]
    path.write_bytes(b"".join(in_json(row) + b"\n" for row in rows))
    journal = value_or_line(lambda: Journal(room / "scores.parquet", JOURNAL), path)
    if journal is not None:
        journal.close(finished=True)
        assert all(isinstance(one["nwot"].mean, float | None) for one in journal.known.values())


@pytest.fixture(scope="module")
def results():
    task = Task.named(table(), "d", "clean", split="test")
    return [one.to_dict() for one in Experiment.of({"random-search": RandomSearch()}, [task], Repetitions(3, 2)).run()]


@LIGHT
@given(data=st.data(), hashed=st.booleans())
def test_entries_of_wrong_types_in_results(room, results, data, hashed):
    plan = {"task": "t", "algorithm": "a", "question": "q", "runs": 2, "seed": 0}
    more = {"rope": 0.001, "planned": [plan]} if hashed else {}
    kept = data.draw(changed({"robnas": "0", "format": 4 if hashed else 3, "notes": ["n"], "results": results, **more}))
    if hashed and isinstance(kept, dict):
        kept = seal(KIND, kept)
    folder = room / "search"
    folder.mkdir(exist_ok=True)
    path = folder / "results.json"
    path.write_bytes(in_json(kept))
    found = value_or_line(lambda: read_results(path), path)
    if found is not None:
        assert summarise(found.results)
        assert search_page(found.results, found.notes, found.planned, found.rope)
    replays = value_or_line(lambda: read_searches(folder, [table()]), folder)
    assert replays is None or all(replay.to_dict() for replay in replays)
    if isinstance(kept, dict) and isinstance(kept.get("results"), list) and kept["results"]:
        one = kept["results"][0]
        path.write_bytes(in_json(seal(KIND, {"format": 4, **one}) if isinstance(one, dict) else one))
        assert isinstance(_read(path), Result | None)


# any bytes


@LIGHT
@given(content=BYTES)
def test_any_bytes(room, content):
    path = room / "bytes"
    path.write_bytes(content)
    network = torch.nn.Linear(3, 2)
    for read in (
        read_table, read_scores, lambda path: read_arrays(path, "k", "a"), read_results,
        lambda path: _resume(path, {}, network, "cpu"),
    ):  # fmt: skip
        assert value_or_line(lambda read=read: read(path), path) is None
    (room / TRIAL).write_bytes(content)
    assert value_or_line(lambda: load_trial(room), room / TRIAL) is None
    (room / "key.json").write_bytes(content)
    assert value_or_line(lambda: Ledger(room).get("key"), room / "key.json") is None
    part = room / "scores.parquet.part"
    part.write_bytes(content + b"\n" + content + b"\n")
    value_or_line(lambda: Journal(room / "scores.parquet", JOURNAL).close(finished=True), part)
    assert _read(path) is None
    folder = room / "results"
    folder.mkdir(exist_ok=True)
    (folder / "one.json").write_bytes(content)
    assert value_or_line(lambda: read_searches(folder, []), folder) is None
    site = room / "site" / "data"
    site.mkdir(parents=True, exist_ok=True)
    for name in ("explorer.json", "manifest.json"):
        (site / name).write_bytes(content)
    assert value_or_line(lambda: write_site({"index.html": b""}, site.parent), site.parent) is None


def test_what_is_changed_here_is_read_as_it_is(room):
    """Else nothing would be tested above."""
    path = room / "right"
    pq.write_table(pa.table(ARRAYS).replace_schema_metadata({b"robnas": in_json(FACTS)}), path)
    assert isinstance(read_table(path), Table)
    pq.write_table(pa.table(SCORE_ARRAYS).replace_schema_metadata({b"robnas.scores": in_json(SCORE_FACTS)}), path)
    assert isinstance(read_scores(path), Scores)
    torch.save(plain_state(), path)
    network = torch.nn.Linear(3, 2)
    assert len(_resume(path, {"seed": 1}, network, "cpu", Step(network, Recipe.digits(), torch.Generator()))) == 1
    assert network.weight.abs().sum() == 0
    assert np.isnan(scores().means).sum() == 1
    assert state()["history"]


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-this-name/x", "a/\0", "/dev/zero"])
@pytest.mark.parametrize(
    "read",
    [load, load_data, lambda name: read_table(Path(name)), lambda name: read_scores(Path(name)),
     lambda name: read_searches(name, [])],
)  # fmt: skip
def test_a_name_that_no_file_can_have_and_a_device_without_an_end_are_one_line(name, read):
    with pytest.raises(InputError) as raised:
        read(name)
    assert str(raised.value).isprintable()
