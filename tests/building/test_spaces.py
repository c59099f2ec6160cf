"""Plans, builds and stores of any space: of other numbers than 5 and 6, of two widths at once, of one without end."""

import pickle

import pytest
from torch import nn

from robnas.building import (
    Plan,
    Source,
    TrainAndEvaluate,
    Trial,
    enrol,
    expand,
    load_and_expand,
    load_trial,
    run_plan,
    table_of_plan,
)
from robnas.errors import CheckpointError, InputError, StoreError
from robnas.records import QueuedTrial, RecordStore, find_plan, store_status
from robnas.spaces import SPACES, Gene, NASBench201, Space
from robnas.training import Recipe
from tests.building.test_plan import SIZES, values


def build(genes, *, in_channels, num_classes, image_size):
    layers, width = [nn.Flatten()], in_channels * image_size**2
    for _ in range(genes["depth"]):
        layers += [nn.Linear(width, genes["width"], bias=genes["bias"]), nn.ReLU()]
        width = genes["width"]
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


GENES = (Gene("depth", (1, 2, 3)), Gene("bias", (False, True)), Gene("width", (2, 4, 6, 8), ordered=True))
TOY = Space("toy-mlp", genes=GENES, build=build)
VAST = Space("vast", genes=[Gene(f"g{number}", tuple(range(10))) for number in range(40)], build=build)


@pytest.fixture(autouse=True)
def registered():
    for space in (TOY, VAST):
        SPACES[space.name] = space
    yield
    for space in (TOY, VAST):
        del SPACES[space.name]


def plan(space, **changes):
    small = {"recipe": {"preset": "digits", "epochs": 1}, "evaluation__checks": False, "extra": []}
    return Plan.from_dict(values(**small | changes, space=space))


def expanded(space, **changes):
    return expand(plan(space, **changes), "d" * 16, SIZES)


TEXTS = ["depth=1,bias=false,width=2", "depth=3,bias=true,width=8"]


@pytest.mark.parametrize(
    ("space", "count"),
    [
        ({"name": "toy-mlp", "kind": "all"}, 24),
        ({"name": "toy-mlp", "kind": "sample", "count": 7, "seed": 0}, 7),
        ({"name": "toy-mlp", "kind": "list", "architectures": [*TEXTS, {"depth": 1, "bias": False, "width": 2}]}, 2),
        ({"name": "vast", "kind": "sample", "count": 7, "seed": 0}, 7),
        ({"name": "wide-resnet", "kind": "sample", "count": 7, "seed": 0}, 7),
        ({"name": "theory", "kind": "sample", "count": 7, "seed": 0, "depth": 5}, 7),
    ],
    ids=str,
)
def test_a_plan_selects_from_any_space(space, count):
    found = plan(space, extra=[{"count": 2, "seeds": [7]}])
    archs = {arch for arch, _ in found.pairs}
    assert len(archs) == count
    assert len(found.pairs) == 2 * count + 2
    assert {arch.space for arch in archs} == {space["name"]}
    again = Plan.from_dict(found.to_dict())
    assert (again, again.pairs) == (found, found.pairs)
    assert found.space.facts()["name"] == space["name"]
    expansion = expand(found, "d" * 16, SIZES)
    assert expansion.settings()["space"] == found.space.of.key
    assert expansion.settings()["space_fingerprint"] == found.space.of.fingerprint
    assert {trial.architecture for trial in expansion.trials} == {arch.text for arch in archs}


