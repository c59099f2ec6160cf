"""Training attacks in recipes and trainings: plain values, hashes, free training, the watch over single steps."""

import copy
import json
import tomllib
import warnings

import pytest
import torch

from robnas.attacks import APGD, ATTACKS, FGSM, NFGSM, PGD, RSFGSM, Free
from robnas.errors import InputError
from robnas.training import (
    MART,
    OBJECTIVES,
    TRADES,
    Cyclic,
    Mixed,
    Outcome,
    Piecewise,
    Recipe,
    Step,
    TrainingWarning,
    recipe,
    train,
)
from robnas.types import ThreatModel
from tests.reference.objectives import FreeTraining
from tests.training.own_attack import Darken
from tests.training.test_objective import Smooth

pytestmark = pytest.mark.usefixtures("one_thread")
LINF = ThreatModel.linf("32/255")
ATTACKS_OF_RECIPES = [FGSM(LINF), RSFGSM(LINF, step=1), NFGSM(ThreatModel.l2(1), noise=3), Free(LINF, 4), APGD(LINF, 3)]


@pytest.mark.parametrize("attack", ATTACKS_OF_RECIPES, ids=lambda attack: attack.name)
def test_recipes_with_other_attacks_survive_json_and_have_hashes_of_their_own(attack):
    base = Recipe.digits()
    found = base.replace(attack=attack)
    again = Recipe.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert again.hash == found.hash != base.hash
    assert base.replace(attack=type(attack)(attack.threat, **({"replays": 5} if attack.name == "free" else {}))) != base
    assert found.to_dict()["attack"]["name"] == attack.name.replace("_", "-")


def test_attacks_are_named_in_toml_and_begin_with_the_threat_model_that_is_there():
    text = '[recipe.attack]\nname = "n-fgsm"\nnoise = 3\n'
    found = Recipe.digits().replace(**tomllib.loads(text)["recipe"])
    assert found.attack == NFGSM(LINF, noise=3.0)
    assert found.name == "digits+attack=n-fgsm@32/255,noise=3.0"
    assert found.replace(attack={"step": 1.25}).attack == NFGSM(LINF, noise=3.0, step=1.25)
    assert found.replace(attack={"threat": {"epsilon": "8/255"}}).attack.threat == ThreatModel.linf("8/255")
    assert Recipe.digits().replace(attack="free").attack == Free(LINF)
    assert Recipe.digits().replace(attack={"steps": 3}).attack == PGD(LINF, steps=3, step_size=40 / 255)
    whole = {"name": "rs-fgsm", "threat": {"norm": "l2", "epsilon": 1}}
    assert Recipe.from_dict({"attack": whole}).attack == RSFGSM(ThreatModel.l2(1))


@pytest.mark.parametrize(
    ("objective", "equal"),
    [
        (Mixed(0.25), {"beta": 0.25}),
        ({"name": "mixed", "beta": 0.25}, {"beta": 0.25}),
        ({"beta": 0.25}, {"beta": 0.25}),
        (TRADES(3), {"objective": "trades", "trades_weight": 3.0}),
        ({"name": "trades", "weight": 3}, {"objective": "trades", "trades_weight": 3}),
        (OBJECTIVES["trades"], {"objective": "trades"}),
        ("mart", {"objective": MART()}),
        ({"name": "mart"}, {"objective": MART(5)}),
        ({"name": "mart", "weight": 4}, {"objective": MART(4.0)}),
    ],
)
def test_one_recipe_has_one_hash_however_its_objective_is_written(objective, equal):
    base = Recipe.digits()
    found, wanted = base.replace(objective=objective), base.replace(**equal)
    assert found == wanted.replace(name=found.name)
    assert found.hash == wanted.hash
    assert Recipe.from_dict(json.loads(json.dumps(found.to_dict()))).hash == found.hash


def test_settings_of_an_objective_can_be_changed_alone():
    assert Recipe.digits().replace(objective=MART(2)).replace(objective={"weight": 3}).objective == MART(3.0)
    assert Recipe.digits().replace(objective=TRADES(2)).replace(objective={"weight": 3}).trades_weight == 3.0
    assert Recipe(name="a", objective=Mixed(0.5)).beta == 0.5


