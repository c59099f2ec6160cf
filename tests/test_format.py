"""What docs/format.md says of table files, held against files that robnas writes and read without it."""

import base64
import importlib.util
import json
import re
import shutil
import sys
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robnas._own import load_file
from robnas.benchmarks import BUNDLED, Column, CurveColumn, Table, read_table, write_table
from robnas.errors import DataError
from robnas.spaces import SIZE, Architecture
from robnas.spaces.nas_bench_201 import EDGES, OPERATIONS
from tests.benchmarks.conftest import small_table
from tests.benchmarks.own_spaces import ALL, known, table_of, two_sizes  # noqa: F401
from tests.data.conftest import refused
from tests.test_docs import ROOT, stating, written

PAGE = ROOT / "docs" / "format.md"
TEXT = PAGE.read_text()
BLOCKS = written(PAGE, "py")
PACKAGES = ("mlcroissant", "duckdb", "polars", "pandas")


def block(part):
    """The one block that has this text."""
    (found,) = (code for code in BLOCKS if part in code)
    return found


@pytest.mark.parametrize("code", BLOCKS, ids=[next((name for name in PACKAGES if name in code), "pyarrow")
                                              for code in BLOCKS])  # fmt: skip
@pytest.mark.filterwarnings("ignore")  # of the libraries behind mlcroissant
def test_examples_run_without_robnas(code, tmp_path, monkeypatch):
    for package in PACKAGES:
        if package in code and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    for name in ("digits.parquet", "digits.croissant.json"):
        shutil.copy(BUNDLED["digits"].with_name(name), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "robnas", None)  # an import of it fails
    exec(stating(code), {})


# files of every kind

CURVED = np.array([[[0.25, 0.5, 0.75]] * 2, [[0.5, 0.625, np.nan]] * 2])
LATENCY = {"unit": "ms", "direction": "minimise"}


def published():
    """Integers, seeds, missing values, published indices, a partition, provenance."""
    return small_table(partition="effective", published=np.roll(np.arange(SIZE), 3), provenance={
        "licence": "CC", "nested": [1, None, "é"],
    })  # fmt: skip


def curved():
    """Strings; curves of counts by seed, and of decimals of which the mean alone is known."""
    last = Column("mine", "validation", "clean", [[0.8, np.nan], [0.7, 0.6]], (0, 7), facts={"images": 200, "lr": 0.1})
    texts = ["D1=4,W1=8,D2=4,W2=8,D3=4,W3=8", "D1=5,W1=8,D2=4,W2=8,D3=4,W3=10"]
    curves = [
        CurveColumn("mine", "validation", "clean", (1, 2, 5), CURVED, (0, 7)),
        CurveColumn("mine", "train", "loss", (1, 2, 5), np.pi * CURVED[:, :1], runs=3),
    ]
    return Table("curved", texts, [last], space="wide-resnet", curves=curves)


def joined():
    """A cost, a score and an accuracy of another table, beside one of its own; and curves."""
    columns = [
        Column("d", "test", "clean", [[0.5], [0.25], [np.nan]]),
        Column("d", "test", "clean", [[0.5], [0.25], [0.125]], runs=3, source="other"),
        Column("d", "test", "latency:pixel3", [[5.5], [1e3], [-0.0]], source="costs", **LATENCY),
        Column("d", "test", "synflow", [[1e8], [-3.0], [2.0]], unit="score"),
        Column("d", "test", "depth", [[3.0], [4.0], [5.0]], direction="minimise"),
    ]
    return Table("joined", [7, 3, 10442], columns, curves=[CurveColumn("d", "test", "clean", (1,), [[[0.5]]] * 3)])


def varied():
    """Columns that differ in the weight of the robust loss."""
    betas = {0: [[0.5, 0.75]] * 2, 0.5: [[0.25, np.nan]] * 2}
    columns = [Column("d", "test", "clean", values, (0, 1), beta=beta) for beta, values in betas.items()]
    return Table("varied", [7, 3], columns)


