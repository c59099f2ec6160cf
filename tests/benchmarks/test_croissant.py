"""The description of a table file in Croissant says what the file holds; mlcroissant, where it is there, reads both."""

import hashlib
import json
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from robnas.benchmarks import BUNDLED, Column, CurveColumn, Table, load, write_croissant, write_table
from robnas.benchmarks._croissant import croissant
from robnas.errors import DataError, InputError
from tests.benchmarks.conftest import small_table
from tests.data.conftest import refused
from tests.test_cli import robnas

ODD = 'ä "b" <c> {d} #e %20 \\f\''


def of_texts():
    """Texts, curves of whole counts and of decimals, values that are missing, names that no identity may have."""
    last = Column(ODD, "validation", "clean", [[0.8, np.nan], [0.7, 0.6]], (0, 7))
    drawn = np.array([[[0.25, 0.5]] * 2, [[0.5, np.nan]] * 2])
    curves = [
        CurveColumn(ODD, "validation", "clean", (1, 3), drawn, (0, 7), facts={"images": 200}),
        CurveColumn(ODD, "train", "loss", (1, 3), np.pi * drawn[:, :1], runs=2),
    ]
    texts = ["D1=4,W1=8,D2=4,W2=8,D3=4,W3=8", "D1=5,W1=8,D2=4,W2=8,D3=4,W3=10"]
    return Table("of texts", texts, [last], space="wide-resnet", curves=curves)


def colliding():
    """Two columns whose names differ only in what an identity may not have."""
    columns = [Column(name, "test", "clean", np.full((4, 1), 0.5)) for name in ("a b", "a_b", "a#b")]
    return Table("colliding", range(4), columns)


MADE = {"small": small_table, "texts": of_texts, "colliding": colliding}


@pytest.fixture(params=["digits", *MADE])
def described(request, tmp_path):
    """A table file and its description."""
    if request.param == "digits":
        return BUNDLED["digits"], BUNDLED["digits"].with_name("digits.croissant.json")
    path = tmp_path / "a table.parquet"
    write_table(MADE[request.param](), path)
    return path, write_croissant(path)


def test_the_description_that_comes_with_robnas_is_that_of_the_bundled_table():
    path = BUNDLED["digits"]
    written = json.loads(path.with_name("digits.croissant.json").read_text())
    assert written == croissant(path), "robnas export digits --out src/robnas/benchmarks/digits.croissant.json"
    assert written["license"] == "https://spdx.org/licenses/Apache-2.0.html"
    assert {"citeAs", "datePublished", "version", "description", "name"} <= written.keys()


