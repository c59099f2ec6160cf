"""Plans that need a file of one's own: it is imported by the plan, by its workers, and must stay what it was."""

import json
import sys

import pytest

from robnas._own import load_file, loaded
from robnas.building import EXECUTORS, Plan, enrol, expand
from robnas.errors import InputError, StoreError
from robnas.records import RecordStore, TrialQueue, stored_plans
from tests.building.test_plan import SIZES, TEXT, values
from tests.building.trainers import trials

pytestmark = pytest.mark.usefixtures("own_files")

TRAINER = """
from dataclasses import dataclass
from robnas.records import Outcome

@dataclass(frozen=True)
class Mine:
    def prepare(self):
        pass

    def __call__(self, trial):
        return Outcome((), {}, (f"{__name__} did {trial.architecture}",))
"""


def written(folder, text="from robnas.types import NORMS\nNORMS['mine'] = 1.0\n", entry='["mine.py"]'):
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").write_text(text)
    (folder / "plan.toml").write_text(f"imports = {entry}\n{TEXT}")
    return folder / "plan.toml"


def expanded(plan, dataset_hash="d" * 16):
    return expand(plan, dataset_hash, SIZES)


def test_a_plan_imports_files_relative_to_itself_before_it_looks_names_up(tmp_path):
    path = written(tmp_path / "plans")
    path.write_text(path.read_text().replace('norm = "l2"', 'norm = "mine"'))
    plan = Plan.read(path)
    assert [(own.path, own.name) for own in plan.imports] == [(str(tmp_path / "plans" / "mine.py"), "mine.py")]
    assert plan.measuring.suite.attacks[1].threat.norm == "mine"


def test_a_plan_says_names_and_contents_and_is_read_back(tmp_path):
    plan = Plan.read(written(tmp_path))
    (own,) = loaded()
    plain = json.loads(json.dumps(plan.to_dict()))
    assert plain["imports"] == [{"file": "mine.py", "hash": own.hash}]
    assert Plan.from_dict(plain) == plan
    without = Plan.from_dict({key: value for key, value in plain.items() if key != "imports"})
    assert expanded(plan).hash == expanded(without).hash


def test_a_plan_without_files_is_what_it_was():
    assert "imports" not in Plan.from_dict(values()).to_dict()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('["none.py"]', "import of none.py: expected a Python file, got no such file; give the path of the file, rel"),
        ('"mine.py"', r"imports of .*plan.toml: expected a list of Python files, such as .*, got 'mine.py'"),
        ("[3]", r"imports of .*plan.toml: expected a list of Python files, such as .*, got \[3\]"),
        ('["bad.py"]', r"import of .*bad.py, line 2: .* got ZeroDivisionError"),
    ],
)
def test_wrong_entries_are_one_line(tmp_path, entry, said):
    (tmp_path / "bad.py").write_text("\n1/0\n")
    with pytest.raises(InputError, match=said):
        Plan.read(written(tmp_path, entry=entry))


def test_a_name_of_a_file_that_is_not_imported_says_how_to_give_it(tmp_path):
    path = written(tmp_path, entry="[]")
    path.write_text(path.read_text().replace('norm = "l2"', 'norm = "mine"'))
    with pytest.raises(InputError, match=r"threat model norm: .*'mine'; if it is your own, give its file with"):
        Plan.read(path)


def test_a_store_refuses_a_file_that_has_changed_since(tmp_path, url, monkeypatch):
    from robnas import _own

    first = Plan.read(written(tmp_path))
    (before,) = loaded()
    with RecordStore(url) as store:
        enrol(expanded(first), store)
        assert stored_plans(store)[0].facts["imports"] == [{"file": "mine.py", "hash": before.hash}]
    monkeypatch.setattr(_own, "_loaded", {})  # another process
    changed = Plan.read(written(tmp_path, "# another comment\n"))
    with RecordStore(url) as store:
        said = f"file {tmp_path / 'mine.py'}: expected the content {before.hash}, with which plan small .* of this "
        with pytest.raises(
            StoreError, match=f"{said}store was built, got .*; restore the file, or build into another store"
        ):
            enrol(expanded(changed), store)
        with pytest.raises(StoreError, match=said):  # records of another plan do not name the file either
            enrol(expanded(changed, "e" * 16), store)
        assert len(stored_plans(store)) == 1
        enrol(expanded(first, "e" * 16), store)


def test_trials_of_a_plan_go_on_with_all_its_files(tmp_path, url, monkeypatch):
    from robnas import _own

    plan = Plan.read(written(tmp_path))
    with RecordStore(url) as store:
        enrol(expanded(plan), store)
        monkeypatch.setattr(_own, "_loaded", {})
        fewer, other = Plan.from_dict(values()), Plan.from_dict(values(data__limit_train=32))
        with pytest.raises(StoreError, match=r"file mine.py: .*, got not imported; give it with --import mine.py"):
            enrol(expanded(fewer), store)
        enrol(expanded(other, "e" * 16), store)


@pytest.mark.parametrize("facts", [{}, {"imports": 3}, {"imports": ["mine.py", {"file": "mine.py"}]}])
def test_plans_of_earlier_versions_and_damaged_ones_know_no_files(tmp_path, url, facts):
    plan = Plan.read(written(tmp_path))
    with RecordStore(url) as store:
        old = expanded(plan, "0" * 16)
        TrialQueue(store, old.hash).enrol("old", old.setup, old.settings(), facts, old.trials)
        enrol(expanded(plan), store)
        assert len(stored_plans(store)) == 2


def test_workers_import_what_the_build_has_imported(tmp_path):
    (tmp_path / "mine.py").write_text(TRAINER)
    own = load_file(tmp_path / "mine.py")
    (tmp_path / "mine.py").unlink()
    workers = EXECUTORS["local"](sys.modules[own.module].Mine(), jobs=1)
    try:
        workers.submit(trials(1))
        while not (ended := workers.wait(5.0)):
            pass
    finally:
        workers.close()
    assert ended[0][1].warnings == (f"{own.module} did 000000",)