@pytest.mark.parametrize(
    ("space", "text"),
    [
        ({"name": "toy", "kind": "all"}, r"space: expected one of nas-bench-201, .*, got 'toy'; a space of your own is "
         r"brought by --import FILE, or imports = \[FILE\] in a plan"),
        ({"name": 3, "kind": "all"}, "space: expected one of nas-bench-201, .*, got 3"),
        ({"name": "vast", "kind": "all"}, "space vast, all of it in a plan: expected at most 1,000,000 architectures, "
         "got about 10.40; sample it"),
        ({"name": "toy-mlp", "kind": "representatives", "partition": "official"}, "partition: expected none, space to"),
        ({"name": "toy-mlp", "kind": "sample", "count": 2, "seed": 0, "partition": "official"}, "partition: expected"),
        ({"name": "toy-mlp", "kind": "sample", "count": 25, "seed": 0}, "sample count: expected at most 24, got 25"),
        ({"name": "toy-mlp", "kind": "list", "architectures": ["323133"]}, "expected one of space toy-mlp, got 323133, "
         "which belongs to nas-bench-201"),
        ({"name": "toy-mlp", "kind": "all", "channels": 4}, "plan space of kind all: expected one of name, got 'chan"),
        ({"kind": "list", "architectures": [TEXTS[0]]}, "architecture: .*depth=1,bias=false,width=2, which belongs to"),
        ({"kind": "all", "channels": 0}, "channels of space nas-bench-201: expected at least 1, got 0"),
        ({"kind": "all", "chanels": 4}, "plan space of kind all: expected one of .*did you mean channels?"),
    ],
    ids=str,
)  # fmt: skip
def test_a_selection_that_a_space_does_not_have_is_one_clear_line(space, text):
    with pytest.raises(InputError, match=text) as raised:
        _ = expanded(space).hash
    assert "\n" not in str(raised.value)


def test_a_recipe_with_the_size_of_cells_is_refused_for_a_space_that_has_none():
    with pytest.raises(InputError, match="plan space of kind all: expected one of name, got 'channels'"):
        plan({"name": "toy-mlp", "kind": "all"}, recipe={"preset": "digits", "channels": 4})


@pytest.mark.parametrize(
    ("recipe", "space", "key"),
    [
        ({"preset": "digits"}, {}, "channels=8,cells=1"),
        ({"preset": "nas-robbench-201"}, {}, "channels=16,cells=5"),
        ({"preset": "digits"}, {"cells": 3}, "channels=8,cells=3"),
        ({"preset": "digits", "channels": 4}, {}, "channels=4,cells=1"),  # as plans of earlier versions have it
        ({"preset": "digits", "channels": 4}, {"channels": 4, "cells": 2}, "channels=4,cells=2"),
        ({"name": "digits"}, {}, "channels=16,cells=5"),
    ],
    ids=str,
)
def test_the_settings_of_a_space_are_those_of_the_preset_unless_said(recipe, space, key):
    found = plan({"kind": "all", **space}, recipe=recipe)
    assert found.space.of.key == f"nas-bench-201:{key}"
    assert Plan.from_dict(found.to_dict()) == found


def test_a_size_that_recipe_and_space_say_differently_is_refused():
    with pytest.raises(InputError, match=r"plan recipe channels: expected 8, as .space. says, or none, got 4"):
        plan({"kind": "all", "channels": 8}, recipe={"preset": "digits", "channels": 4})
    with pytest.warns(DeprecationWarning, match="recipe channels"):
        sized = Recipe(name="x", channels=4)
    with pytest.raises(
        InputError, match="recipe size: expected that of the space nas-bench-201:channels=8,cells=1, or"
    ):
        Trial(space=NASBench201(8, 1), architecture=NASBench201().parse("323133"), source=None, recipe=sized, seed=0)


def test_space_and_settings_are_part_of_the_hash():
    space = {"kind": "list", "architectures": ["323133"]}
    found = {expanded({**space, "channels": channels}).hash for channels in (4, 8, 16)}
    found.add(expanded({"name": "toy-mlp", "kind": "all"}).hash)
    assert len(found) == 4
    assert expanded(space).hash == expanded({**space, "name": "nas-bench-201", "channels": 8, "cells": 1}).hash