def test_ones_own_objective_has_settings_in_recipes(data, tiny, build):
    with pytest.raises(InputError, match="recipe objective: expected one of mixed, trades, mart, by name or as an obj"):
        tiny.replace(objective=Smooth(0.2))
    OBJECTIVES["smooth"] = Smooth
    try:
        found = tiny.replace(objective={"name": "smooth", "smoothing": 0.2}, epochs=1)
        assert found.objective == Smooth(0.2)
        assert found.to_dict()["objective"] == {"name": "smooth", "smoothing": 0.2}
        assert Recipe.from_dict(found.to_dict()).hash == found.hash != tiny.replace(objective="smooth").hash
        assert train(build(), data, found, seed=0)[0].robust_accuracy is not None
    finally:
        del OBJECTIVES["smooth"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"attack": "nfgsm"},
            "recipe attack: expected one of pgd, fgsm, rs-fgsm, n-fgsm, free, .*mean n-fgsm",
        ),
        ({"attack": {"name": "free", "replay": 2}}, "recipe attack setting: .* got 'replay'; did you mean replays"),
        ({"attack": {"name": "n-fgsm", "noise": "x"}}, "NFGSM noise: expected a number, got 'x'"),
        ({"attack": FGSM}, "recipe attack: expected an attack with one start"),
        ({"attack": NFGSM(LINF, label="a")}, "recipe attack label: expected none, got 'a'"),
        ({"attack": Free(LINF), "beta": 0.0}, "recipe attack free: expected objective mixed with beta above 0"),
        ({"attack": Free(LINF), "objective": "trades"}, "recipe attack free: expected objective mixed"),
        ({"attack": Free(LINF), "objective": MART()}, "recipe attack free: expected objective mixed"),
        ({"attack": FGSM(LINF), "objective": "trades"}, "recipe attack: expected a start other than the image"),
        ({"attack": APGD(LINF, 3), "objective": "trades"}, "recipe attack: expected one that increases any loss"),
        (
            {"objective": Mixed(0.5), "beta": 0.3},
            "recipe beta: expected beta or the setting of the objective",
        ),
        ({"objective": {"name": "mart", "wait": 1}}, "recipe objective mart setting: .*did you mean weight"),
        ({"objective": {"name": "mart", "weight": "1"}}, "recipe objective weight: expected a number, got '1'"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, text):
    with pytest.raises(InputError, match=text):
        Recipe.digits().replace(**changes)


def batches_of(data, dtype, sizes=(16, 16, 7)):
    part = data.split("train")
    pixels, labels = part.images[: sum(sizes)].to(dtype) / 255, part.labels[: sum(sizes)]
    return list(zip(pixels.split(sizes), labels.split(sizes), strict=True))


def test_free_training_is_that_of_the_paper_replay_by_replay(data, tiny, build):
    free = tiny.replace(attack=Free(LINF, replays=3))
    network, other = build().double().train(), build().double().train()
    step = Step(network, free, torch.Generator().manual_seed(0))
    reference = FreeTraining(other, LINF.epsilon, weight_decay=5e-4)
    assert step.replays == 3
    for images, labels in batches_of(data, torch.float64):
        for replay in range(3):
            rates = 0.01 * (replay + 1), 0.9 - 0.1 * replay
            ours, theirs = step(images, labels, *rates).loss.item(), reference.replay(images, labels, *rates)
            assert ours == pytest.approx(theirs, rel=1e-9)
    for found, wanted in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-9)
    assert step.optimizer.state_dict()["perturbation"]["delta"].abs().max() <= LINF.epsilon


def test_captured_free_steps_compute_what_eager_ones_do_when_the_batch_grows(data, tiny, build):
    free, states = tiny.replace(attack=Free(LINF, replays=2)), []
    for settings in ({}, {"capture": lambda run, generator: run}):
        network = build().train()
        step = Step(network, free, torch.Generator().manual_seed(0), **settings)
        for images, labels in batches_of(data, torch.float32, (16,) * 5 + (7,)) + batches_of(
            data, torch.float32, (20,)
        ):
            for _ in range(2):
                step(images, labels, 0.01, 0.9)
        states.append(network.state_dict())
    assert all(map(torch.equal, states[0].values(), states[1].values()))


@pytest.mark.parametrize("attack", [Free(LINF, 2), Free(ThreatModel.l2(1), 2), NFGSM(LINF), APGD(LINF, 2)])
def test_a_training_goes_on_after_every_epoch_to_the_same_bits(data, tiny, build, tmp_path, attack):
    changed, whole, parts = tiny.replace(attack=attack), build(), None

    class StopError(Exception):
        pass

    def stop(entry):
        if entry.epoch < 3:
            raise StopError

    history = train(whole, data, changed, seed=0)
    for _ in range(3):
        parts = build()
        try:
            resumed = train(parts, data, changed, seed=0, directory=tmp_path, on_epoch=stop)
        except StopError:
            continue
    assert all(map(torch.equal, whole.state_dict().values(), parts.state_dict().values()))
    assert [entry.loss for entry in resumed] == [entry.loss for entry in history]


