import json

import pytest

from robnas.records import RecordStore
from tests.reports.test_report import RECORDS
from tests.test_cli import robnas


@pytest.fixture
def store(tmp_path):
    with RecordStore(f"sqlite:///{tmp_path}/runs.db") as store:
        store.add(RECORDS)
    return str(tmp_path / "runs.db")


def test_a_report_is_written_and_its_path_printed(store, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert robnas(capsys, "report", store) == (0, "report  report.html\n", "")
    assert "48.1 ±0.5" in (tmp_path / "report.html").read_text()
    code, out, _ = robnas(capsys, "report", f"sqlite:///{store}", "--out", "page.md", "--rank-by", "clean", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["kind"] == "store"
    assert facts["files"] == ["page.md"]
    assert facts["table"]["splits"][0]["ranked_by"] == "clean"
    assert "NaN" not in out
    assert (tmp_path / "page.md").read_text().startswith("# Report of runs\n")
    assert "document as well." in " ".join(robnas(capsys, "report", "--help")[1].replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("STORE", "--out", "x.pdf"), "--out: expected a file ending in .html, .htm or .md, got 'x.pdf'"),
        (("STORE", "--out", "."), "--out: expected a file ending in .html, .htm or .md, got '.'"),
        (("STORE", "--rank-by", "pgd@9"), "--rank-by: expected one of clean, pgd@8/255, autoattack@8/255, got 'pgd@9'"),
        (("STORE", "--plan", "x"), "plan: expected a store in which a plan was built, got no plan"),
        (("STORE", "--recipe", "x"), "recipe: expected the name or beginning of one hash among rrrrrrrr, got 'x'"),
        (("STORE", "--plan", "x", "--images", "3"), "plan: expected a store in which a plan was built"),
        (("none.db",), "none.db: expected a store of records, got nothing"),
        (("sqlite:///none.db",), "none.db: expected a store of records, got nothing"),
        (("none.parquet",), "none.parquet: expected a table file, got nothing"),
        (("nonsense",), "table: expected one of "),
        (("none.json",), "none.json: expected the results.json that robnas search --out DIR writes, got nothing"),
        ((".",), "results.json: expected the results.json that robnas search --out DIR writes, got nothing"),
        ((".", "--rank-by", "clean"), "report of a search: expected no choice of metrics or records, got '.'"),
        (("run",), "run/results.json: expected the results.json"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(store, tmp_path, capsys, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trial.json").write_text("{}")
    code, out, err = robnas(capsys, "report", *(store if word == "STORE" else word for word in arguments))
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "runs.db"]
    assert ("robnas evaluate" in err) == (arguments == ("run",))
