import copy
import datetime
import math
import tomllib

import pytest

from robnas.building import Plan, Source, Trial, expand, load_and_expand
from robnas.errors import InputError
from robnas.records import QueuedTrial
from robnas.spaces import Architecture, partition
from robnas.training import Recipe

TEXT = """
name = "small"
seeds = [0, 3]

[space]
kind = "sample"
count = 5
seed = 1
partition = "effective"

[data]
name = "digits"
limit_train = 64

[recipe]
preset = "digits"
epochs = 2
attack = {steps = 2}

[evaluation]
splits = ["validation", "test"]
images = {test = 50}
limits = {pgd = 20}

[[evaluation.attacks]]
name = "fgsm"
epsilon = "16/255"

[[evaluation.attacks]]
name = "pgd"
epsilon = "0.5"
norm = "l2"
steps = 3
step_size = "16/255"

[[extra]]
count = 2
seeds = [7]
"""
PGD_TABLE = {"name": "pgd", "epsilon": "8/255", "steps": 1, "step_size": "1/255"}
SIZES = {"train": 64, "validation": 30, "test": 60}


def values(**changes):
    found = tomllib.loads(TEXT)
    for path, value in changes.items():
        *parents, key = path.split("__")
        place = found
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[key]
        else:
            place[key] = value
    return found


def plan(**changes):
    return Plan.from_dict(values(**changes))


def expanded(dataset_hash="d" * 16, **changes):
    return expand(plan(**changes), dataset_hash, SIZES)


def test_a_file_becomes_a_plan(tmp_path):
    (tmp_path / "plan.toml").write_text(TEXT)
    found = Plan.read(tmp_path / "plan.toml")
    assert found == plan()
    assert found.source == Source(name="digits", limit_train=64)
    assert (found.recipe.epochs, found.recipe.attack.steps) == (2, 2)
    assert found.recipe.attack.threat == Recipe.digits().attack.threat
    assert found.measuring.suite.metrics == ("clean", "fgsm@16/255", "pgd-l2@0.5")
    assert found.measuring.images == {"test": 50}


def test_plain_values_are_read_back():
    assert Plan.from_dict(plan().to_dict()).to_dict() == plan().to_dict()
    again = expand(Plan.from_dict(plan().to_dict()), "d" * 16, SIZES)
    assert again.hash == expanded().hash


def test_every_architecture_is_trained_with_every_seed_and_some_with_more():
    found = plan()
    assert len(found.pairs) == 5 * 2 + 2
    assert {seed for _, seed in found.pairs} == {0, 3, 7}
    assert {arch for arch, seed in found.pairs if seed == 7} < {arch for arch, seed in found.pairs if seed == 0}
    assert found.pairs == plan().pairs


@pytest.mark.parametrize(
    ("space", "count"),
    [
        ({"kind": "all"}, 15625),
        ({"kind": "representatives", "partition": "official"}, 6466),
        ({"kind": "representatives", "partition": "effective"}, 5044),
        ({"kind": "representatives", "partition": "effective", "partition_version": 1}, 4660),
        ({"kind": "representatives", "partition": "effective@1"}, 4660),
        ({"kind": "sample", "count": 7, "seed": 0}, 7),
        ({"kind": "list", "architectures": ["323133", Architecture("000300").genotype, "323133"]}, 2),
    ],
    ids=str,
)
def test_the_space_is_what_was_asked_for(space, count):
    found = plan(space=space, extra=[])
    assert len({arch for arch, _ in found.pairs}) == count
    assert Plan.from_dict(found.to_dict()).space == found.space


def test_a_sample_of_classes_has_one_architecture_of_each():
    classes = partition("effective").class_of
    assert len({int(classes[arch.index]) for arch, _ in plan().pairs}) == 5


def test_extras_are_added_to_the_seeds_and_counted_once():
    assert len(plan(extra=[{"count": 3, "seeds": [0, 7]}]).pairs) == 10 + 3


