import copy
import io
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from robnas.attacks import perturb
from robnas.errors import CheckpointError, DivergedError, InputError
from robnas.training import CHECKPOINT, LOG, OBJECTIVES, PRECISIONS, restore, train
from robnas.training._checkpoint import save

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_training_improves_clean_and_robust_accuracy(data, tiny, build):
    history = train(build(channels=4), data, tiny.replace(epochs=12), seed=0)
    assert [entry.epoch for entry in history] == list(range(1, 13))
    assert history[-1].loss < history[0].loss - 0.5
    assert history[-1].clean_accuracy > 0.5
    assert history[-1].robust_accuracy > history[0].robust_accuracy + 0.2
    assert all(entry.images_per_second > 0 for entry in history)


def test_same_seed_same_result_and_other_seed_another(data, tiny, build):
    results = []
    for seed in (0, 0, 1):
        network = build()
        train(network, data, tiny, seed=seed)
        results.append(weights(network))
    assert equal(results[0], results[1])
    assert not equal(results[0], results[2])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_interrupted_training_goes_on_to_the_same_weights(data, tiny, build, tmp_path, objective):
    recipe = tiny.replace(objective=objective, crop=0.125, flip=True)
    whole = build()
    history = train(whole, data, recipe, seed=3)

    class StoppedError(Exception):
        pass

    def stop_in_the_middle(done, total, text):
        if done == total // 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(build(), data, recipe, seed=3, directory=tmp_path, progress=stop_in_the_middle)
    assert len((tmp_path / LOG).read_text().splitlines()) == 1
    resumed = build(seed=99)  # its first weights do not matter
    again = train(resumed, data, recipe, seed=3, directory=tmp_path)
    assert equal(weights(whole), weights(resumed))
    assert [entry.loss for entry in again] == [entry.loss for entry in history]


def test_a_finished_training_is_not_repeated(data, tiny, build, tmp_path):
    first = build()
    train(first, data, tiny, seed=0, directory=tmp_path)
    second, steps = build(seed=5), []
    train(second, data, tiny, seed=0, directory=tmp_path, progress=lambda *done: steps.append(done))
    assert steps == []
    assert equal(weights(first), weights(second))


KILLED = """
    import os, signal, sys
    import torch
    torch.set_num_threads(1)
    from robnas.data import load_data
    from robnas.networks import build_network
    from robnas.training import Recipe, train

    recipe = Recipe.from_dict(__import__("json").loads(sys.argv[2]))
    data = load_data("digits").limit(train=96)
    network = build_network("323143", num_classes=10, channels=2, cells=1, in_channels=1, mean=data.mean, std=data.std)

    def die(done, total, text):
        if done == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

    train(network, data, recipe, seed=3, directory=sys.argv[1], progress=die)
"""


@pytest.mark.parametrize("step", [1, 4, 9])
def test_a_training_killed_outright_loses_nothing_but_the_epoch_begun(data, tiny, build, tmp_path, step):
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), json.dumps(tiny.to_dict()), str(step)]
    assert subprocess.run(script, check=False).returncode == -signal.SIGKILL
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    whole, resumed = build(), build()
    train(whole, data, tiny, seed=3)
    train(resumed, data, tiny, seed=3, directory=tmp_path)
    assert equal(weights(whole), weights(resumed))


