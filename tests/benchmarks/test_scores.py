import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robnas.benchmarks import Scores, read_scores, write_table
from robnas.errors import DataError, InputError
from tests.benchmarks.conftest import small_table

CODES = ("000000", "323133", "444444")
MEANS = np.array([[np.nan, 1.0], [103.0, 2.0], [74.5, -3.0]])
ERRORS = np.array([[np.nan, np.nan], [0.5, np.nan], [0.25, np.nan]])


def some(**changes):
    given = {
        "codes": CODES, "names": ("nwot", "plain"), "means": MEANS, "standard_errors": ERRORS,
        "reasons": {("000000", "nwot"): "there is no ReLU"}, "settings": {"data": "digits", "images": 12},
    }  # fmt: skip
    return Scores(**(given | changes))


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "scores.parquet"
    scores = some()
    scores.write(str(path))
    found = read_scores(path)
    assert (found.codes, found.names, found.reasons) == (scores.codes, scores.names, scores.reasons)
    assert found.settings == scores.settings
    np.testing.assert_array_equal(found.means, MEANS)
    np.testing.assert_array_equal(found.standard_errors, ERRORS)
    assert pq.read_schema(path).names == ["architecture", "nwot", "nwot:standard_error", "nwot:reason", "plain"]


def test_columns_by_name_and_by_code():
    scores = some()
    np.testing.assert_array_equal(scores.column("plain"), [1.0, 2.0, -3.0])
    assert scores.by_code("nwot") == {"323133": 103.0, "444444": 74.5}
    np.testing.assert_array_equal(scores.at(["444444", "111111", "000000"], "nwot"), [74.5, np.nan, np.nan])
    with pytest.raises(InputError, match=r"score: expected one of nwot, plain, got 'nwott'; did you mean nwot\?"):
        scores.column("nwott")


def test_long_reasons_are_kept_as_one_short_line(tmp_path):
    some(reasons={("000000", "nwot"): "a\nb" + 300 * "x"}).write(tmp_path / "scores.parquet")
    (reason,) = read_scores(tmp_path / "scores.parquet").reasons.values()
    assert reason.startswith("a bxxx")
    assert len(reason) == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"codes": ()}, "scores: expected at least one architecture and one name"),
        ({"means": MEANS[:2]}, r"scores, means: expected shape \(3, 2\), numbers or nan, got shape \(2, 2\)"),
        ({"means": np.full((3, 2), np.inf)}, "got infinite values"),
        ({"names": ("nwot", "a:b")}, "name of a score: expected text without a colon"),
        ({"names": ("nwot", "architecture")}, "name of a score: expected text without a colon"),
        ({"names": ("nwot", "nwot")}, "scores, names: expected each once, got nwot twice"),
        ({"codes": ("000000", "323133", "323133")}, "scores, codes: expected each once, got 323133 twice"),
        ({"codes": ("000000", "323133", "999999")}, "architecture"),
    ],
)
def test_what_is_no_score_is_refused(changes, text):
    with pytest.raises(InputError, match=text):
        some(**changes)


def other_parquet(path):
    pq.write_table(pa.table({"architecture": ["323133"], "nwot": [1.0]}), path)


def newer(path):
    some().write(path)
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[b"robnas.scores"]) | {"schema_version": 3}
    pq.write_table(table.replace_schema_metadata({b"robnas.scores": json.dumps(facts)}), path)


def column_of_text(path):
    some().write(path)
    table = pq.read_table(path)
    text = table.set_column(1, "nwot", pa.array(["a", "b", "c"])).replace_schema_metadata(table.schema.metadata)
    pq.write_table(text, path)


def huge_text(path):
    some().write(path)
    table = pq.read_table(path)
    place = table.schema.get_field_index("nwot:reason")
    text = table.set_column(place, "nwot:reason", pa.array(3 * [10**6 * "x"]))
    pq.write_table(text.replace_schema_metadata(table.schema.metadata), path)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda path: None, "expected a file of scores, got nothing; robnas score --all"),
        (lambda path: path.write_text("architecture,nwot"), "expected a file of scores, got ArrowInvalid"),
        (lambda path: write_table(small_table(), path), "expected a file of scores, got another Parquet file; robnas"),
        (other_parquet, "got another Parquet file"),
        (newer, "expected schema version 2, got 3; read it with the robnas that wrote it"),
        (column_of_text, "got ValueError .column 'nwot' of type"),
        (huge_text, "got InputError .name: expected at most 200 printable characters"),
    ],
)
def test_another_file_is_one_clear_line(tmp_path, write, text):
    path = tmp_path / "scores.parquet"
    write(path)
    with pytest.raises(DataError, match=text) as error:
        read_scores(path)
    assert "\n" not in str(error.value)