def completed():
    """Texts of which one was measured, one is predicted and one is missing."""
    values = [[0.5, 0.75], [np.nan, np.nan], [np.nan, np.nan]]
    predicted = {"predicted": [np.nan, 0.25, np.nan], "sd": [np.nan, 0.125, np.nan]}
    columns = [Column("mine", "test", "clean", values, (0, 1), **predicted)]
    columns += [Column("mine", "validation", "clean", [[0.5], [np.nan], [0.75]], predicted=[np.nan, 1.0, np.nan])]
    texts = [f"D1=4,W1={width},D2=4,W2=8,D3=4,W3=8" for width in (8, 10, 12)]
    return Table("completed", texts, columns, space="wide-resnet")


OWN = """
from robnas.spaces import SPACES, Gene, Space


def build(arch, num_classes, channels):
    raise NotImplementedError


genes = [Gene("width", (8, 16)), Gene("kind", ("a", "b"))]
SPACES["mine-of-format"] = Space("mine-of-format", genes=genes, build=build)
"""


def of_own_file():
    """A space that a file of one's own defines."""
    column = Column("d", "test", "clean", [[0.5], [0.25]], space="mine-of-format")
    return Table("own", ["width=8,kind=a", "width=16,kind=b"], [column], space="mine-of-format")


MADE = {
    "published": published, "curved": curved, "joined": joined, "two sizes": two_sizes, "own file": of_own_file,
    "varied": varied, "completed": completed,
    **{space: lambda space=space: table_of(ALL[space]) for space in ("toy", "huge", "theory")},
}  # fmt: skip


