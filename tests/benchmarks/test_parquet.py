import base64
import json
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robnas.benchmarks import Column, CurveColumn, Table, _parquet, read_table, write_table
from robnas.errors import DataError, InputError
from robnas.spaces import SIZE, space_of
from tests.benchmarks.conftest import INDICES, same_table, small_table, table_or_error
from tests.data.conftest import listing, refused

FULL = {"published": np.roll(np.arange(SIZE), 3), "partition": "official", "provenance": {
    "licence": "CC", "nested": {"list": [1, 2.5, None, "é"], "text": "a\nb"},
}}  # fmt: skip
BROKEN = r"expected a table written by robnas, got \w+ \(.*\); fetch or export it again$"


@pytest.fixture(scope="module")
def good_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "t.parquet"
    write_table(small_table(**FULL), path)
    return path


@pytest.fixture
def good(good_file):
    """Bytes of a good table file."""
    return good_file.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.parquet"


def test_a_path_may_be_text(path):
    write_table(small_table(), str(path))
    assert same_table(read_table(str(path)), read_table(path))


@pytest.mark.parametrize("settings", [{}, FULL], ids=["bare", "full"])
def test_a_table_comes_back_as_it_was_written(settings, path):
    table = small_table(**settings)
    write_table(table, path)
    assert same_table(read_table(path), table)
    assert set(listing(path.parent)) == {path.name}


@pytest.mark.parametrize("seeds", [(), (1,), (3, 1, 2), (2**62,), (-1, 0)])
def test_seeds_keep_their_order_and_values_every_bit(seeds, path):
    rng = np.random.default_rng(0)
    values = rng.random((50, len(seeds) or 1))
    values[rng.random(values.shape) < 0.3] = np.nan
    table = Table("t", rng.permutation(SIZE)[:50], [Column("d", "train", "pgd-l2@0.5", values, seeds, runs=7)])
    write_table(table, path)
    assert same_table(read_table(path), table)


def test_a_column_without_any_value_survives(path):
    table = Table("t", [0, 1], [Column("d", "test", "clean", np.full((2, 2), np.nan), (1, 2))])
    write_table(table, path)
    assert same_table(read_table(path), table)


def test_a_table_replaces_an_older_one_and_makes_folders(path):
    target = path.parent / "new" / "folder" / path.name
    write_table(small_table("old"), target)
    write_table(small_table("new"), target)
    assert read_table(target).name == "new"
    assert set(listing(path.parent)) == {"new", "new/folder", f"new/folder/{path.name}"}


def test_what_is_no_array_of_floats_is_made_one(path):
    """Whole numbers, lists, numbers and arrays of numpy: what comes back is the same in Python's own types."""
    column = Column(
        "d", "test", "clean", [[0, 1], [1, 0]], np.array([3, 4]), np.int64(2),
        {"images": np.int64(360), "epsilon": np.float64(0.5), "checked": np.True_},
    )  # fmt: skip
    table = Table("t", np.array([1, 2], np.uint8), [column], published=list(range(SIZE)), provenance={
        "hours": np.float32(0.5), "seeds": np.arange(2), "nested": [{"n": np.int16(3)}],
    })  # fmt: skip
    write_table(table, path)
    found = read_table(path)
    assert found.provenance == {"hours": 0.5, "seeds": [0, 1], "nested": [{"n": 3}]}
    assert found.columns[0].facts == {"images": 360, "epsilon": 0.5, "checked": True}
    assert (found.columns[0].seeds, found.columns[0].values.tolist()) == ((3, 4), [[0, 1], [1, 0]])


def column_with(dataset="d", metric="clean", facts=None):
    return Column(dataset, "test", metric, np.array([[0.25]]), facts=facts or {})


