"""Rows of experiments that go on where they were interrupted."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from journal import kept_rows


def test_a_line_that_a_kill_has_cut_off_is_asked_for_again_and_loses_no_later_one(tmp_path):
    file = tmp_path / "rows.jsonl"
    assert kept_rows(file) == []
    for cut in ('{"a"', '{"a": 2}'):
        file.write_text('{"a": 1}\n' + cut)
        assert kept_rows(file) == [{"a": 1}]
        with file.open("a") as stream:
            stream.write(json.dumps({"a": 2}) + "\n")
        assert kept_rows(file) == [{"a": 1}, {"a": 2}]