@pytest.fixture(params=["digits", *MADE])
def file(request, tmp_path, own_files):
    """A table file."""
    if request.param == "digits":
        return BUNDLED["digits"]
    if request.param == "own file":
        (tmp_path / "mine.py").write_text(OWN)
        load_file(tmp_path / "mine.py")
    write_table(MADE[request.param](), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def facts_of(path):
    return json.loads(pq.read_schema(path).metadata[b"robnas"])


def functions(part):
    """What a block of the page defines."""
    names = {}
    exec(block(part), names)
    return names


def plain_values(path, entry):
    """The values of an entry of `columns`, read as the page reads them."""
    table = pq.read_table(path)
    return np.stack([table[name].to_numpy() for name in entry["fields"]], axis=1)


def code_of(number):
    return np.base_repr(number, 5).zfill(6)


# rows and columns


def test_architectures_are_those_of_the_table(file):
    column, table = pq.read_table(file)["architecture"], read_table(file)
    assert column.null_count == 0
    plain = column.to_pylist()
    assert len(set(plain)) == len(plain) == len(table)
    numbers = table.space.name == "nas-bench-201"
    assert tuple(map(code_of, plain) if numbers else plain) == table.texts
    assert pa.types.is_integer(column.type) if numbers else pa.types.is_string(column.type)


def test_digits_are_the_operations_of_the_edges():
    said = re.search(r"operations of the edges (.*?), in this order: (.*?)\. The number (\d+) is `(\d+)`", TEXT)
    edges = re.findall(r"\((\d)→(\d)\)", said[1])
    assert tuple((int(source), int(target)) for source, target in edges) == EDGES
    assert re.findall(r"(\d) `(\w+)`", said[2]) == [(str(place), name) for place, name in enumerate(OPERATIONS)]
    assert code_of(int(said[3])) == said[4] == Architecture(said[4]).code
    assert Architecture(said[4]).index == int(said[3])


def test_values_are_those_of_the_table(file):
    facts, table = facts_of(file), read_table(file)
    assert len(facts["columns"]) == len(table.columns)
    for entry, column in zip(facts["columns"], table.columns, strict=True):
        assert np.array_equal(plain_values(file, entry), column.values, equal_nan=True)
        assert (entry["dataset"], entry["split"], entry["metric"]) == (column.dataset, column.split, column.metric)
        assert (tuple(entry["seeds"]), entry["runs"], entry["facts"]) == (column.seeds, column.runs, column.facts)
        assert (entry.get("unit", ""), entry.get("direction", "maximise")) == (column.unit, column.direction)
        assert entry.get("source", "") == column.source
        assert entry.get("beta") == column.beta
        assert entry.get("space") == column.space or is_bundled(file)
        name = f"{column.source}:{column.dataset}" if column.source else column.dataset
        assert all(field.startswith(f"{name} {column.split} {column.metric}") for field in entry["fields"])
        assert [field.rpartition(" ")[2] for field in entry["fields"]] == [*map(str, column.seeds or ["mean"])]


def test_predicted_values_are_those_of_the_table(file):
    facts, table = facts_of(file), read_table(file)
    for entry, column in zip(facts["columns"], table.columns, strict=True):
        assert ("predicted" in entry) == (column.predicted is not None)
        if "predicted" in entry:
            found = [pq.read_table(file)[name] for name in entry["predicted"]]
            name = entry["fields"][0].rpartition(" ")[0]
            assert entry["predicted"] == [f"{name}:{part}" for part in ("predicted", "sd", "measured")]
            assert [str(one.type) for one in found] == ["double", "double", "bool"]
            predicted, sd, measured = (one.to_numpy() for one in found)
            assert np.array_equal(measured, column.measured)
            assert np.array_equal(predicted, column.predicted, equal_nan=True)
            assert np.array_equal(sd, np.full(len(sd), np.nan) if column.sd is None else column.sd, equal_nan=True)
            mean = np.where(measured, column.measured_mean, predicted)
            assert np.array_equal(mean, column.mean, equal_nan=True)


def test_missing_values_are_null_or_in_earlier_files_nan(file):
    table, facts = pq.read_table(file), facts_of(file)
    for entry in facts["columns"]:
        for name in entry["fields"]:
            missing = int(np.isnan(table[name].to_numpy()).sum())
            assert (str(table[name].type), table[name].null_count) == ("double", 0 if is_bundled(file) else missing)
    for entry in facts.get("curves", ()):
        for name in entry["fields"]:
            assert str(table[name].type) == ("double" if entry["divisor"] is None else "uint16")
            assert not np.isnan(table[name].drop_null().to_numpy().astype(float)).any()


def is_bundled(path):
    """The bundled table was written by an earlier version."""
    return path == BUNDLED["digits"]


def by_pandas(path, fields):
    return pytest.importorskip("pandas").read_parquet(path)[fields].mean(axis=1).to_list()


def by_polars(path, fields):
    polars = pytest.importorskip("polars")
    return polars.read_parquet(path).fill_nan(None).select(polars.mean_horizontal(fields)).to_series().to_list()


def by_duckdb(path, fields):
    runs = ", ".join(f'CASE WHEN isfinite("{name}") THEN "{name}" END' for name in fields)
    rows = pytest.importorskip("duckdb").sql(f"SELECT list_avg([{runs}]) FROM '{path}'").fetchall()
    return [mean for (mean,) in rows]


@pytest.mark.parametrize("reader", [by_pandas, by_polars, by_duckdb])
def test_every_reader_has_the_means_of_the_runs(reader, file):
    for entry, column in zip(facts_of(file)["columns"], read_table(file).columns, strict=True):
        means = [np.nan if mean is None else mean for mean in reader(file, entry["fields"])]
        np.testing.assert_allclose(means, column.measured_mean, rtol=1e-12)


def test_readers_think_differently_of_nan():
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    assert np.isnan(polars.Series([1.0, np.nan, 2.0]).sort(descending=True)[0])
    rows = duckdb.sql("SELECT x FROM (VALUES (1.0::DOUBLE), ('nan'::DOUBLE)) AS t(x) ORDER BY x DESC").fetchall()
    assert np.isnan(rows[0][0])


def test_curves_are_those_of_the_table(file):
    curve, table = functions("def curve(")["curve"], read_table(file)
    entries = facts_of(file).get("curves", [])
    assert len(entries) == len(table.curves)
    for place, (entry, held) in enumerate(zip(entries, table.curves, strict=True)):
        assert np.array_equal(curve(file, place), held.values, equal_nan=True)
        assert (tuple(entry["epochs"]), tuple(entry["seeds"])) == (held.epochs, held.seeds)
        assert [name.rpartition(" ")[2] for name in entry["fields"]] == [
            str(epoch) for _ in held.seeds or ["mean"] for epoch in held.epochs
        ]


def test_columns_without_a_unit_hold_fractions_where_more_is_better(file):
    for entry in facts_of(file)["columns"]:
        if not entry.get("unit") and entry.get("direction", "maximise") == "maximise":
            values = plain_values(file, entry)
            assert (np.isnan(values) | ((values >= 0) & (values <= 1))).all()


def test_how_it_is_packed_does_not_matter(file, tmp_path):
    table = pq.read_table(file)
    turned, other = table.select(table.column_names[::-1]), tmp_path / "packed.parquet"
    pq.write_table(turned, other, compression="gzip", row_group_size=1 + table.num_rows // 3)
    again, before = read_table(other), read_table(file)
    assert again.texts == before.texts
    assert all(
        np.array_equal(one.values, two.values, equal_nan=True)
        for one, two in zip((*again.columns, *again.curves), (*before.columns, *before.curves), strict=True)
    )
    assert functions("def content(")["content"](other) == facts_of(file)["content"]


# metadata


def rows_of(heading, place):
    """Key → the other cells, of a table of a section of the page."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    lines = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in tables[place].splitlines()[2:]]
    return {key.strip("`"): cells for key, *cells in lines}


KINDS = {
    "number": lambda value: type(value) in (int, float),
    "integer": lambda value: type(value) is int,
    "string": lambda value: type(value) is str,
    "string or null": lambda value: value is None or type(value) is str,
    "integer or null": lambda value: value is None or type(value) is int,
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list and all(type(entry) is dict for entry in value),
    "array of integers": lambda value: type(value) is list and all(type(entry) is int for entry in value),
    "array of strings": lambda value: type(value) is list and all(type(entry) is str for entry in value),
    "object of strings and numbers": lambda value: {type(entry) for entry in value.values()} <= {str, int, float, bool},
}


def test_metadata_have_the_keys_and_types_that_the_page_lists(file):
    metadata, facts = pq.read_schema(file).metadata, facts_of(file)
    assert metadata.keys() <= {b"robnas", b"robnas.published"}
    for place, found in [(0, facts), *((1, entry) for entry in (*facts["columns"], *facts.get("curves", ())))]:
        listed = rows_of("Metadata", place)
        assert found.keys() <= listed.keys()
        for key, value in found.items():
            kind, _, version = listed[key]
            assert KINDS[kind](value), (key, value)
            assert int(version) <= facts["schema_version"], key


def test_every_key_of_the_page_is_written_somewhere(tmp_path, own_files):
    (tmp_path / "mine.py").write_text(OWN)
    load_file(tmp_path / "mine.py")
    found = [set(), set()]
    for make in MADE.values():
        write_table(make(), tmp_path / "t.parquet")
        facts = facts_of(tmp_path / "t.parquet")
        found[0] |= facts.keys()
        found[1] |= {key for entry in (*facts["columns"], *facts.get("curves", ())) for key in entry}
    assert found == [set(rows_of("Metadata", place)) for place in (0, 1)]


def test_published_indices_are_read_as_the_page_says(tmp_path):
    write_table(published(), tmp_path / "t.parquet")
    raw = zlib.decompress(base64.b64decode(pq.read_schema(tmp_path / "t.parquet").metadata[b"robnas.published"]))
    assert np.array_equal(np.frombuffer(raw, "<i2"), published().published)
    assert "as 15,625 little-endian integers of 16 bits" in TEXT
    assert len(raw) == 2 * 15_625 == 2 * SIZE


# versions


def test_a_file_is_of_the_lowest_version_that_holds_its_table(tmp_path):
    versions = {}
    for name, table in {
        "plain": table_of(ALL["theory"]), "published": published(), "curves": curved(), "source": joined(),
        "unit": Table("t", [0], [Column("d", "test", "latency:pixel3", [[5.5]], **LATENCY)]),
        "betas": varied(), "predicted": completed(),
    }.items():  # fmt: skip
        write_table(table, tmp_path / "t.parquet")
        versions[name] = facts_of(tmp_path / "t.parquet")["schema_version"]
    assert versions == {"plain": 2, "published": 4, "curves": 3, "source": 4, "unit": 4, "betas": 5, "predicted": 5}
    assert [int(version) for version in rows_of("Versions", 0)] == [1, 2, 3, 4, 5]


def test_a_file_of_version_1_is_read_and_said_to_be_unverified(tmp_path, caplog):
    column = {"dataset": "d", "split": "test", "metric": "clean", "seeds": [], "runs": 3, "fields": ["v"]}
    facts = {"schema_version": 1, "name": "t", "partition": None, "provenance": {}, "columns": [column]}
    assert facts.keys() <= {key for key, cells in rows_of("Metadata", 0).items() if cells[2] == "1"}
    assert column.keys() <= {key for key, cells in rows_of("Metadata", 1).items() if cells[2] == "1"}
    write_plain(tmp_path / "t.parquet", facts, {"architecture": [10442, 0], "v": [0.5, np.nan]})
    table = read_table(tmp_path / "t.parquet")
    assert (table.texts, table.space.name) == (("313232", "000000"), "nas-bench-201")
    assert "unverified" in caplog.text
    assert "unverified" in table.provenance


def write_plain(path, facts, arrays):
    metadata = {b"robnas": json.dumps(facts).encode()}
    pq.write_table(pa.table(arrays).replace_schema_metadata(metadata), path)


def test_an_unknown_version_is_refused(tmp_path):
    for version in (0, 6):
        write_plain(tmp_path / "t.parquet", {"schema_version": version}, {"architecture": [0]})
        with refused("expected schema version 2, 3, 4 or 5, got", DataError):
            read_table(tmp_path / "t.parquet")


def test_the_bundled_table_is_what_the_page_says():
    facts, table = facts_of(BUNDLED["digits"]), read_table(BUNDLED["digits"])
    assert f"its architectures are of `{table.space_key}`" in TEXT
    assert ("space" in facts) == ("was written before files named their space" not in TEXT)


# the hash


def test_the_hash_is_computed_without_robnas(file):
    assert functions("def content(")["content"](file) == facts_of(file)["content"]


def test_the_hash_sees_every_number_and_fact(tmp_path):
    content = functions("def content(")["content"]
    write_table(published(), tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    said = facts_of(tmp_path / "t.parquet")["content"]
    place = table.column_names.index("cifar10 test clean 1")
    values = table.column(place).to_numpy().copy()
    values[0] = np.nextafter(values[0], 1)
    changed = table.set_column(place, table.column_names[place], pa.array(values))
    renamed = json.loads(table.schema.metadata[b"robnas"])
    renamed["provenance"]["licence"] = "none"
    for number, one in enumerate(
        (changed, table.replace_schema_metadata({**table.schema.metadata, b"robnas": json.dumps(renamed).encode()}))
    ):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(one, path)
        assert content(path) != said
        with refused("expected the content that was written, got other content: the file is damaged", DataError):
            read_table(path)


# what is refused


ONE = {"dataset": "d", "split": "test", "metric": "clean", "seeds": [], "runs": 1, "fields": ["v"]}


@pytest.mark.parametrize(
    ("entry", "arrays"),
    [
        ({}, {"architecture": [0, 1], "v": [True, False]}),
        ({}, {"architecture": [0, 1], "v": ["0.5", "0.6"]}),
        ({}, {"architecture": [0, 1], "v": [0.5, 1.5]}),
        ({}, {"architecture": [0, None], "v": [0.5, 0.5]}),
        ({}, {"architecture": [0, 0], "v": [0.5, 0.5]}),
        ({}, {"architecture": [0, SIZE], "v": [0.5, 0.5]}),
        ({"metric": "m" * 201}, {"architecture": [0, 1], "v": [0.5, 0.5]}),
        ({"dataset": "d\n"}, {"architecture": [0, 1], "v": [0.5, 0.5]}),
        ({"seeds": [0, 1]}, {"architecture": [0, 1], "v": [0.5, 0.5]}),
    ],
    ids=["bool", "text", "outside", "missing", "twice", "not of the space", "long", "line feed", "seeds"],
)  # fmt: skip
def test_what_the_page_says_is_refused_is_one_line(entry, arrays, tmp_path):
    facts = {"schema_version": 1, "name": "t", "partition": None, "provenance": {}, "columns": [{**ONE, **entry}]}
    write_plain(tmp_path / "t.parquet", facts, arrays)
    with refused(f"^{tmp_path / 't.parquet'}: expected ", DataError):
        read_table(tmp_path / "t.parquet")