def built(store, expansion, work_dir=None):
    """All trials of a plan, in this process."""
    wanted = expansion.plan
    trainer = TrainAndEvaluate(
        space=wanted.space.of, source=wanted.source, recipe=wanted.recipe, measuring=wanted.measuring,
        dataset_hash=expansion.dataset_hash, earlier_setup=expansion.earlier_setup, work_dir=work_dir,
    )  # fmt: skip
    queue = enrol(expansion, store)
    queue.join()
    queue.finish([(trial, trainer(trial)) for trial in queue.claim(99)])
    queue.leave()
    return find_plan(store, expansion.hash)


SMALL = {"seeds": [0], "evaluation__splits": ["test"], "evaluation__images": {"test": 50}, "evaluation__limits": {}}


def test_a_space_of_ones_own_is_built_exported_and_its_folders_are_read(tmp_path):
    expansion = load_and_expand(plan({"name": "toy-mlp", "kind": "list", "architectures": TEXTS}, **SMALL))
    with RecordStore(tmp_path / "runs.db") as store:
        table = table_of_plan(store, built(store, expansion, tmp_path))
        assert {record.space for record in store.records()} == {"toy-mlp"}
        assert [one.done for one in store_status(store)] == [2]
    assert (table.space, [arch.text for arch in table.architectures]) == (TOY, TEXTS)
    folder = tmp_path / QueuedTrial.of(expansion.setup, TEXTS[0], 0).hash
    trial = load_trial(folder)
    assert trial == expansion.plan.trial(TEXTS[0], 0)
    trial.trained_network(trial.source.load(), folder)
    with pytest.raises(CheckpointError, match=r"trial.json, architecture: expected depth=3.*, got depth=1"):
        expansion.plan.trial(TEXTS[1], 0).train(trial.source.load(), folder)


def test_a_space_of_ones_own_is_built_by_workers(tmp_path):
    expansion = load_and_expand(plan({"name": "toy-mlp", "kind": "list", "architectures": TEXTS[:1]}, **SMALL))
    with RecordStore(tmp_path / "runs.db") as store:
        result = run_plan(expansion, store, options={"jobs": 1})
        assert (result.done, result.failed, len(store.records())) == (1, 0, 3)


def test_two_widths_stand_in_one_store_as_two_trials(tmp_path):
    space = {"kind": "list", "architectures": ["323133"], "cells": 1}
    narrow, wide = (load_and_expand(plan({**space, "channels": channels}, **SMALL)) for channels in (2, 4))
    with RecordStore(tmp_path / "runs.db") as store:
        plans = [built(store, expansion) for expansion in (narrow, wide)]
        assert plans[0].settings["recipe_hash"] == plans[1].settings["recipe_hash"]
        assert len(store.records()) == 6
        keys = ["nas-bench-201:channels=2,cells=1", "nas-bench-201:channels=4,cells=1"]
        for found, key in zip(plans, keys, strict=True):
            table = table_of_plan(store, found)
            assert {record.space for record in store.records(space=key)} == {key}
            [record] = store.records(space=key, metric="clean", split="test")
            assert table.peek("323133", dataset="digits", metric="clean", split="test", seed=0) == record.value
            assert {column.space for column in table.columns} == {key}
        assert {record.space for record in store.records(metric="clean", split="test")} == set(keys)


def test_plans_of_two_spaces_stand_in_one_store(tmp_path):
    ours = load_and_expand(plan({"name": "toy-mlp", "kind": "list", "architectures": TEXTS}, **SMALL))
    theirs = load_and_expand(plan({"kind": "list", "architectures": ["000300"], "channels": 2}, **SMALL))
    with RecordStore(tmp_path / "runs.db") as store:
        tables = [table_of_plan(store, built(store, one)) for one in (ours, theirs)]
        assert [table.space.name for table in tables] == ["toy-mlp", "nas-bench-201"]
        assert [len(table) for table in tables] == [2, 1]