def test_the_log_has_a_json_line_per_epoch(data, tiny, build, tmp_path):
    history = train(build(), data, tiny, seed=0, directory=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[-1]["loss"] == history[-1].loss
    assert set(lines[0]) == {
        "epoch", "loss", "clean_accuracy", "robust_accuracy", "images_per_second", "learning_rate", "seconds",
    }  # fmt: skip


def test_standard_training_costs_no_attack(data, tiny, build, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("attacked")

    monkeypatch.setattr("robnas.attacks._gradient.ascend", forbidden)
    history = train(build(), data, tiny.replace(beta=0.0), seed=0)
    assert all(entry.robust_accuracy is None for entry in history)
    with pytest.raises(AssertionError, match="attacked"):
        train(build(), data, tiny.replace(beta=0.01), seed=0)


def batch(data):
    part = data.split("train")
    return part.images[:8].double() / 255, part.labels[:8]


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0])
def test_mixed_objective_is_the_stated_sum(data, tiny, build, beta):
    recipe, network = tiny.replace(beta=beta), build().double().train()
    images, labels = batch(data)
    outcome = OBJECTIVES["mixed"](network, images, labels, recipe, torch.Generator().manual_seed(1))

    reference = build().double().train()
    clean = F.cross_entropy(reference(images), labels) if beta < 1 else 0.0
    reference.eval()
    attacked = recipe.attack.once(
        lambda x: F.cross_entropy(reference(x), labels, reduction="sum"), images, torch.Generator().manual_seed(1)
    )
    reference.train()
    robust = F.cross_entropy(reference(attacked), labels) if beta > 0 else 0.0
    torch.testing.assert_close(outcome.loss, (1 - beta) * clean + beta * robust)
    assert (outcome.robust_correct is None) == (beta == 0)