NOT_WRITTEN = {
    "a long name": (lambda: Table("t" * 201, [1], [column_with()]), "name: expected at most 200 printable characters"),
    "two lines": (lambda: Table("t", [1], [column_with("d\n")]), r"name: expected at most 200 .*, got 'd\\n'"),
    "a metric": (lambda: Table("t", [1], [column_with(metric="m" * 201)]), "name: expected at most 200"),
    "nothing": (lambda: Table("t", [1], [column_with(facts={"a": None})]), "fact: expected at most 200 .*, got None"),
    "infinity": (lambda: Table("t", [1], [column_with(facts={"a": np.inf})]), "fact: expected at most 200 .*, got inf"),
    "a list": (lambda: Table("t", [1], [column_with(facts={"a": [1]})]), r"fact: expected at most 200 .*, got \[1\]"),
    "an object": (
        lambda: Table("t", [1], [column_with()], provenance={"made": object()}),
        r"table t, provenance: expected what JSON can hold, got TypeError \(a object\)",
    ),
    "two of one name": (
        lambda: Table("t", [1], [column_with("a test b", "c"), column_with("a", "b test c")]),
        "table t: expected columns of different names, got 'a test b test c mean'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_WRITTEN)
def test_a_table_that_could_not_be_read_is_not_written(what, path):
    make, text = NOT_WRITTEN[what]
    write_table(small_table(), path)
    before = path.read_bytes()
    with refused(text, InputError):
        write_table(make(), path)
    assert path.read_bytes() == before


def test_more_than_is_read_is_not_written(path, monkeypatch):
    monkeypatch.setattr(_parquet, "_LARGEST", 100)
    with refused("table small: expected at most 100 bytes, got 224", InputError):
        write_table(small_table(), path)
    assert not path.exists()


# damaged files


def test_a_file_cut_anywhere_is_refused(good, path):
    for length in [*range(0, len(good), len(good) // 60), len(good) - 1]:
        path.write_bytes(good[:length])
        with refused(f"^{path}: {BROKEN}"):
            read_table(path)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_refused(seed, path):
    rng = np.random.default_rng(seed)
    path.write_bytes([b"", b"PAR1"][seed % 2] + rng.bytes(10 ** (seed % 5)) + [b"", b"PAR1"][seed % 2])
    with refused(f"^{path}: {BROKEN}"):
        read_table(path)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_give_a_table_or_one_error(good_file, changes):
    path, content = good_file.with_name("changed.parquet"), bytearray(good_file.read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    path.write_bytes(bytes(content))
    table_or_error(lambda: read_table(path), str(path))


@settings(derandomize=True, deadline=None, max_examples=80)
@given(content=st.binary(max_size=300))
def test_any_bytes_give_one_error(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "bytes.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_table(path)


# files that are Parquet, but no table of robnas

FACTS = {
    "schema_version": 1, "name": "t", "partition": None, "provenance": {},
    "columns": [{"dataset": "d", "split": "test", "metric": "clean", "seeds": [], "runs": 1, "fields": ["v"]}],
}  # fmt: skip


def described(**changes):
    return {**FACTS, "columns": [{**FACTS["columns"][0], **changes}]}


def write(path, facts=FACTS, arrays=None, extra=None, **settings):
    """A Parquet file by hand; `facts` may also be the bytes themselves."""
    arrays = {"architecture": pa.array([0, 1], pa.int16()), "v": pa.array([0.5, 0.6])} if arrays is None else arrays
    metadata = {b"robnas": facts if isinstance(facts, bytes) else json.dumps(facts).encode(), **(extra or {})}
    pq.write_table(pa.table(arrays).replace_schema_metadata(metadata), path, **settings)


def test_a_file_made_by_hand_is_read(path):
    write(path)
    assert read_table(path).values("d", "clean", split="test").tolist() == [0.5, 0.6]


def test_a_foreign_parquet_file_is_refused(path):
    pq.write_table(pa.table({"a": [1, 2]}), path)
    with refused(rf"^{path}: {BROKEN}"):
        read_table(path)


def test_a_table_is_read_with_the_version_of_the_partition_that_it_was_made_with(path):
    write(path, FACTS | {"partition": "effective"})  # from before there were versions
    assert read_table(path).partition == "effective@1"
    for name in ("official", "effective", "effective@1", "identical"):
        table = Table("t", [0, 1], [Column("d", "test", "clean", np.full((2, 1), 0.5))], partition=name)
        write_table(table, path)
        assert read_table(path).partition == name
        said = json.loads(pq.read_schema(path).metadata[b"robnas"]).get("partition_version")
        assert said == (2 if name in ("effective", "identical") else None)


@pytest.mark.parametrize("version", [0, 6, "1", None])
def test_another_schema_version_is_refused(version, path):
    write(path, {**FACTS, "schema_version": version})
    with refused(
        rf"^{path}: expected schema version 2, 3, 4 or 5, got {version!r}; read it with the robnas that wrote it$"
    ):
        read_table(path)


FACTS_FILES = {
    "no object": [],
    "a number": 1,
    "no version": {},
    "cut": b'{"schema_version": 1',
    "invalid UTF-8": b'{"schema_version": 1, "name": "\xff"}',
    "nesting": b'{"schema_version": 1, "provenance": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "open nesting": b'{"a":' * 100_000,
    "no name": {key: value for key, value in FACTS.items() if key != "name"},
    "a name that is a list": {**FACTS, "name": ["t"]},
    "a name that moves the cursor": {**FACTS, "name": "t\x1b[2J\n"},
    "an endless name": {**FACTS, "name": "t" * 100_000},
    "an unknown partition": {**FACTS, "partition": "mine"},
    "a partition that is a list": {**FACTS, "partition": ["official"]},
    "provenance that is a number": {**FACTS, "provenance": 7},
    "no columns": {**FACTS, "columns": []},
    "columns that are text": {**FACTS, "columns": "v"},
    "columns that are null": {**FACTS, "columns": None},
    "a column twice": {**FACTS, "columns": FACTS["columns"] * 2},
    "an unknown field": described(fields=["w"]),
    "no field": described(fields=[]),
    "fields that are a number": described(fields=1),
    "the same field again and again": described(fields=["v"] * 1000, seeds=list(range(1000))),
    "the architectures as values": described(fields=["architecture"], seeds=[]),
    "an unknown split": described(split="holdout"),
    "a split that is a list": described(split=["test"]),
    "a metric of two lines": described(metric="clean\nclean"),
    "a data set that is a number": described(dataset=1),
    "more seeds than fields": described(seeds=[1, 2]),
    "a seed that is text": described(seeds=["one"]),
    "an infinite seed": json.dumps(described(seeds=[0.5])).replace("0.5", "Infinity").encode(),
    "no runs": described(runs=0),
    "negative runs": described(runs=-3),
    "huge runs": described(runs=10**30),
    "runs that are no number": json.dumps(described(runs=0.5)).replace("0.5", "NaN").encode(),
}


@pytest.mark.parametrize("name", FACTS_FILES)
def test_other_metadata_is_refused(name, path):
    write(path, FACTS_FILES[name])
    if name == "the architectures as values":  # 0 and 1 are accuracies: nothing is wrong with them
        assert read_table(path).values("d", "clean", split="test").tolist() == [0, 1]
        return
    with refused(rf"^{path}: {BROKEN}"):
        read_table(path)


TWO = pa.array([0.5, 0.6])
ARRAYS = {
    "no architectures": ({"v": TWO}, BROKEN),
    "no values": ({"architecture": pa.array([0, 1])}, BROKEN),
    "a row twice": ({"architecture": pa.array([3, 3]), "v": TWO}, "got InputError .*each architecture once"),
    "rows out of range": ({"architecture": pa.array([0, SIZE]), "v": TWO}, "got InputError .*integers from 0 to 15624"),
    "a negative row": ({"architecture": pa.array([-1, 0]), "v": TWO}, "got InputError .*integers from 0 to 15624"),
    "a huge row": ({"architecture": pa.array([0, 2**64 - 1], pa.uint64()), "v": TWO}, BROKEN),
    "no rows": ({"architecture": pa.array([], pa.int16()), "v": pa.array([], pa.float64())}, BROKEN),
    "a missing row": ({"architecture": pa.array([0, None], pa.int16()), "v": TWO}, "an architecture is missing"),
    "rows that are fractions": (
        {"architecture": pa.array([0.2, 1.7]), "v": TWO}, "expected columns of numbers, got 'architecture' of type dou",
    ),
    "rows that are text": ({"architecture": pa.array(["0", "1"]), "v": TWO}, "'architecture' of type string"),
    "text": ({"architecture": pa.array([0, 1]), "v": pa.array(["0.5", "0.6"])}, "got 'v' of type string"),
    "lists": ({"architecture": pa.array([0, 1]), "v": pa.array([[0.5], [0.6]])}, "got 'v' of type list"),
    "dates": ({"architecture": pa.array([0, 1]), "v": pa.array([0, 1], pa.timestamp("s"))}, "got 'v' of type timest"),
    "above 1": ({"architecture": pa.array([0, 1]), "v": pa.array([0.5, 48.1])}, r"accuracies in \[0, 1\], got 48\.1"),
    "below 0": ({"architecture": pa.array([0, 1]), "v": pa.array([0.5, -1.0])}, r"accuracies in \[0, 1\], got -1"),
    "infinite": ({"architecture": pa.array([0, 1]), "v": pa.array([0.5, np.inf])}, r"in \[0, 1\], got inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_other_columns_are_refused(name, path):
    arrays, text = ARRAYS[name]
    facts = described(fields=[]) if name == "no values" else FACTS
    write(path, facts, arrays)
    with refused(rf"^{path}: .*{text}"):
        read_table(path)


def test_too_many_rows_are_refused_before_they_are_read(path, monkeypatch):
    count = SIZE + 1
    write(path, arrays={"architecture": pa.array(np.zeros(count, np.int16)), "v": pa.array(np.zeros(count))})
    monkeypatch.setattr(pq.ParquetFile, "read", forbidden)
    with refused(rf"^{path}: expected at most 15,625 rows and .* unpacked, got 15,626 rows, "):
        read_table(path)


def forbidden(*_, **__):
    raise AssertionError("it was unpacked")


BOMBS = {
    "text": {"v": pa.array(["x" * 10**6] * 100)},
    "lists": {"v": pa.array([[0.0] * 10**5] * 100)},
    "text beside the values": {"v": pa.array(np.zeros(100)), "w": pa.array(["x" * 10**6] * 100)},
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_unpacked(name, path, monkeypatch):
    write(path, arrays={"architecture": pa.array(range(100)), **BOMBS[name]}, compression="zstd")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(pq.ParquetFile, "read", forbidden)
    with refused(f"^{path}: expected columns of numbers, got "):
        read_table(path)


def test_many_columns_of_repeated_values_are_refused_before_they_are_unpacked(path, monkeypatch):
    arrays = {"architecture": pa.array(np.arange(1000)), **{str(n): pa.array(np.zeros(1000)) for n in range(50)}}
    write(path, arrays=arrays, compression="zstd")
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(_parquet, "_LARGEST", 50_000)
    monkeypatch.setattr(pq.ParquetFile, "read", forbidden)
    with refused(f"^{path}: expected at most 15,625 rows and 50,000 bytes unpacked, got 1,000 rows, 408,000 bytes"):
        read_table(path)


def test_a_file_above_the_limit_is_not_opened(good, path, monkeypatch):
    path.write_bytes(good)
    monkeypatch.setattr(_parquet, "_LARGEST", len(good) - 1)
    monkeypatch.setattr(pq, "ParquetFile", forbidden)
    with refused(rf"^{path}: expected at most [\d,]+ bytes, got {len(good):,}$"):
        read_table(path)


ORDER = np.arange(SIZE, dtype="<i2").tobytes()
PUBLISHED = {
    "not packed": ORDER,
    "nothing": b"",
    "cut": zlib.compress(ORDER)[:1000],
    "too short": zlib.compress(ORDER[:-2]),
    "half a number": zlib.compress(ORDER[:-1]),
    "too long": zlib.compress(ORDER + b"\0\0"),
    "one index twice": zlib.compress(b"\1\0" + ORDER[2:]),
    "a bomb": zlib.compress(bytes(50_000_000)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_other_published_indices_are_refused(name, path):
    write(path, extra={b"robnas.published": PUBLISHED[name]})
    with refused(rf"^{path}: {BROKEN}"):
        read_table(path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_other_texts_of_published_indices_are_refused(name, path):
    for text in (base64.b64encode(PUBLISHED[name]), PUBLISHED[name]):
        write(path, FACTS | {"schema_version": 4, "content": ""}, extra={b"robnas.published": text})
        with refused(rf"^{path}: {BROKEN}"):
            read_table(path)


def test_metadata_are_text_which_is_all_that_some_readers_open(good_file):
    for key, value in pq.read_metadata(good_file).metadata.items():
        assert (key + value).decode()
    assert b"robnas.published" in pq.read_metadata(good_file).metadata


def test_published_indices_of_earlier_files_are_read(good_file, path):
    whole = pq.read_table(good_file)
    facts = json.loads(whole.schema.metadata[b"robnas"]) | {"schema_version": 2}
    raw = zlib.compress(FULL["published"].astype("<i2").tobytes())
    facts["content"] = _parquet._digest({k: v for k, v in facts.items() if k != "content"}, read_table(good_file))
    write(path, facts, {name: whole[name] for name in whole.column_names}, {b"robnas.published": raw})
    assert same_table(read_table(path), small_table(**FULL))


def test_published_indices_that_unpack_to_much_are_not_unpacked(path):
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises((DataError, ValueError)):
            Table("t", INDICES, small_table().columns, published=_parquet._unpack(PUBLISHED["a bomb"], space_of(None)))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_metric_may_have_a_dot_in_its_key(tmp_path):
    table = Table("t", [1, 2], [Column("d", "test", "pgd-l2@0.5", np.array([[0.25], [0.5]]))])
    write_table(table, tmp_path / "t.parquet")
    assert same_table(read_table(tmp_path / "t.parquet"), table)


def test_what_a_column_rests_on_is_kept(tmp_path):
    facts = {"recipe": "a" * 16, "images": 360, "recipe_name": "digits", "epsilon": 0.1}
    table = Table("t", [1], [Column("d", "test", "clean", np.array([[0.25]]), facts=facts)])
    write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").columns[0].facts == facts


@pytest.mark.parametrize(
    "facts", [3, ["a"], {"a": None}, {"a": ["b"]}, {"a\n": "b"}, {"a": "\x1b[2J"}, {"a": "b" * 1000}]
)
def test_facts_that_cannot_be_shown_are_refused(facts, tmp_path):
    table = Table("t", [1], [Column("d", "test", "clean", np.array([[0.25]]))])
    write_table(table, tmp_path / "t.parquet")
    content = pq.read_table(tmp_path / "t.parquet")
    described = json.loads(content.schema.metadata[b"robnas"])
    described["columns"][0]["facts"] = facts
    pq.write_table(content.replace_schema_metadata({b"robnas": json.dumps(described)}), tmp_path / "t.parquet")
    with refused("t.parquet: expected a table written by robnas, got "):
        read_table(tmp_path / "t.parquet")


def test_reading_leaves_the_memory_pool_of_the_process_alone(tmp_path, monkeypatch):
    write_table(small_table(), tmp_path / "t.parquet")
    monkeypatch.setattr("pyarrow.set_memory_pool", None)
    before = pa.default_memory_pool().backend_name
    read_table(tmp_path / "t.parquet")
    assert pa.default_memory_pool().backend_name == before


KINDS = (
    {"metric": "latency:pixel3", "unit": "ms", "direction": "minimise"},
    {"metric": "synflow", "unit": "score"},
    {"metric": "errors", "direction": "minimise"},
    {"metric": "pgd@8/255", "source": "jung-2023"},
    {"metric": "clean", "source": "a:b (2)"},
    {"metric": "clean"},
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["metric"])
def test_unit_direction_and_source_come_back(kind, path):
    values = np.array([[0.25], [np.nan], [0.5]]) * (1 if kind["metric"] in ("clean", "pgd@8/255") else -300)
    table = Table("t", [0, 1, 2], [Column("d", "test", values=values, seeds=(3,), **kind)])
    write_table(table, path)
    (found,) = read_table(path).columns
    assert same_table(read_table(path), table)
    (meant,) = table.columns
    assert (found.unit, found.direction, found.source) == (meant.unit, meant.direction, meant.source)
    told = json.loads(pq.read_schema(path).metadata[b"robnas"])
    assert told["schema_version"] == (2 if kind == {"metric": "clean"} else 4)
    assert told["columns"][0].keys() >= kind.keys() - {"metric"}
    write_table(read_table(path), path)
    assert same_table(read_table(path), table)


def test_the_source_of_curves_comes_back(path):
    curve = CurveColumn("d", "test", "clean", (1, 2), np.array([[[0.25, 0.5]], [[0.5, 0.75]]]), source="a")
    table = Table("t", [0, 1], [Column("d", "test", "fgsm@255/255", np.array([[0.25], [0.5]]))], curves=[curve])
    write_table(table, path)
    assert [one.source for one in read_table(path).curves] == ["a"]


def test_metrics_of_old_files_get_their_one_spelling(path):
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr("robnas.benchmarks._runs.canonical_metric", lambda key: key)
        write_table(Table("t", [0, 1], [Column("d", "test", "fgsm@1", np.array([[0.25], [0.5]]))]), path)
    assert json.loads(pq.read_schema(path).metadata[b"robnas"])["columns"][0]["metric"] == "fgsm@1"
    assert [column.metric for column in read_table(path).columns] == ["fgsm@255/255"]
    assert read_table(path).peek("000000", dataset="d", metric="fgsm@1", split="test", seed="mean") == 0.25


@pytest.mark.parametrize(
    "wrong", [{"unit": 3}, {"unit": "a b"}, {"direction": "up"}, {"source": 3}, {"source": "a\nb"}, {"unit": "s" * 99}]
)
def test_a_damaged_unit_direction_or_source_is_refused(wrong, path):
    table = Table("t", [1], [Column("d", "test", "time", np.array([[7.0]]), unit="s", direction="minimise")])
    write_table(table, path)
    content = pq.read_table(path)
    told = json.loads(content.schema.metadata[b"robnas"])
    told["columns"][0] |= wrong
    pq.write_table(content.replace_schema_metadata({b"robnas": json.dumps(told)}), path)
    with refused("t.parquet: expected a table written by robnas, got "):
        read_table(path)