def test_the_rates_of_free_training_follow_the_updates(data, tiny, build):
    free = tiny.replace(attack=Free(LINF, 4), epochs=2)
    steps = 2 * 4 * 3  # epochs, replays, batches of 40, 40, 16
    assert train(build(), data, free, seed=0)[-1].learning_rate == free.rates(steps - 1, steps)[0]


def test_an_objective_that_does_not_ask_for_the_attacked_images_is_not_free(data, tiny, build):
    OBJECTIVES["deaf"] = lambda network, images, labels, recipe, generator: Outcome(
        torch.nn.functional.cross_entropy(network(images), labels), None
    )
    try:
        with pytest.raises(InputError, match=r"objective: expected a loss of the attacked .*training\.attacked"):
            train(build(), data, tiny.replace(objective="deaf", attack=Free(LINF)), seed=0)
    finally:
        del OBJECTIVES["deaf"]


@pytest.mark.parametrize("attack", [RSFGSM(LINF), NFGSM(LINF), Free(LINF, 2), FGSM(LINF)])
def test_every_attack_of_one_step_is_watched(data, tiny, build, attack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        entry = train(build(), data, tiny.replace(attack=attack, epochs=1), seed=0)[0]
    assert entry.attack_accuracy is not None
    assert entry.pgd_accuracy is not None


def test_ones_own_attack_may_be_trained_with(data, tiny, build):
    ATTACKS["darken"] = Darken
    try:
        found = tiny.replace(attack={"name": "darken", "share": 0.5}, epochs=1)
        assert found.attack == Darken(LINF, 0.5)
        assert Recipe.from_dict(found.to_dict()).hash == found.hash
        networks = [build(), build()]
        for network in networks:
            assert train(network, data, found, seed=0)[0].robust_accuracy is not None
        assert all(map(torch.equal, networks[0].state_dict().values(), networks[1].state_dict().values()))
    finally:
        del ATTACKS["darken"]


def test_the_n_fgsm_preset_has_the_published_settings():
    found = recipe("n-fgsm-15")
    assert (found.epochs, found.batch_size, found.max_lr, found.weight_decay) == (15, 128, 0.2, 5e-4)
    assert found.attack == NFGSM(ThreatModel.linf("8/255"), noise=2, step=1)
    assert (found.schedule, found.objective, found.beta) == (Cyclic(), "mixed", 1.0)


def test_the_trades_preset_has_the_published_settings():
    found = recipe("trades-wrn")
    assert (found.epochs, found.batch_size, found.max_lr, found.weight_decay) == (76, 128, 0.1, 2e-4)
    assert (found.objective, found.trades_weight) == ("trades", 6.0)
    assert found.attack == PGD(ThreatModel.linf(0.031), steps=10, step_size=0.007)
    assert isinstance(found.schedule, Piecewise)
    batches = 391  # of 128 of 50,000 images
    rates = [found.rates(step, 76 * batches) for step in (0, 74 * batches - 1, 74 * batches, 76 * batches - 1)]
    assert rates == [(0.1, 0.9), (0.1, 0.9), (pytest.approx(0.01), 0.9), (pytest.approx(0.01), 0.9)]


def test_the_cyclic_schedule_is_pytorchs_step_by_step():
    parameter = torch.nn.Parameter(torch.zeros(1))
    for total, peak in ((40, 0.5), (40, 0.4)):
        optimizer = torch.optim.SGD([parameter], lr=0.2, momentum=0.9)
        theirs = torch.optim.lr_scheduler.CyclicLR(
            optimizer, base_lr=0, max_lr=0.2, step_size_up=total * peak, step_size_down=total * (1 - peak)
        )
        for step in range(total):
            group = optimizer.param_groups[0]
            assert Cyclic(peak=peak).rates(0.2, step, total) == pytest.approx((group["lr"], group["momentum"]))
            optimizer.step()
            theirs.step()


def test_a_step_leaves_the_recipe_as_it_was(data, tiny, build):
    free = tiny.replace(attack=Free(LINF))
    before = copy.deepcopy(free)
    Step(build(), free, torch.Generator())
    assert free == before