def test_trades_objective_is_the_stated_sum(data, tiny, build):
    recipe, network = tiny.replace(objective="trades", trades_weight=3.0), build().double().train()
    images, labels = batch(data)
    outcome = OBJECTIVES["trades"](network, images, labels, recipe, torch.Generator().manual_seed(1))

    reference = build().double().eval()
    epsilon, low = recipe.attack.threat.epsilon, images - recipe.attack.threat.epsilon
    noise = torch.empty_like(images).normal_(0, 1e-3, generator=torch.Generator().manual_seed(1))
    attacked, target = (images + noise).clamp(0, 1), F.softmax(reference(images), dim=1).detach()
    for _ in range(recipe.attack.steps):
        attacked.requires_grad_()
        divergence = (target * (target.log() - F.log_softmax(reference(attacked), dim=1))).sum()
        (gradient,) = torch.autograd.grad(divergence, attacked)
        attacked = (attacked.detach() + recipe.attack.step_size * gradient.sign()).clamp(min=low, max=images + epsilon)
        attacked = attacked.clamp(0, 1)
    reference.train()
    clean, robust = reference(images), reference(attacked)
    p, q = F.softmax(clean, dim=1), F.softmax(robust, dim=1)
    expected = F.cross_entropy(clean, labels) + 3.0 * (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(outcome.loss, expected)


class Plain(torch.nn.Module):
    """The same network without a faster form for attacks."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images)


def test_attack_is_made_in_evaluation_mode_and_leaves_statistics_alone(data, tiny, build):
    network = build().train()
    modes = []
    network.head.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    images, labels = batch(data)
    before = copy.deepcopy(network.stem[1].num_batches_tracked)
    OBJECTIVES["mixed"](Plain(network).train(), images.float(), labels, tiny, torch.Generator().manual_seed(0))
    assert modes == [False] * tiny.attack.steps + [True]
    assert network.stem[1].num_batches_tracked == before + 1


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_folding_changes_no_attack_and_no_loss(data, tiny, build, objective):
    images, labels = batch(data)
    outcomes = []
    for wrap in (Plain, torch.nn.Identity()):
        network = build().double().train()
        network(images)  # statistics other than the initial ones
        generator = torch.Generator().manual_seed(0)
        outcome = OBJECTIVES[objective](wrap(network).train(), images, labels, tiny, generator)
        outcomes.append((outcome.loss.detach(), network.stem[1].num_batches_tracked))
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=1e-12, atol=1e-12)


def test_a_diverging_training_names_epoch_and_step(data, tiny):
    class Exploding(torch.nn.Linear):
        steps = 0

        def forward(self, images):
            self.steps += self.training
            return super().forward(images.flatten(1)) * (float("nan") if self.steps == 5 else 1.0)

    with pytest.raises(DivergedError, match="loss is nan in epoch 2, step 2; lower the recipe's max_lr") as raised:
        train(Exploding(64, 10), data, tiny.replace(beta=0.0), seed=0)
    assert (raised.value.epoch, raised.value.step) == (2, 2)


def test_an_absurd_learning_rate_diverges(data, tiny, build):
    with pytest.raises(DivergedError, match=r"training diverged: loss is (nan|inf)"):
        train(build(), data, tiny.replace(max_lr=1e6, start_divisor=1.0, epochs=20), seed=0)


def test_another_training_in_the_folder_is_refused(data, tiny, build, tmp_path):
    train(build(), data, tiny.replace(epochs=1), seed=0, directory=tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    for recipe, seed, subject, other in (
        (tiny, 0, "recipe", data),
        (tiny.replace(epochs=1), 1, "seed", data),
        (tiny.replace(epochs=1), 0, "data", data.limit(train=50)),
    ):
        with pytest.raises(CheckpointError, match=f"{CHECKPOINT}, {subject}: .*holds another training"):
            train(build(), other, recipe, seed=seed, directory=tmp_path)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"junk" * 100])
def test_a_damaged_checkpoint_is_one_clear_error(data, tiny, build, tmp_path, damage):
    train(build(), data, tiny.replace(epochs=1), seed=0, directory=tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        CheckpointError, match=r"expected a checkpoint written by robnas, .*; delete it to train"
    ) as raised:
        train(build(), data, tiny.replace(epochs=1), seed=0, directory=tmp_path)
    assert "\n" not in str(raised.value)


def test_a_hostile_checkpoint_is_not_run(data, tiny, build, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"version": 1, "identity": Hostile()}, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError):
        train(build(), data, tiny, seed=0, directory=tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_leaves_the_last_checkpoint(data, tiny, build, tmp_path, monkeypatch):
    train(build(), data, tiny, seed=0, directory=tmp_path / "whole")

    def full(*_):
        raise OSError(28, "No space left on device")

    def second_epoch(entry):
        if entry.epoch == 1:
            monkeypatch.setattr("os.fsync", full)

    with pytest.raises(OSError, match="No space left"):
        train(build(), data, tiny, seed=0, directory=tmp_path / "full", on_epoch=second_epoch)
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path / "full")) == [CHECKPOINT, LOG]
    assert len((tmp_path / "full" / LOG).read_text().splitlines()) == 1
    resumed = build()
    train(resumed, data, tiny, seed=0, directory=tmp_path / "full")
    whole = build()
    train(whole, data, tiny, seed=0, directory=tmp_path / "whole")
    assert equal(weights(whole), weights(resumed))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_in_the_middle_of_a_write_arrives_as_it_is(data, tiny, build, tmp_path, monkeypatch, error):
    """Through torch's own writer it would become another one, or end the process."""
    train(build(), data, tiny.replace(epochs=1), seed=0, directory=tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()

    class Full(io.FileIO):
        def write(self, _):
            raise error

    monkeypatch.setattr("os.fdopen", Full)
    with pytest.raises(type(error)) as caught:
        save(tmp_path / CHECKPOINT, {}, {"weights": torch.zeros(100)})
    assert error in (caught.value, caught.value.__cause__)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == [CHECKPOINT, LOG]


def test_network_and_recipe_must_agree_on_the_size_if_the_recipe_was_given_one(data, tiny, build):
    with pytest.warns(DeprecationWarning, match="recipe channels"):
        sized = tiny.replace(channels=2)
    with pytest.raises(InputError, match=r"network channels: expected 2, .* got 8; recipe.replace\(channels=8\)"):
        train(build(channels=8), data, sized, seed=0)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_any_module_can_be_trained(data, tiny, precision):
    """At any precision; its attacks are computed in its own."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    history = train(network, data, tiny.replace(precision=precision), seed=0)
    assert history[-1].loss < history[0].loss


def test_adversarial_training_makes_a_network_more_robust_than_standard_training(tiny, build):
    from robnas.data import load_data, to_pixels

    data, robust = load_data("digits"), []
    for beta in (0.0, 1.0):
        recipe, network = tiny.replace(beta=beta, epochs=4), build(channels=4)
        train(network, data, recipe, seed=0)
        test = data.split("validation")
        found = perturb(recipe.attack, network, to_pixels(test.images), test.labels, seed=0)
        robust.append(found.correct.float().mean().item())
    assert robust[1] > robust[0] + 0.15


def reference_training(network, data, recipe, seed):
    """The same training as an obvious loop, with PyTorch's own schedule and a crop and flip per image."""
    from robnas._seeds import derive_seed

    images, labels = data.split("train").images, data.split("train").labels
    steps = -(-len(labels) // recipe.batch_size)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0, momentum=0.9, weight_decay=recipe.weight_decay)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.max_lr, total_steps=recipe.epochs * steps, pct_start=recipe.warmup,
        div_factor=recipe.start_divisor, final_div_factor=recipe.end_divisor,
    )  # fmt: skip
    pad, side = round(recipe.crop * images.shape[-1]), images.shape[-1]
    losses = []
    for epoch in range(1, recipe.epochs + 1):
        streams = {
            name: torch.Generator().manual_seed(derive_seed(seed, name, epoch))
            for name in ("order", "augmentation", "attack")
        }
        order, total = torch.randperm(len(labels), generator=streams["order"]), 0.0
        for step in range(steps):
            index = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            draw = streams["augmentation"]
            down, right, flip = (
                torch.randint(high, (len(index), 1), generator=draw) for high in (2 * pad + 1, 2 * pad + 1, 2)
            )
            batch = []
            for position, item in enumerate(index):
                image = F.pad(images[item], (pad,) * 4)[:, down[position] :, right[position] :][:, :side, :side]
                batch.append(image.flip(2) if flip[position] else image)
            pixels, target = torch.stack(batch).double() / 255, labels[index]
            network.eval()
            epsilon = recipe.attack.threat.epsilon
            noise = torch.empty_like(pixels).uniform_(-epsilon, epsilon, generator=streams["attack"])
            attacked = (pixels + noise).clamp(0, 1)
            for _ in range(recipe.attack.steps):
                attacked.requires_grad_()
                (gradient,) = torch.autograd.grad(F.cross_entropy(network(attacked), target), attacked)
                attacked = attacked.detach() + recipe.attack.step_size * gradient.sign()
                attacked = (pixels + (attacked - pixels).clamp(-epsilon, epsilon)).clamp(0, 1)
            network.train()
            optimizer.zero_grad()
            loss = F.cross_entropy(network(attacked), target)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index) / len(labels)
            if (epoch - 1) * steps + step + 1 < recipe.epochs * steps:
                scheduler.step()
        losses.append(total)
    return losses


def test_training_equals_an_obvious_loop(data, tiny, build):
    """Order, augmentation, attack, schedule, momentum, decay and logged loss at once, with an uneven last batch."""
    recipe = tiny.replace(epochs=2, batch_size=40, crop=0.25, flip=True, weight_decay=0.01)
    assert len(data.split("train")) % recipe.batch_size
    ours, theirs = build().double(), build().double()
    history = train(ours, data, recipe, seed=4)
    losses = reference_training(theirs, data, recipe, seed=4)
    assert not ours.training
    torch.testing.assert_close([entry.loss for entry in history], losses, rtol=1e-5, atol=1e-6)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-6, atol=1e-8, msg=name)


