"""A file with a flipped bit says what it said before, or is refused; so is one that lost its hash, or its version."""

import json
import random
import zlib

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from robnas._arrays import read_arrays, write_arrays
from robnas._content import digest
from robnas.benchmarks import Column, CurveColumn, Scores, Table, read_scores, read_table, write_table
from robnas.building import TRIAL, Source, Trial, load_trial
from robnas.building._trial import load_described
from robnas.cli import main
from robnas.data import load_data
from robnas.errors import DataError, InputError
from robnas.explorer import build_site, read_searches
from robnas.proxies._journal import Journal
from robnas.reports import report_of, write_search_report
from robnas.reports._search_report import read_results
from robnas.search import Experiment, RandomSearch, Repetitions, Task
from robnas.spaces import Architecture
from robnas.training import Recipe, _checkpoint

FLIPS = 80


def table():
    rng = np.random.default_rng(0)
    values = np.round(rng.random((3, 2)), 3)
    values[1, 0] = np.nan
    columns = [
        Column("d", "test", "clean", values, (1, 2), facts={"images": 360}),
        Column("d", "test", "pgd@8/255", values[:, 1:]),
    ]
    return Table("small", [5, 9, 77], columns, provenance={"licence": "CC", "seeds": [1, 2]})


def curved():
    values = np.random.default_rng(0).integers(0, 21, (3, 2, 3)) / 20
    values[1, 0, 2] = np.nan
    curves = [
        CurveColumn("d", "validation", "clean", (1, 2, 4), values, (1, 2), facts={"images": 20}),
        CurveColumn("d", "train", "loss", (1, 2, 4), 3 - values / 3, (1, 2)),
    ]
    return Table("curved", [5, 9, 77], table().columns, curves=curves)


def scores():
    means = np.array([[np.nan, 1.0], [103.0, 2.0]])
    why = {("000000", "nwot"): "there is no ReLU"}
    return Scores(("000000", "323133"), ("nwot", "plain"), means, means / 8, why, {"data": "digits", "images": 12})


def says(found):
    """Everything in a table or scores, to compare."""
    if isinstance(found, Scores):
        facts = [found.codes, found.names, sorted(map(str, found.reasons.items())), found.settings, found.verified]
        return digest("", facts, [found.means, found.standard_errors])
    facts = [found.name, found.partition, found.provenance]
    measured = [*found.columns, *found.curves]
    facts += [[one.dataset, one.split, one.metric, one.seeds, one.runs, dict(one.facts)] for one in measured]
    facts += [one.epochs for one in found.curves]
    return digest("", facts, [found.rows, *(one.values for one in measured)])


def trial():
    return Trial(architecture=Architecture("323133"), source=Source(name="digits"), recipe=Recipe.digits(), seed=1)


def state():
    tensors = {"weights": torch.linspace(0, 1, 40).view(5, 8), "count": torch.tensor(3), "none": torch.zeros(0)}
    history = [{"epoch": 1, "loss": 0.1 + 0.2, "robust_accuracy": None}]
    return {"network": tensors, "optimizer": {"velocities": [torch.ones(3)]}, "history": history}


JOURNAL = {"proxies": ["nwot"], "data": "digits"}


def written_journal(path):
    journal = Journal(path.with_name("scores.parquet"), JOURNAL)
    for code, value in (("000000", 1.5), ("323133", 0.1)):
        line = {"architecture": code, "scores": {"nwot": {"values": [value], "reason": ""}}}
        journal._write(line)
    journal.close(finished=False)
    path.with_name("scores.parquet.part").replace(path)


def read_journal(path):
    place = path.with_name("scores.parquet.part")
    place.write_bytes(path.read_bytes())
    journal = Journal(path.with_name("scores.parquet"), JOURNAL)
    journal.close(finished=True)
    return journal.known


@pytest.fixture(scope="module")
def experiment():
    task = Task.named(table(), "d", "clean", split="test")
    return Experiment.of({"random-search": RandomSearch()}, [task], Repetitions(3, 2))


FORMATS = {
    "table": (lambda path: write_table(table(), path), lambda path: says(read_table(path))),
    "curves": (lambda path: write_table(curved(), path), lambda path: says(read_table(path))),
    "scores": (lambda path: scores().write(path), lambda path: says(read_scores(path))),
    "checkpoint": (
        lambda path: _checkpoint.save(path, {"seed": 1}, state()),
        lambda path: _checkpoint._digest(_checkpoint.load(path, "cpu")),
    ),
    "arrays": (
        lambda path: write_arrays(path, "k", {"a": np.arange(300, dtype=np.uint16)}),
        lambda path: read_arrays(path, "k", "a")[0].tolist(),
    ),
    "trial": (
        lambda path: trial()._describe(path.parent, load_data("digits")) or (path.parent / TRIAL).replace(path),
        lambda path: path.replace(path.with_name(TRIAL)) and load_described(path.parent),
    ),
    "journal": (written_journal, read_journal),
}