SAME = [{"name": "other"}, {"evaluation__checks": False}, {"recipe__name": "other"}, {"data__validation": 0.2}]
DIFFERENT = [
    {"recipe__epochs": 3}, {"seeds": [0, 4]}, {"evaluation__images": {"test": 40}}, {"evaluation__batch_size": 8},
    {"evaluation__splits": ["test"]}, {"evaluation__limits": {"pgd": 10}}, {"space__count": 6}, {"extra": []},
]  # fmt: skip


@pytest.mark.parametrize("changes", SAME, ids=str)
def test_names_and_checks_change_no_hash(changes):
    assert expanded(**changes).hash == expanded().hash


@pytest.mark.parametrize("changes", DIFFERENT, ids=str)
def test_what_decides_the_table_changes_the_hash(changes):
    assert expanded(**changes).hash != expanded().hash


def test_another_recipe_or_data_set_makes_trials_that_share_nothing():
    ours = {trial.hash for trial in expanded().trials}
    assert ours.isdisjoint(trial.hash for trial in expanded(recipe__epochs=3).trials)
    assert ours.isdisjoint(trial.hash for trial in expanded(dataset_hash="e" * 16).trials)


def test_more_seeds_keep_the_trials_that_there_are():
    assert {trial.hash for trial in expanded().trials} < {trial.hash for trial in expanded(seeds=[0, 3, 4]).trials}


def test_the_hash_of_a_trial_is_that_of_the_first_release():
    """Stores would forget what they have if it changed."""
    assert QueuedTrial.of("s" * 16, "323133", 1).hash == "7789ecf53e6fe3e9"


def test_the_records_of_a_trial_are_named_before_it_runs():
    found = expanded().measurements
    assert [(entry["split"], entry["metric"], entry["images"]) for entry in found] == [
        ("validation", "clean", 30), ("validation", "fgsm@16/255", 30), ("validation", "pgd-l2@0.5", 20),
        ("test", "clean", 50), ("test", "fgsm@16/255", 50), ("test", "pgd-l2@0.5", 20),
    ]  # fmt: skip


def test_the_spelling_of_a_metric_changes_no_hash():
    attacks = [{"name": "fgsm", "epsilon": 1}, {"name": "pgd", "epsilon": "0.5/255", "steps": 1, "step_size": "1/255"}]
    found = expanded(evaluation__attacks=attacks)
    assert [entry["metric"] for entry in found.measurements[:3]] == ["clean", "fgsm@255/255", "pgd@0.5/255"]
    settled = ["clean", "fgsm@1", f"pgd@{0.5 / 255!r}"]  # as earlier versions had it in the setup
    assert [entry["metric"] for entry in found.settings()["measurements"][:3]] == settled


def test_a_task_is_a_trial_of_the_plan():
    assert plan().trial("323133", 3) == Trial(
        architecture=Architecture("323133"), source=plan().source, recipe=plan().recipe, seed=3
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"evaluation__attacks": [{**PGD_TABLE, "norm": "l2", "epsilon": 128, "step_size": 1}]}, "the l2 distance of"),
        ({"evaluation__attacks": [{**PGD_TABLE, "norm": "l1", "epsilon": 255, "step_size": 1}]}, "the l1 distance of"),
        ({"recipe__attack": {"threat": {"norm": "l2", "epsilon": 128}}}, "the l2 distance of"),
    ],
)
def test_radii_of_another_unit_are_refused_before_anything_is_trained(changes, text):
    plan = Plan.from_dict(values(evaluation__limits={}, evaluation__images={}, **changes))
    with pytest.raises(InputError, match=f"threat model epsilon: expected at most .* {text} a black from a"):
        load_and_expand(plan)