def test_the_augmentation_of_an_epoch_is_drawn_before_its_steps(data, tiny, build, monkeypatch):
    """So that a device need not wait for the CPU in each of them."""
    from robnas.training import _epoch

    events, draw, step = [], _epoch.draw_augmentation, _epoch.Step.__call__
    monkeypatch.setattr(_epoch, "draw_augmentation", lambda size, **how: (events.append(size), draw(size, **how))[1])
    monkeypatch.setattr(_epoch.Step, "__call__", lambda *given: (events.append("step"), step(*given))[1])
    train(build(), data, tiny.replace(epochs=2, crop=0.125), seed=0)
    assert events == [40, 40, 16, "step", "step", "step"] * 2


def test_epochs_differ_in_order_and_attack(data, tiny):
    class Watching(torch.nn.Linear):
        seen = ()

        def forward(self, images):
            if self.training:
                self.seen = (*self.seen, images.flatten(1))
            return super().forward(images.flatten(1))

    network = Watching(64, 10)
    train(network, data, tiny.replace(epochs=2, batch_size=96, beta=0.0), seed=0)
    first, second = network.seen
    assert not torch.equal(first, second)
    assert torch.equal(first[first.sum(1).argsort()].sum(1), second[second.sum(1).argsort()].sum(1))
    still = tiny.replace(epochs=2, batch_size=96, max_lr=0.0)
    train(network, data, still, seed=0)
    attacked = network.seen[-2:]
    images = data.split("train").images.flatten(1) / 255

    def noise(batch):  # of each image, in the order of the images
        nearest = torch.cdist(batch, images).argmin(1)
        return (batch - images[nearest])[nearest.argsort()]

    assert not torch.equal(noise(attacked[0]), noise(attacked[1]))