def test_the_description_fits_the_file(described):
    path, description = described
    said = json.loads(description.read_text())
    (file,) = said["distribution"]
    content = path.read_bytes()
    assert (file["contentUrl"], file["contentSize"]) == (path.name, f"{len(content)} B")
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert said["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    (records,) = said["recordSet"]
    schema = pq.read_schema(path)
    assert sorted(field["source"]["extract"]["column"] for field in records["field"]) == sorted(schema.names)
    identities = [field["@id"] for field in records["field"]]
    assert len(set(identities)) == len(schema.names)
    assert all(re.fullmatch(r"architectures/[\w.@:/=,+*-]+", one) for one in identities)
    first, *others = records["field"]
    texts = str(schema.field("architecture").type) == "string"
    assert (first["name"], first["dataType"]) == ("architecture", "sc:Text" if texts else "sc:Integer")
    assert {field["dataType"] for field in others} == {"sc:Float"}


def test_each_field_is_explained(tmp_path):
    write_table(of_texts(), tmp_path / "t.parquet")
    fields = croissant(tmp_path / "t.parquet")["recordSet"][0]["field"]
    told = {field["name"]: field["description"] for field in fields}
    assert told == {
        "architecture": "Text of the architecture, of the search space wide-resnet.",
        **{f"{ODD} validation clean {seed}": f"clean on split validation of {ODD}: seed {seed}, a fraction in [0, 1]."
           for seed in (0, 7)},
        **{f"{ODD} validation clean {seed} epoch {epoch}": f"clean on split validation of {ODD} after epoch {epoch}: "
           f"seed {seed}, as a whole number, to be divided by 4." for seed in (0, 7) for epoch in (1, 3)},
        **{f"{ODD} train loss mean epoch {epoch}": f"loss on split train of {ODD} after epoch {epoch}: mean of 2 runs, "
           "a number." for epoch in (1, 3)},
    }  # fmt: skip


def test_what_a_table_does_not_say_is_left_out(tmp_path):
    write_table(small_table(provenance={"licence": "CC BY-SA 4.0", "notes": ""}), tmp_path / "t.parquet")
    said = croissant(tmp_path / "t.parquet")
    assert said["license"] == "CC BY-SA 4.0"
    assert said["description"] == "Measurements of architectures of the search space nas-bench-201."
    assert said.keys().isdisjoint({"citeAs", "datePublished", "url"})


def test_a_joined_table_says_it_of_each_source(tmp_path):
    columns = [
        Column("d", "test", "clean", [[0.5]], source="one"),
        Column("d", "test", "latency:pixel3", [[5.5]], source="two", unit="ms", direction="minimise"),
        Column("d", "test", "synflow", [[1e8]], unit="score"),
    ]
    one = {"licence": "MIT", "citation": "A", "date": "2023-01-01"}
    sources = {"one": one, "two": {"licence": "MIT", "notes": "N"}}
    write_table(Table("joined", [0], columns, provenance=sources), tmp_path / "t.parquet")
    said = croissant(tmp_path / "t.parquet")
    assert (said["license"], said["citeAs"], said["description"]) == ("MIT", "one: A", "two: N")
    assert "datePublished" not in said
    assert [field["description"] for field in said["recordSet"][0]["field"][1:]] == [
        "clean on split test of d, from one: one run, a fraction in [0, 1].",
        "latency:pixel3 on split test of d, from two: one run, in ms, lower is better.",
        "synflow on split test of d: one run, in score, higher is better.",
    ]


def test_only_table_files_are_described(tmp_path):
    with refused("table file: expected a name that ends in .parquet, got", InputError):
        write_croissant(tmp_path / "t.csv")
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with refused("expected a table written by robnas", DataError):
        write_croissant(tmp_path / "t.parquet")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == []


def test_export_writes_the_table_beside_its_description(tmp_path, capsys):
    out = tmp_path / "new" / "d.croissant.json"
    assert robnas(capsys, "export", "digits", "--out", str(out))[0] == 0
    assert json.loads(out.read_text())["distribution"][0]["contentUrl"] == "d.parquet"
    assert len(load(out.with_name("d.parquet"))) == 6466
    before = out.with_name("d.parquet").stat().st_mtime_ns
    code, _, err = robnas(capsys, "export", str(out.with_name("d.parquet")), "--out", str(out))
    assert (code, out.with_name("d.parquet").stat().st_mtime_ns) == (0, before), err
    for words in (("digits",), (str(out.with_name("d.parquet")), "--dataset", "digits")):
        code, _, err = robnas(capsys, "export", *words, "--out", str(out))
        assert code == 2
        assert f"{out.with_name('d.parquet')}: expected {words[0]} itself, or no file, got another file" in err


@pytest.mark.filterwarnings("ignore")  # of the libraries behind mlcroissant
def test_mlcroissant_validates_the_description_and_loads_the_records(described, monkeypatch, tmp_path):
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path))
    mlcroissant = pytest.importorskip("mlcroissant")
    path, description = described
    dataset = mlcroissant.Dataset(jsonld=str(description))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert all("recommended" in text for text in issues.warnings)
    assert not issues.warnings or path.name != "digits.parquet"
    held = pq.read_table(path)
    fields = json.loads(Path(description).read_text())["recordSet"][0]["field"]
    records = list(islice(dataset.records("architectures"), 40))
    assert len(records) == min(40, held.num_rows)
    for field in fields:
        column = held.column(field["name"]).to_pylist()
        for found, value in zip(records, column, strict=False):
            one = found[field["@id"]]
            one = one.decode() if isinstance(one, bytes) else one
            assert one == value or ((value is None or value != value) and (one is None or one != one)), field["name"]
