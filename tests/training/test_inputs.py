"""What a training is given: wrong things are one clear line at the first batch."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from robnas.data import Images
from robnas.errors import DivergedError, InputError
from robnas.training import train


class Linear(nn.Module):
    """Flat and fast."""

    def __init__(self, before=lambda x: x, after=lambda z: z):
        super().__init__()
        self.before, self.after = before, after
        self.linear = nn.Linear(64, 10)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            self.linear.weight.copy_(torch.linspace(-1, 1, 640).view(64, 10).T)

    def forward(self, images):
        return self.after(self.linear(self.before(images).flatten(1)))


def relabelled(data, change):
    part = data.split("train")
    return replace(data, splits={**data.splits, "train": Images(part.images, change(part.labels.clone()))})


@pytest.mark.parametrize("objective", ["mixed", "trades"])
def test_an_attack_without_a_finite_gradient_is_refused(objective, data, tiny):
    """At black pixels the slope of the root is infinite; loss and logits are fine."""
    text = "gradient of the loss to the images: expected finite numbers, got nan or infinity"
    with pytest.raises(InputError, match=text):
        train(Linear(lambda x: torch.sqrt(x) ** 2), data, tiny.replace(objective=objective), seed=0)


@pytest.mark.parametrize("objective", ["mixed", "trades"])
def test_a_graph_that_cannot_raise_makes_the_loss_tell(objective, data, tiny, monkeypatch):
    monkeypatch.setattr("robnas.attacks._gradient._is_recorded", lambda found: True)
    expected, network = Linear(), Linear()
    train(network, data, tiny.replace(objective=objective), seed=0)
    monkeypatch.undo()
    train(expected, data, tiny.replace(objective=objective), seed=0)
    assert torch.equal(network.linear.weight, expected.linear.weight)
    monkeypatch.setattr("robnas.attacks._gradient._is_recorded", lambda found: True)
    with pytest.raises(DivergedError, match="loss is nan in epoch 1, step 1"):
        train(Linear(lambda x: torch.sqrt(x) ** 2), data, tiny.replace(objective=objective), seed=0)


@pytest.mark.parametrize("objective", ["mixed", "trades"])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_weights_that_are_nan_diverge_whatever_the_attack_finds_first(objective, step, data, tiny):
    class Spoiled(Linear):
        steps = 0

        def forward(self, images):
            self.steps += self.training and self.linear.weight.requires_grad
            if self.steps == step + (step - 1 if objective == "trades" else 0):
                self.linear.weight.data.fill_(torch.nan)
            return super().forward(images)

    with pytest.raises(DivergedError, match="loss is nan"):
        train(Spoiled(), data, tiny.replace(objective=objective), seed=0)


def test_weights_that_the_last_step_spoils_are_not_returned(data, tiny):
    class Spoiled(Linear):
        def eval(self):
            if getattr(self, "late", False):
                self.linear.weight.data.fill_(torch.nan)
            return super().eval()

    network, total = Spoiled(), []

    def progress(done, of, text):
        total.append(done)
        network.late = done == of

    with pytest.raises(DivergedError, match="in epoch 3, step"):
        train(network, data, tiny, seed=0, progress=progress)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (lambda z: z[:, :1], r"network: expected logits of shape \(1, 2 or more\)"),
        (lambda z: z[:, :5], "network: expected 10 logits, one per class of the data, got 5"),
        (lambda z: z[:, :, None, None], r"network: expected logits of shape .* got torch.float32 of shape \(1, 10,"),
        (lambda z: (z, z), "network: expected logits of shape .* got tuple; let forward return the logits alone"),
    ],
)
def test_logits_of_another_kind_are_refused(after, text, data, tiny):
    with pytest.raises(InputError, match=text):
        train(Linear(after=after), data, tiny, seed=0)


def test_logits_that_are_others_in_training_are_refused(data, tiny):
    network = Linear()
    network.after = lambda z: (z, z) if network.training else z
    with pytest.raises(InputError, match=r"network: expected logits of shape .* got tuple"):
        train(network, data, tiny, seed=0)


@pytest.mark.parametrize("bad", [-1, -100, 10])
def test_labels_outside_the_classes_are_refused(bad, data, tiny):
    wrong = relabelled(data, lambda labels: labels.index_fill(0, torch.tensor([3]), bad))
    with pytest.raises(InputError, match=rf"labels: expected numbers of classes, from 0 to 9, got {bad}"):
        train(Linear(), wrong, tiny, seed=0)


def test_as_many_labels_as_images_are_needed(data, tiny):
    for change in (lambda y: y[:30], lambda y: torch.cat([y, y]), lambda y: y[:, None]):
        with pytest.raises(InputError, match=r"labels: expected shape \(96,\), one per image, got shape"):
            train(Linear(), relabelled(data, change), tiny, seed=0)


def test_labels_are_integers_of_any_width(data, tiny):
    networks = Linear(), Linear(), Linear()
    for network, dtype in zip(networks, (torch.int64, torch.int32, torch.uint8), strict=True):
        train(network, relabelled(data, lambda y: y.to(dtype)), tiny, seed=0)  # noqa: B023
    assert all(torch.equal(network.linear.weight, networks[0].linear.weight) for network in networks)
    with pytest.raises(InputError, match=r"labels: expected a tensor of integers, got torch\.float32"):
        train(Linear(), relabelled(data, torch.Tensor.float), tiny, seed=0)


def test_images_of_another_shape_are_refused(data, tiny, build):
    part = data.split("train")
    for change in (lambda x: x.repeat(1, 3, 1, 1), lambda x: x[:, 0]):
        wrong = replace(data, splits={**data.splits, "train": Images(change(part.images), part.labels)})
        with pytest.raises(InputError, match=re.compile("images|network")) as raised:
            train(build(), wrong, tiny, seed=0)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_trainings_work_where_gradients_are_off(mode, data, tiny):
    expected, found = Linear(), Linear()
    train(expected, data, tiny, seed=0)
    with mode():
        train(found, data, tiny, seed=0)
    assert torch.equal(found.linear.weight, expected.linear.weight)


def test_the_default_dtype_changes_nothing(data, tiny):
    expected, found = Linear(), Linear()
    train(expected, data, tiny, seed=0)
    torch.set_default_dtype(torch.float64)
    try:
        train(found, data, tiny, seed=0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found.linear.weight, expected.linear.weight)


@pytest.mark.parametrize(
    "network", [nn.Flatten(), Linear().requires_grad_(requires_grad=False)], ids=["none", "frozen"]
)
def test_a_network_without_weights_to_train_is_refused(network, data, tiny):
    with pytest.raises(InputError, match="network: expected weights to train, got none that requires a gradient"):
        train(network, data, tiny, seed=0)


class Stateful(Linear):
    def __init__(self, state):
        super().__init__()
        self.state = state

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state):
        self.state = state


def test_extra_state_that_no_checkpoint_brings_back_is_refused_before_the_training(data, tiny, tmp_path):
    network = Stateful({"order": np.arange(3)})
    with pytest.raises(InputError, match=r"extra state of the network, _extra_state: expected tensors, numbers, .*"):
        train(network, data, tiny, seed=0, directory=tmp_path)
    assert not list(tmp_path.iterdir())
    train(network, data, tiny.replace(epochs=1), seed=0)


def test_plain_extra_state_resumes(data, tiny, tmp_path):
    recipe = tiny.replace(epochs=1)
    train(Stateful({"order": [2, 1], "of": torch.ones(2)}), data, recipe, seed=0, directory=tmp_path)
    network = Stateful(None)
    train(network, data, recipe, seed=0, directory=tmp_path)
    assert network.state["order"] == [2, 1]


def test_standard_training_needs_no_gradient_to_the_images(data, tiny, tmp_path):
    recipe = tiny.replace(beta=0.0, epochs=1)
    for _ in range(2):  # the second one finds the checkpoint
        network = Linear(lambda x: torch.from_numpy(np.sqrt(x.numpy())))
        assert len(train(network, data, recipe, seed=0, directory=tmp_path)) == 1