def outcome(read, path):
    """What the file says, or that it is refused in one line."""
    try:
        return read(path)
    except InputError as error:
        text = str(error)
    assert text.isprintable(), text
    assert str(path.parent) in text
    return "refused"


def flipped(content, bits):
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(changed)


def marks(content):
    """Bits of the places that say which version a file has, and that it has a hash."""
    for mark in (b"version", b'"content"', b"robnas", b" sha256", b"format"):
        place = content.find(mark)
        if place >= 0:
            yield from range(8 * (place - 2), 8 * (place + len(mark) + 6))


@pytest.mark.parametrize("name", FORMATS)
def test_no_flipped_bit_gives_another_content(name, tmp_path, caplog):
    write, read = FORMATS[name]
    path = tmp_path / "file"
    write(path)
    content, refused = path.read_bytes(), 0
    right = read(path)
    drawn = random.Random(0).sample(range(8 * len(content)), FLIPS)
    for bit, changed in flipped(content, [*drawn, *marks(content)]):
        path.write_bytes(changed)
        found = outcome(read, path)
        # a journal whose last line is cut short computes that architecture again
        computed_again = name == "journal" and found != "refused" and found.items() < right.items()
        assert found in ("refused", right) or computed_again, f"bit {bit} of {name}"
        refused += found == "refused"
    assert refused > FLIPS / 3
    assert "unverified" not in caplog.text, "a new file was taken for one of an earlier version"