@pytest.fixture
def stored(tmp_path):
    expansion = load_and_expand(plan({"name": "toy-mlp", "kind": "list", "architectures": TEXTS[:1]}, **SMALL))
    with RecordStore(tmp_path / "runs.db") as store:
        built(store, expansion)
    return tmp_path / "runs.db"


def test_a_space_that_is_not_imported_is_named_with_its_remedy(stored):
    del SPACES["toy-mlp"]
    try:
        with RecordStore(stored) as store:
            assert find_plan(store).name == "small"
            assert [one.done for one in store_status(store)] == [1]
            with pytest.raises(InputError, match=r"space: expected one of .*, got 'toy-mlp'; .* --import FILE"):
                store.records()
            with pytest.raises(InputError, match=r"space: expected one of .*, got 'toy-mlp'; .* --import FILE"):
                table_of_plan(store, find_plan(store))
    finally:
        SPACES["toy-mlp"] = TOY


def test_a_space_that_has_changed_under_a_store_is_one_clear_error(stored):
    changed = Space("toy-mlp", genes=[*GENES[:2], Gene("width", (2, 4, 6, 8, 10), ordered=True)], build=build)
    SPACES.register("toy-mlp", changed, overwrite=True)
    text = (
        f"space toy-mlp: expected the genes and choices with which the store was filled, fingerprint {TOY.fingerprint},"
        f" got {changed.fingerprint}; restore the file of the space, or give the changed space another name"
    )
    more = load_and_expand(plan({"name": "toy-mlp", "kind": "list", "architectures": TEXTS[1:]}, **SMALL))
    with RecordStore(stored) as store:
        for call in (store.records, lambda: enrol(more, store), lambda: table_of_plan(store, find_plan(store))):
            with pytest.raises(StoreError, match=text):
                call()
        assert len(store_status(store)) == 1


def test_a_trial_of_an_architecture_of_another_space_is_refused():
    arch = TOY.parse(TEXTS[0])
    common = {"source": Source(name="digits"), "recipe": Recipe.digits(), "seed": 0}
    assert Trial(architecture=arch, **common).space == TOY
    with pytest.raises(
        InputError, match=r"architecture: expected one of space nas-bench-201, got depth=1.*, which belo"
    ):
        Trial(space=NASBench201(), architecture=arch, **common)


def test_a_recipe_of_another_name_trains_the_networks_of_its_preset():
    common = {"architecture": NASBench201().parse("323133"), "source": Source(name="digits"), "seed": 0}
    for recipe in (Recipe.digits(), Recipe.digits().replace(name="mine"), Recipe.digits().replace(epochs=1)):
        assert Trial(recipe=recipe, **common).space.key == "nas-bench-201:channels=8,cells=1"
    assert Trial(recipe=Recipe(name="mine"), **common).space.key == "nas-bench-201:channels=16,cells=5"
    with pytest.warns(DeprecationWarning, match="recipe channels"):
        recipe = Recipe.digits().replace(channels=4)
    assert Trial(recipe=recipe, **common).space.key == "nas-bench-201:channels=4,cells=1"


def test_a_space_whose_build_cannot_be_pickled_arrives_by_its_name():
    anonymous = Space("anonymous", genes=GENES, build=lambda genes, **sizes: nn.Linear(1, 1))
    SPACES["anonymous"] = anonymous
    try:
        assert pickle.loads(pickle.dumps(anonymous)) is anonymous
        assert pickle.loads(pickle.dumps(TOY)) == TOY
    finally:
        del SPACES["anonymous"]


def test_fingerprints_and_hashes_stay_what_they_are():
    """Stores would forget what they have if they changed."""
    assert (SPACES["nas-bench-201"].fingerprint, TOY.fingerprint) == ("6ad73a1a94d51b83", "5401584779e52469")
    found = expanded({"kind": "list", "architectures": ["323133"]})
    assert (found.setup, found.hash) == ("9db7ca4f256e206b", "93427ea04c019c50")
