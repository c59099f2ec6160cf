import dataclasses
import json

import pytest
import torch

from robnas.attacks import PGD, perturb
from robnas.data import to_pixels
from robnas.errors import InputError
from robnas.training import LOG, EarlyStopping, EpochLog, is_finished, overfitting, restore, result_epoch, train

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture
def stopping(tiny):
    """Rates so high that accuracy falls again."""
    return tiny.replace(
        epochs=8, optimizer={"lr": 0.3}, schedule="constant", stopping=EarlyStopping(patience=2, images=40)
    )


def test_the_best_epoch_is_the_result_and_the_last_one_is_kept_beside_it(data, stopping, build, tmp_path):
    seen, network = [], build()
    history = train(
        network, data, stopping, seed=1, directory=tmp_path, on_epoch=lambda _: seen.append(weights(network))
    )
    figures = [entry.validation_accuracy for entry in history]
    best = figures.index(max(figures))
    assert len(history) == best + 3 < 8
    assert [json.loads(line)["validation_accuracy"] for line in (tmp_path / LOG).read_text().splitlines()] == figures
    assert result_epoch(history).epoch == best + 1
    assert equal(weights(network), seen[best])
    assert not equal(seen[best], seen[-1])
    for last, wanted in ((False, seen[best]), (True, seen[-1])):
        kept = build(seed=9)
        restore(kept, data, stopping, seed=1, directory=tmp_path, last=last)
        assert equal(weights(kept), wanted)


def test_the_figure_is_robust_accuracy_on_the_first_validation_images(data, stopping, build):
    network, images = build(), data.split("validation").limit(40)
    history = train(network, data, stopping.replace(epochs=1), seed=1)
    attack = PGD(stopping.attack.threat, steps=10, step_size=stopping.attack.threat.epsilon / 4)
    found = perturb(attack, network, to_pixels(images.images), images.labels, seed=0).correct.float().mean().item()
    assert history[0].validation_accuracy == pytest.approx(found, abs=0.051)
    plain = train(build(), data, stopping.replace(epochs=1, beta=0.0), seed=1)
    clean = build()
    train(clean, data, stopping.replace(epochs=1, beta=0.0), seed=1)
    correct = clean(to_pixels(images.images)).argmax(1) == images.labels
    assert plain[0].validation_accuracy == pytest.approx(correct.float().mean().item())


def test_stopping_changes_no_weight_of_the_epochs_that_are_trained(data, stopping, build):
    found = []
    for recipe in (stopping, stopping.replace(stopping=None)):
        seen, network = [], build()
        train(network, data, recipe, seed=1, on_epoch=lambda _, of=network, to=seen: to.append(weights(of)))
        found.append(seen)
    assert len(found[0]) < len(found[1]) == 8
    assert all(equal(one, two) for one, two in zip(*found, strict=False))


def test_a_data_set_without_validation_images_is_one_clear_line(data, stopping, build):
    splits = {name: images for name, images in data.splits.items() if name != "validation"}
    data = dataclasses.replace(data, splits=splits)
    with pytest.raises(InputError, match="recipe stopping: expected a data set with a validation split; digits has"):
        train(build(), data, stopping, seed=0)


@pytest.mark.parametrize(
    ("figures", "over"),
    [([], False), ([0.5], False), ([0.5, 0.4], False), ([0.5, 0.5, 0.5], True), ([0.5, 0.4, 0.6, 0.1], False)],
)
def test_patience_counts_epochs_without_a_new_best_one(figures, over):
    assert EarlyStopping(patience=2).is_over(figures) is over


def entry(epoch, validation, attack=0.9, pgd=0.9):
    return EpochLog(epoch, 1.0, 0.5, 0.5, 1.0, 0.1, 1.0, attack, pgd, validation)


def test_overfitting_is_that_of_the_result(tiny):
    assert overfitting([entry(1, 0.6), entry(2, 0.1, pgd=0.0)]) is None
    assert overfitting([entry(1, 0.1), entry(2, 0.6, pgd=0.0)]).startswith("catastrophic overfitting: in epoch 2")
    assert not is_finished(tiny, [entry(1, None)])


@pytest.mark.parametrize(
    ("stopping", "text"),
    [
        ({"name": "early-stopping", "patience": 0}, "recipe stopping patience: expected at least 1, got 0"),
        ({"name": "early-stopping", "images": 1.5}, "recipe stopping images: expected a whole number, got 1.5"),
        ("early", "recipe stopping: expected one of early-stopping, got 'early'"),
    ],
)
def test_impossible_stoppings_are_refused(tiny, stopping, text):
    with pytest.raises(InputError, match=text):
        tiny.replace(stopping=stopping)