class Shifted(nn.Module):
    """Describes itself the same whatever is added to the pixels."""

    def __init__(self, network, shift):
        super().__init__()
        self.network, self.shift = network, shift

    def forward(self, x):
        return self.network(x + self.shift)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_network_that_computes_something_else_does_not_resume(data, tiny, build, tmp_path, epochs):
    def stop(entry):
        if entry.epoch == epochs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Shifted(build(), 0.0), data, tiny, seed=0, directory=tmp_path, on_epoch=stop)
    for again in (train, restore):
        with pytest.raises(CheckpointError, match="other logits with the same weights; this folder holds another"):
            again(Shifted(build(), 0.5), data, tiny, seed=0, directory=tmp_path)
    assert len(restore(Shifted(build(seed=1), 0.0), data, tiny, seed=0, directory=tmp_path)) == epochs


class Moody(nn.Module):
    """Draws from a generator of its own."""

    def __init__(self, network):
        super().__init__()
        self.network, self.draws = network, torch.Generator().manual_seed(0)

    def forward(self, x):
        return self.network(x + torch.rand(x.shape, generator=self.draws))


def test_a_network_that_never_answers_twice_alike_resumes(data, tiny, build, tmp_path):
    recipe = tiny.replace(epochs=1)
    train(Moody(build()), data, recipe, seed=0, directory=tmp_path)
    assert len(train(Moody(build()), data, recipe, seed=0, directory=tmp_path)) == 1


def test_a_network_of_another_structure_does_not_resume(data, tiny, build, tmp_path):
    """Skips and pools have no weights: the checkpoint would fit."""
    train(build("444444"), data, tiny.replace(epochs=1), seed=0, directory=tmp_path)
    with pytest.raises(CheckpointError, match=f"{CHECKPOINT}, network: expected .*holds another training"):
        train(build("111111"), data, tiny.replace(epochs=1), seed=0, directory=tmp_path)


def test_a_log_that_is_an_epoch_behind_is_mended(data, tiny, build, tmp_path):
    train(build(), data, tiny, seed=0, directory=tmp_path)
    lines = (tmp_path / LOG).read_text().splitlines()
    (tmp_path / LOG).write_text("\n".join(lines[:-1]) + "\n")
    train(build(), data, tiny, seed=0, directory=tmp_path)
    assert (tmp_path / LOG).read_text().splitlines() == lines


def test_numpy_seeds_are_seeds(data, tiny, build, tmp_path):
    import numpy as np

    ours, theirs = build(), build()
    train(ours, data, tiny, seed=np.int64(3), directory=tmp_path)
    train(theirs, data, tiny, seed=3)
    assert equal(weights(ours), weights(theirs))
    train(build(), data, tiny, seed=3, directory=tmp_path)  # and the checkpoint can be read
    for seed in (-1, 0.5, "0", None):
        with pytest.raises(InputError, match="seed: expected"):
            train(build(), data, tiny, seed=seed)


def test_a_module_that_wants_contiguous_images_can_be_trained(data, tiny):
    class Viewing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(1, 4, 3), torch.nn.Linear(4 * 36, 10)

        def forward(self, images):
            return self.linear(self.conv(images).view(len(images), -1))

    train(Viewing(), data, tiny, seed=0)
