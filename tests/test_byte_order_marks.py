"""Text files that spreadsheets and editors of Windows begin with a byte order mark."""

import codecs

import pytest

from robnas.building import Plan
from robnas.errors import DataError
from robnas.search import Experiment
from robnas.search._proxy import _mapping
from robnas.spaces import SPACES
from tests.building.test_plan import TEXT as PLAN
from tests.search.test_repeat import TOML as EXPERIMENT
from tests.search.test_repeat import loaded  # noqa: F401


def with_mark(path, text, end="\n"):
    path.write_bytes(codecs.BOM_UTF8 + text.replace("\n", end).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_scores_may_begin_with_a_mark(tmp_path, end):
    wanted = {"000014": 1.5, "323133": -2.0}
    csv = "architecture,score\n000014,1.5\n|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|" \
          "nor_conv_3x3~1|nor_conv_3x3~2|,-2\n"  # fmt: skip
    assert _mapping(with_mark(tmp_path / "scores.csv", csv, end), SPACES["nas-bench-201"]) == wanted
    json = with_mark(tmp_path / "scores.json", '{"000014": 1.5,\n"323133": -2}', end)
    assert _mapping(json, SPACES["nas-bench-201"]) == wanted


def test_codes_that_a_spreadsheet_made_numbers_are_refused(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("architecture,score\n14,1.5\n323133,2\n")
    with pytest.raises(DataError, match=r"scores.csv: expected scores: .* got InputError"):
        _mapping(path, SPACES["nas-bench-201"])


def test_an_architecture_with_two_scores_is_refused(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("architecture,score\n323133,1.5\n000000,2\n323133,3\n")
    with pytest.raises(DataError, match=r"scores.csv: expected each architecture once, got 3 lines of 2"):
        _mapping(path, SPACES["nas-bench-201"])


def test_plans_and_experiments_may_begin_with_a_mark(tmp_path, loaded):  # noqa: F811
    (tmp_path / "plain.toml").write_text(PLAN)
    assert Plan.read(with_mark(tmp_path / "plan.toml", PLAN, "\r\n")) == Plan.read(tmp_path / "plain.toml")
    found = Experiment.read(with_mark(tmp_path / "experiment.toml", EXPERIMENT, "\r\n"))
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    assert found.repetitions == Experiment.read(tmp_path / "experiment.toml").repetitions