def test_labels_are_part_of_a_plan_and_none_is_as_before():
    plain = expand(Plan.from_dict(values(evaluation__attacks=[PGD_TABLE], evaluation__limits={})), "d", SIZES)
    labelled = {**PGD_TABLE, "label": "1", "norm": "l1", "epsilon": 12}
    plan = Plan.from_dict(values(evaluation__attacks=[PGD_TABLE, labelled], evaluation__limits={"pgd": 20, "pgd:1": 9}))
    assert Plan.from_dict(plan.to_dict()) == plan
    assert "label" not in plan.to_dict()["evaluation"]["attacks"][0]
    found = expand(plan, "d", SIZES)
    assert [(m["metric"], m["images"]) for m in found.measurements if m["split"] == "test"] == [
        ("clean", 50), ("pgd@8/255", 20), ("pgd:1-l1@12", 9),
    ]  # fmt: skip
    assert found.measurements[1]["attack_hash"] == plain.measurements[1]["attack_hash"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"colour": 1}, "plan entry: expected one of name, seeds, .* got 'colour'"),
        ({"sseds": [1]}, "did you mean seeds?"),
        ({"seeds": None}, "plan: expected an entry seeds, got none"),
        ({"seeds": []}, r"plan seeds: expected at least one, each once, got \[\]"),
        ({"seeds": [1, 1]}, "plan seeds: expected at least one, each once"),
        ({"seeds": ["a"]}, "plan seeds: expected a whole number, got 'a'"),
        ({"seeds": 1}, "plan seeds: expected a list, got 1"),
        ({"name": ""}, "plan name: expected 1 to 100 printable characters"),
        ({"name": "a\nb"}, "plan name"),
        ({"space": 3}, r"plan space: expected a table \[space\], got 3"),
        ({"space__kind": "al"}, "plan space kind: expected one of all, representatives, sample, list, got 'al'"),
        ({"space__count": 0}, "plan space: expected at least one architecture, got none"),
        ({"space__count": 99999}, r"sample count: expected a number in \[0, 5044\]"),
        ({"space__architectures": []}, "plan space of kind sample: expected one of count, seed, partition"),
        ({"space__seed": None}, "plan space of kind sample: expected an entry seed"),
        ({"space": {"kind": "list", "architectures": []}}, "plan space: expected at least one architecture, got none"),
        ({"space": {"kind": "list", "architectures": ["32313"]}}, "architecture: expected 6 digits"),
        ({"space": {"kind": "representatives", "partition": "oficial"}}, "partition: expected one of official"),
        ({"data__nam": "x"}, "plan data: expected one of name, .*did you mean name?"),
        ({"data__name": None}, "plan data name: expected the name of a data set or a path, got None"),
        ({"data__limit_train": "many"}, "plan data limit_train: expected a number, got 'many'"),
        ({"recipe__epoch": 3}, "recipe setting: .*did you mean epochs?"),
        ({"recipe__preset": "digit"}, "recipe: .*did you mean digits?"),
        ({"recipe__epochs": 0}, "recipe epochs: expected at least 1"),
        ({"recipe__attack": {"step": 3}}, "recipe attack setting: .*did you mean steps?"),
        ({"evaluation__suite": "digits"}, "plan evaluation: expected either suite or attacks"),
        ({"evaluation__splits": ["val"]}, "split: expected one of train, validation, test, got 'val'"),
        ({"evaluation__splits": None}, "plan evaluation splits: expected validation, test or both"),
        ({"evaluation__images": {"tests": 3}}, "did you mean test?"),
        ({"evaluation__images": {"test": 61}}, "plan evaluation images of test: expected at most 60, got 61"),
        ({"evaluation__limits": {"autoattack": 5}}, "suite limit: expected one of"),
        ({"evaluation__attacks": [{"name": "pdg", "epsilon": "8/255"}]}, "attack: .*did you mean pgd?"),
        ({"evaluation__attacks": [{"name": "fgsm"}]}, "attack fgsm: expected an entry epsilon, got none"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": 8}]}, 'write "8/255", not 8'),
        ({"evaluation__attacks": [{"name": "pgd", "epsilon": "8/255"}]}, "attack pgd: expected steps, step_size"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": 0}]}, "attack fgsm epsilon: expected above 0, got 0"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": "0/255"}]}, "attack fgsm epsilon: expected above 0"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": True}]}, "epsilon: expected a number ≥ 0"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": 1, "label": "A"}]}, "attack label: expected letters"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": 1, "label": 5}]}, "attack label: expected letters"),
        ({"evaluation__attacks": [{"name": "fgsm", "epsilon": 1, "norm": "l0"}]}, "threat model norm: expected one of"),
        ({"evaluation__attacks": [{**PGD_TABLE, "step_size": 2}]}, "PGD step_size: .* got 2; write"),
        ({"evaluation__attacks": [{**PGD_TABLE, "step_size": 0}]}, "PGD step_size: .* above 0"),
        ({"evaluation__attacks": [{**PGD_TABLE, "random_start": "no"}]}, "PGD random_start: expected true or false"),
        ({"evaluation__attacks": [PGD_TABLE, {**PGD_TABLE, "steps": 9}]}, "suite attacks: .* tell them apart"),
        ({"recipe__attack": {"step_size": 2}}, "PGD step_size: .* got 2; write"),
        ({"recipe__attack": {"step_size": 0}}, "PGD step_size: .* above 0"),
        ({"recipe__attack": {"threat": {"norm": "linf", "epsilon": 0}}}, "recipe attack epsilon: expected above 0"),
        ({"recipe__attack": {"threat": {"norm": "linf", "epsilon": 8}}}, 'write "8/255", not 8'),
        ({"recipe__attack": {"label": "x"}}, "recipe attack label: expected none, got 'x'"),
        ({"evaluation__attacks": ["pgd"]}, "plan evaluation attack: expected a table with name and epsilon"),
        ({"extra": [{"count": 6, "seeds": [1]}]}, "plan extra count: expected at most the 5 that the space has, got 6"),
        ({"extra": [{"seeds": [1]}]}, "plan extra: expected an entry count"),
        ({"extra": {"count": 1}}, "plan extra: expected a list"),
        ({"extra": [5]}, "plan extra: expected a table, got 5"),
        ({"seeds": [2**63]}, r"plan seeds: expected a number in \[0, .*\], got 9223372036854775808"),
        ({"space__kind": ["all"]}, "plan space kind: expected one of all, representatives, sample, list, got .'all'"),
        ({"space__partition": ["effective"]}, "plan space partition: expected the name of a partition"),
        ({"space__partition_version": 3}, "version of partition effective: expected one of 1, 2, got '3'"),
        ({"space__partition": None, "space__partition_version": 1}, "partition_version: expected a partition beside"),
        ({"recipe__preset": 5}, "recipe: expected one of .*, got 5"),
        ({"evaluation__images": 5}, "plan evaluation images: expected a table, got 5"),
        ({"evaluation__limits": [5]}, "plan evaluation limits: expected a table"),
        ({"evaluation__limits": {"pgd": 1.5}}, "plan evaluation limits of pgd: expected a whole number, got 1.5"),
        ({"evaluation__checks": "no"}, "plan evaluation checks: expected true or false, got 'no'"),
        ({"evaluation__attacks": [{"name": 5, "epsilon": "8/255"}]}, "attack: expected one of .*, got 5"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_entry_is_one_clear_line(changes, text):
    with pytest.raises(InputError, match=text) as raised:
        _ = expanded(**changes).hash
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"name = ", "TOMLDecodeError"), (b"\xff\xfe", "UnicodeDecodeError"), (None, "FileNotFoundError")],
)
def test_a_file_that_is_no_toml_is_one_clear_line(tmp_path, content, text):
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"plan .*plan.toml: expected a TOML file, got {text}") as raised:
        Plan.read(path)
    assert "\n" not in str(raised.value)