def test_no_flipped_bit_gives_other_results(experiment, tmp_path, caplog):
    """Nor may one leave out a result without a word."""
    write_search_report(list(experiment.run(out=tmp_path / "results")), tmp_path / "whole")
    kept = next((tmp_path / "results").iterdir())
    for path, read in (
        (tmp_path / "whole" / "results.json", lambda path: [one.to_dict() for one in read_results(path).results]),
        (tmp_path / "whole" / "results.json", lambda path: [r.to_dict() for r in read_searches(path.parent, [])]),
        (kept, lambda path: [replay.to_dict() for replay in read_searches(path.parent, [])]),
    ):
        content, right = path.read_bytes(), read(path)
        drawn = random.Random(0).sample([*range(8 * len(content)), *20 * list(marks(content))], FLIPS // 2)
        for bit, changed in flipped(content, drawn):
            path.write_bytes(changed)
            assert outcome(read, path) in ("refused", right), f"bit {bit} of {path}"
        path.write_bytes(content)
    assert "unverified" not in caplog.text


def test_a_damaged_result_is_made_again(experiment, tmp_path):
    (result,) = experiment.run(out=tmp_path)
    path = next(tmp_path.iterdir())
    for change in ({"budget": 7}, {"content": "0"}, {"format": 3}):
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        (again,) = experiment.run(out=tmp_path)
        assert again.to_dict() == result.to_dict()
        assert json.loads(path.read_text())["budget"] == 3


def test_the_manifest_of_the_explorer_has_the_checksum_of_every_file():
    site = build_site([("small", table())], [("scores", scores())])
    manifest = json.loads(site["data/manifest.json"])
    assert manifest["files"] == {
        name: zlib.crc32(content) for name, content in site.items() if name != "data/manifest.json"
    }


# a lossless rewrite


@pytest.mark.parametrize(
    "settings",
    [
        {"compression": "gzip"},
        {"compression": "none", "use_dictionary": False},
        {"row_group_size": 1},
        {"data_page_version": "2.0", "write_statistics": False},
        {"version": "1.0"},
    ],
)
@pytest.mark.parametrize("name", ["table", "scores"])
def test_a_file_that_was_only_packed_again_is_read(name, settings, tmp_path):
    write, read = FORMATS[name]
    path = tmp_path / "file"
    write(path)
    right = read(path)
    pq.write_table(pq.read_table(path), path, **settings)
    assert read(path) == right


def test_the_types_of_what_was_given_are_no_content(tmp_path):
    for kind in (np.uint16, np.int32, np.float32):
        rows, order = np.array([1, 2], np.uint16), np.arange(15_625).astype(np.int32 if kind == np.float32 else kind)
        values = np.array([[0.5], [0.25]], np.float32).astype(kind if kind == np.float32 else np.float64)
        given = Table("t", rows, [Column("d", "test", "clean", values)], published=order)
        write_table(given, tmp_path / "t.parquet")
        assert np.array_equal(read_table(tmp_path / "t.parquet").published, order)


@pytest.mark.parametrize("name", ["table", "scores"])
def test_the_order_of_columns_and_chunks_is_no_content(name, tmp_path):
    import pyarrow as pa

    write, read = FORMATS[name]
    path = tmp_path / "file"
    write(path)
    right, whole = read(path), pq.read_table(path)
    pq.write_table(pa.concat_tables([whole[:1], whole[1:]]).select(whole.column_names[::-1]), path)
    assert read(path) == right


def test_a_table_with_other_rows_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(table(), path)
    whole = pq.read_table(path)
    for changed in (whole[:2], whole.take([1, 0, 2])):
        pq.write_table(changed, path)
        with pytest.raises(DataError, match="expected the content that was written, got other content: the file is"):
            read_table(path)


def test_the_sign_of_zero_is_content_and_the_kind_of_nan_is_not():
    other = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    assert digest("k", 1, [np.array([np.nan])]) == digest("k", 1, [other])
    assert digest("k", 1, [np.array([0.0])]) != digest("k", 1, [np.array([-0.0])])
    assert digest("k", {"a": 1, "b": 2}) == digest("k", {"b": 2, "a": 1})
    assert digest("k", 1, [np.arange(3, dtype=">i4")]) == digest("k", 1, [np.arange(3, dtype="<i4")])
    assert digest("k", 1, [np.arange(4)]) != digest("k", 1, [np.arange(4).reshape(2, 2)])
    assert digest("k", 1, [np.arange(4)[::2]]) == digest("k", 1, [np.array([0, 2])])


# files of the version before, which has no hash


def without_hash(path, key, version):
    """A Parquet file as the version before wrote it."""
    whole = pq.read_table(path)
    facts = json.loads(whole.schema.metadata[key])
    del facts["content"]
    facts["schema_version"] = version
    pq.write_table(whole.replace_schema_metadata({key: json.dumps(facts)}), path)


def test_a_table_of_version_1_says_that_it_is_unverified(tmp_path, caplog, capsys):
    path = tmp_path / "t.parquet"
    write_table(table(), path)
    without_hash(path, b"robnas", 1)
    found = read_table(path)
    assert found.provenance.pop("unverified") == "written by an earlier version, without a hash of its content"
    assert says(found) == says(table())
    assert f"{path}: unverified: written by an earlier version" in caplog.text
    with pytest.raises(SystemExit):
        main(["tables", str(path)])
    assert "unverified: written by an earlier version" in capsys.readouterr().out
    assert "unverified" in str(report_of(path).facts["provenance"])


def test_scores_of_version_1_are_unverified(tmp_path, caplog):
    path = tmp_path / "s.parquet"
    scores().write(path)
    assert read_scores(path).verified
    without_hash(path, b"robnas.scores", 1)
    assert not read_scores(path).verified
    assert f"{path}: unverified" in caplog.text


@pytest.mark.parametrize(("write", "key", "name"), [("table", b"robnas", "t"), ("scores", b"robnas.scores", "s")])
def test_a_new_file_without_its_hash_is_refused(write, key, name, tmp_path):
    write, read = FORMATS[write]
    path = tmp_path / name
    write(path)
    without_hash(path, key, 2)
    with pytest.raises(DataError, match="KeyError"):
        read(path)


def test_a_checkpoint_of_version_1_is_said_to_be_unverified(tmp_path, caplog):
    path = tmp_path / "checkpoint.pt"
    torch.save({"version": 1, "identity": {"seed": 1}, **state()}, path)
    found = _checkpoint.load(path, "cpu")
    assert torch.equal(found["network"]["weights"], state()["network"]["weights"])
    assert f"{path}: unverified" in caplog.text


def test_a_trial_of_version_1_is_said_to_be_unverified(tmp_path, caplog):
    (tmp_path / TRIAL).write_text(json.dumps(trial().to_dict()))
    assert load_trial(tmp_path) == trial()
    assert "unverified" in caplog.text


def test_unfinished_scores_of_version_1_go_on(tmp_path, caplog):
    part = tmp_path / "scores.parquet.part"
    row = {"architecture": "323133", "scores": {"nwot": {"values": [1.5], "reason": ""}}}
    part.write_text(json.dumps({"settings": JOURNAL}) + "\n" + json.dumps(row) + "\n")
    journal = Journal(tmp_path / "scores.parquet", JOURNAL)
    journal.close(finished=True)
    assert journal.known["323133"]["nwot"].mean == 1.5
    assert "unverified" in caplog.text


# what is bundled


def test_the_bundled_files_say_what_they_said_before_they_had_hashes():
    from robnas.benchmarks import load
    from robnas.spaces import PARTITIONS, partition

    found = load("digits")
    arrays = [found.rows, *(column.values for column in found.columns)]
    assert digest("x", found.provenance, arrays) == "dd759f2c92b739f774be0f38181590f0532e6e932c08a6d94fe4770df9f31bf9"
    assert load_data("digits").content_hash.startswith(found.columns[0].facts["dataset_version"])
    classes = [partition(name, version=1).class_of for name in PARTITIONS]
    assert digest("x", None, classes) == "defb7a788fadd0ddb9eddf969f47fae84f05ef20158f76f0f66289039cb54144"
