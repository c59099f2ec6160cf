import json
from dataclasses import replace

import pytest
import torch

from robnas.attacks import PGD
from robnas.building import TRIAL, Source, Trial, load_trial
from robnas.errors import CheckpointError, DataError, InputError
from robnas.evaluation import Suite, evaluate
from robnas.records import RecordStore
from robnas.spaces import Architecture, NASBench201
from robnas.training import CHECKPOINT, Recipe
from robnas.types import ThreatModel


@pytest.fixture
def trial():
    space, source = NASBench201(channels=2, cells=1), Source(name="digits", limit_train=64)
    recipe = Recipe.digits().replace(epochs=1)
    return Trial(space=space, architecture=Architecture("323133"), source=source, recipe=recipe, seed=1)


@pytest.fixture(scope="module")
def data():
    return Source(name="digits", limit_train=64).load()


def test_a_trial_survives_json(trial):
    assert Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) == trial


def test_training_leaves_a_folder_that_says_what_it_holds(trial, data, tmp_path):
    network, history = trial.train(data, tmp_path)
    assert len(history) == 1
    assert load_trial(tmp_path) == trial
    again = trial.trained_network(data, tmp_path)
    assert all((value == again.state_dict()[name]).all() for name, value in network.state_dict().items())


def test_records_carry_everything_that_decides_them(trial, data, tmp_path):
    network, _ = trial.train(data, tmp_path)
    suite = Suite("s", Suite.digits().attacks[:1], checks=False)
    evaluation = evaluate(network, data, suite, split="test", seed=1, limit=50)
    records, settings = trial.records(data, evaluation)
    assert [record.metric for record in records] == ["clean", "fgsm@16/255"]
    assert {record.dataset_hash for record in records} == {data.content_hash}
    assert {record.seed for record in records} == {1}
    assert {record.images for record in records} == {50}
    share = data.split("test").labels[:50].bincount().max().item() / 50
    assert {(record.num_classes, record.majority) for record in records} == {(10, share)}
    assert [record.seconds for record in records] == [found.seconds for found in evaluation.measurements]
    assert {(record.torch_version, record.device) for record in records} == {(torch.__version__, "cpu")}
    assert settings[records[0].recipe_hash] == trial.recipe.to_dict()
    assert settings[records[1].attack_hash] == {"name": "fgsm", "threat": {"norm": "linf", "epsilon": "16/255"}}


def test_another_attack_seed_is_another_record(trial, data, tmp_path):
    network, _ = trial.train(data, tmp_path)
    suite = Suite("s", (PGD(ThreatModel.linf("32/255"), 2, 0.1),), checks=False)
    with RecordStore(f"sqlite:///{tmp_path}/runs.db") as store:
        for seed, new in ((7, 2), (8, 1), (8, 0)):
            found = evaluate(network, data, suite, split="test", seed=seed, limit=50)
            assert store.add(*trial.records(data, found)) == new
        assert [record.attack_seed for record in store.records(attack="pgd")] == [7, 8]
        assert [record.attack_seed for record in store.records(metric="clean")] == [0]


def test_records_say_where_they_were_measured_not_where_they_were_read(trial, data, tmp_path, monkeypatch):
    network, _ = trial.train(data, tmp_path)
    suite = Suite("s", (), checks=False)
    evaluate(network, data, suite, split="test", seed=1, directory=tmp_path)
    monkeypatch.setattr(torch, "__version__", "99.0")
    records, _ = trial.records(data, evaluate(network, data, suite, split="test", seed=1, directory=tmp_path))
    assert records[0].torch_version != "99.0"


def test_another_trial_in_the_folder_is_refused(trial, data, tmp_path):
    trial.train(data, tmp_path)
    other = replace(trial, architecture=Architecture("000000"))
    with pytest.raises(
        CheckpointError, match=r"trial.json, architecture: expected 000000, got 323133; .*choose another"
    ):
        other.train(data, tmp_path)
    other = replace(trial, recipe=trial.recipe.replace(epochs=2))
    with pytest.raises(CheckpointError, match=r"trial.json, recipe epochs: expected 2, got 1; "):
        other.train(data, tmp_path)


def test_names_and_the_place_of_the_data_make_no_other_trial(trial, data, tmp_path):
    renamed = replace(trial, recipe=trial.recipe.replace(name="another"), source=Source(name="elsewhere"))
    assert renamed.recipe.hash == trial.recipe.hash
    trial.train(data, tmp_path)
    network, _ = renamed.train(data, tmp_path)
    assert load_trial(tmp_path) == renamed
    again = trial.trained_network(data, tmp_path).state_dict()
    assert all((value == again[name]).all() for name, value in network.state_dict().items())


def test_other_images_under_the_same_name_are_refused(trial, data, tmp_path):
    trial.train(data, tmp_path)
    with pytest.raises(CheckpointError, match=r"checkpoint.pt, data: expected \w+, got \w+; this folder holds another"):
        trial.train(data.limit(train=32), tmp_path)
    with pytest.raises(CheckpointError, match=r"trial.json, seed: expected 2, got 1"):
        replace(trial, seed=2).train(data, tmp_path)


def test_an_unfinished_training_is_not_evaluated(trial, data, tmp_path):
    with pytest.raises(
        CheckpointError, match=f"{CHECKPOINT}: expected a finished training of 1 epochs, got 0; finish it"
    ):
        trial.trained_network(data, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"architecture": "323133"}', '{"recipe": {"x": 1}}'])
def test_a_damaged_description_is_one_clear_error(tmp_path, text):
    (tmp_path / TRIAL).write_text(text)
    with pytest.raises(DataError, match=r"trial.json: expected the description of a trial, got .*; restore the file"):
        load_trial(tmp_path)


def test_a_folder_without_a_trial_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="expected a folder written by robnas train, got no such file; train first"):
        load_trial(tmp_path / "nothing")


def test_a_negative_seed_is_refused(trial):
    with pytest.raises(InputError, match="seed: expected a number in"):
        Trial(architecture=trial.architecture, source=trial.source, recipe=trial.recipe, seed=-1)