def nested(depth):
    found = {}
    for _ in range(depth):
        found = {"a": found}
    return found


HOSTILE = [
    None, True, False, -1, 0, 10**23, 2**63, -(2**63), 1 << 20000, 1.5, 0.0, -0.0, 1e308, math.nan, math.inf, -math.inf,
    "", "0.1", "x" * 10000, "\x1b[31m", "a\nb", "\u202e", "8/255", "1/0", "\ud800", [], [[]], ["x"], [1, 2], [math.nan],
    {}, {"a": 1}, {"": []}, datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), nested(20000),
]  # fmt: skip
NUMBERS = ("epochs", "channels", "cells", "batch_size", "steps", "limit_train", "count", "seed", "validation", "test")


def places(value, path=()):
    """Every key of a document, the lists included."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


def documents():
    """Plans with the places of values in them: as people write it, as it is written out, each further kind of space."""
    short = tomllib.loads(TEXT) | {"extra": [{"count": 1, "seed": 0, "seeds": [1]}]}
    for document in (short, Plan.from_dict(short).to_dict()):
        yield document, tuple(places(document))
    for space in ({"kind": "list", "architectures": ["323133"]}, {"kind": "representatives", "partition": "official"}):
        document = short | {"space": space, "extra": []}
        yield document, tuple(path for path in places(document) if path[0] in ("space", "extra"))


def test_a_value_of_the_wrong_type_or_size_at_any_key_is_one_clear_line_or_a_plan_that_can_be_kept():
    tried, kept, said = 0, 0, list[str]()
    for document, paths in documents():
        for path in paths:
            for value in HOSTILE:
                changed = copy.deepcopy(document)
                inner = changed
                for key in path[:-1]:
                    inner = inner[key]
                inner[path[-1]] = value
                tried += 1
                try:
                    plan = Plan.from_dict(changed)
                    expansion = expand(plan, "0" * 16, {"train": 1000, "validation": 100, "test": 297})
                except InputError as error:
                    said.append(str(error))
                    continue
                kept += 1
                assert expansion.settings(), path
                assert Plan.from_dict(plan.to_dict()) == plan, path
                sane = isinstance(value, int | float) and value == value and abs(value) < 1e19
                assert sane or path[-1] not in NUMBERS or value == {}, (path, value)
    assert all(text.isprintable() and len(text) < 1000 for text in said)
    assert (tried, tried - kept) == (4356, len(said))


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 20000,
        b"a = " + b"{a=" * 20000,
        b"a = " + b"[" * 20000 + b"]" * 20000,
        b"[" + b".".join([b"a"] * 20000) + b"]",
        b"a" + b".a" * 4000 + b" = 1",
        TEXT.encode("utf-16"),
        TEXT.encode() + b"\n# \xff",
        TEXT.encode() + b"\nname = 1",
        b'name = "a"\n' + TEXT.encode(),
        b"[space]\n" * 2,
        b"seeds = [1" + b"0" * 5000 + b"]",
        b"name = 0x" + b"f" * 5000,
        b"a = 1\0",
        b"",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_hostile_file_is_one_clear_line(tmp_path, content):
    (tmp_path / "plan.toml").write_bytes(content)
    with pytest.raises(InputError) as raised:
        Plan.read(tmp_path / "plan.toml")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1000


def test_a_byte_order_mark_is_no_part_of_a_plan(tmp_path):
    (tmp_path / "plan.toml").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert Plan.read(tmp_path / "plan.toml") == Plan.from_dict(tomllib.loads(TEXT))


@pytest.mark.parametrize(
    ("what", "value"),
    [("recipe epochs", 10**23), ("recipe epochs", 1_000_001), ("recipe batch_size", 10**23),
     ("channels of space nas-bench-201", 2**63), ("cells of space nas-bench-201", 10**9)],
)  # fmt: skip
def test_an_absurd_count_is_refused(what, value):
    document = tomllib.loads(TEXT)
    first, key = what.split()[:2]
    where, key = ("recipe", key) if first == "recipe" else ("space", first)
    document[where][key] = value
    with pytest.raises(InputError, match=rf"{what}: expected a number in \[1, 1e\+06\], got {value}"):
        Plan.from_dict(document)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-0.1", "1.1", '"0.1"', "true", "[0.1]", "0xfffffffff"])
def test_a_share_for_validation_is_a_number_from_0_to_1(value, tmp_path):
    text = TEXT.replace("limit_train = 64", f"validation = {value}")
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(InputError, match=r"data validation: expected a number"):
        Plan.read(tmp_path / "plan.toml")
