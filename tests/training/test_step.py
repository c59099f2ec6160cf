"""The training step against one written the published way."""

import copy
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from robnas.attacks import PGD, frozen
from robnas.data import load_data, to_pixels
from robnas.networks import build_network
from robnas.training import OBJECTIVES, Recipe, Step, train
from robnas.training._sgd import Velocities
from robnas.training._step import cuda_graph
from robnas.types import ThreatModel
from tests.reference.network import ReferenceNetwork, copy_weights, randomize

pytestmark = pytest.mark.usefixtures("one_thread")
CODES = ["323133", "421211", "400402", "031420", "222222"]
RECIPE = Recipe.nas_robbench_201()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def reference_step(network, optimizer, images, labels, recipe, generator):
    """Attack in evaluation mode and update in training mode, channels first, every edge executed."""
    attack, epsilon = recipe.attack, recipe.attack.threat.epsilon
    network.eval()
    noise = torch.empty_like(images).uniform_(-epsilon, epsilon, generator=generator)
    attacked = (images + noise).clamp(0, 1)
    for _ in range(attack.steps):
        attacked.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(attacked), labels), attacked)
        attacked = attacked.detach() + attack.step_size * gradient.sign()
        attacked = torch.min(torch.max(attacked, images - epsilon), images + epsilon).clamp(0, 1)
    network.train()
    loss = F.cross_entropy(network(attacked), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def images_and_labels(batch=16, size=16):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.rand(batch, 3, size, size, generator=generator),
        torch.randint(10, (batch,), generator=generator),
    )


def both(code, dtype, images, classes=10, channels=16):
    sizes = {"channels": channels, "cells": 1, "in_channels": images.shape[1]}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        reference = randomize(ReferenceNetwork(code, **sizes), seed=1).to(dtype)
    network = build_network(code, num_classes=classes, **sizes).to(dtype)
    for _ in range(10):  # statistics that fit the network
        reference(images.to(dtype))
    copy_weights(network, reference)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    return network.train(), reference.train(), optimizer


@pytest.mark.parametrize("code", CODES)
def test_one_step_is_that_of_the_published_way(code):
    images, labels = images_and_labels()
    network, reference, optimizer = both(code, torch.float64, images)
    ours = Step(network, RECIPE, seeded(2))(images.double(), labels, 0.01, 0.9)
    theirs = reference_step(reference, optimizer, images.double(), labels, RECIPE, seeded(2))
    assert ours.loss.item() == pytest.approx(theirs, rel=1e-10)
    torch.testing.assert_close(network.head.linear.weight, reference.classifier.weight, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(network.stem[0].weight, reference.stem[0].weight, rtol=1e-9, atol=1e-9)


# Rounding decides the sign of gradients near zero, so attack and update are compared apart.
@pytest.mark.parametrize("code", CODES)
def test_one_step_in_float32_is_that_of_the_published_way(code):
    images, labels = images_and_labels()
    network, reference, optimizer = both(code, torch.float32, images)
    with frozen(network) as victim:
        (gradient,) = torch.autograd.grad(F.cross_entropy(victim(images.requires_grad_()), labels), images)
    (expected,) = torch.autograd.grad(F.cross_entropy(reference.eval()(images), labels), images)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert (gradient.sign() != expected.sign()).float().mean() < 1e-3

    images = images.detach()
    ours = Step(network, RECIPE.replace(beta=0.0), seeded(0))(images, labels, 0.01, 0.9)
    without = RECIPE.replace(attack=PGD(ThreatModel.linf(0.0), steps=1, step_size=0.0))
    theirs = reference_step(reference, optimizer, images, labels, without, torch.Generator())
    assert ours.loss.item() == pytest.approx(theirs, rel=1e-5)
    torch.testing.assert_close(network.head.linear.weight, reference.classifier.weight, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(network.stem[0].weight, reference.stem[0].weight, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("code", CODES[:3])
def test_the_loss_curve_of_fifty_steps_is_that_of_the_published_way(code):
    data = load_data("digits").split("train")
    pixels = to_pixels(data.images, torch.float32)
    network, reference, optimizer = both(code, torch.float32, pixels[:100])
    optimizer.param_groups[0]["lr"] = 0.005
    recipe = RECIPE.replace(attack=PGD(ThreatModel.linf("16/255"), steps=2, step_size=10 / 255))
    step, second = Step(network, recipe, seeded(2)), seeded(2)
    losses = []
    for number in range(50):
        part = slice(50 * number % 1000, 50 * number % 1000 + 50)
        ours = step(pixels[part], data.labels[part], 0.005, 0.9).loss.item()
        losses.append((ours, reference_step(reference, optimizer, pixels[part], data.labels[part], recipe, second)))
    ours, theirs = np.array(losses).T
    assert theirs[-5:].mean() < theirs[:5].mean() - 0.5
    assert abs(ours - theirs).mean() < 0.01 * theirs.mean()


def test_digits_trainings_end_where_those_of_the_published_way_end():
    """Five seeds each; the means differ by less than three standard errors of their difference."""
    data = load_data("digits").limit(train=500)
    recipe = Recipe.digits().replace(
        epochs=3, batch_size=50, attack=PGD(ThreatModel.linf("32/255"), steps=1, step_size=40 / 255)
    )
    images = data.split("train")
    test = data.split("test")
    pixels = to_pixels(test.images, torch.float32)
    accuracies = {"robnas": [], "published": []}
    for seed in range(5):
        network = build_network(
            "323133", num_classes=10, channels=4, cells=1, in_channels=1, mean=data.mean, std=data.std, seed=seed
        )
        reference = ReferenceNetwork("323133", channels=4, cells=1, in_channels=1, mean=data.mean, std=data.std)
        train(network, data, recipe, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        for part in reference.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
        optimizer = torch.optim.SGD(reference.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=30)
        for _ in range(recipe.epochs):
            for index in torch.split(torch.randperm(len(images), generator=generator), recipe.batch_size):
                batch = to_pixels(images.images[index], torch.float32)
                reference_step(reference, optimizer, batch, images.labels[index], recipe, generator)
                schedule.step()
        for name, net in (("robnas", network), ("published", reference)):
            with torch.no_grad():
                accuracies[name].append((net.eval()(pixels).argmax(1) == test.labels).float().mean().item())
    ours, theirs = (np.array(values) for values in accuracies.values())
    error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / 5)
    assert abs(ours.mean() - theirs.mean()) < 3 * error
    assert ours.mean() > 0.5


def steps_of(network, recipe, batches, device="cpu", **settings):
    step = Step(network, recipe, torch.Generator(device).manual_seed(1), **settings)
    for number, (images, labels) in enumerate(batches):
        step(images.to(device), labels.to(device), 0.01 * (number + 1), 0.9 - 0.01 * number)
    return network.state_dict()


def batches_of(sizes=(16, 16, 16, 16, 7, 16, 7, 7, 7, 7, 16)):
    """More than the eager steps of each size."""
    images, labels = images_and_labels(batch=sum(sizes), size=8)
    return list(zip(images.split(sizes), labels.split(sizes), strict=True))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_captured_steps_compute_what_eager_ones_do(objective):
    """A capture that records nothing and computes at replay, as a graph does on a device."""
    recorded = []

    def capture(run, generator):
        recorded.append(generator)
        return run

    recipe = RECIPE.replace(objective=objective)
    states = [
        steps_of(build_network("323133", num_classes=10, channels=4, cells=1), recipe, batches_of(), **settings)
        for settings in ({}, {"capture": capture})
    ]
    assert len(recorded) == 2  # one per batch size
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def eager_and_captured(objective, device):
    """The weights after two captured steps, and after the same without a capture: rounding has no time to grow."""
    recipe, batches = RECIPE.replace(objective=objective), batches_of((16,) * 5)
    networks = [build_network("323133", num_classes=10, channels=16, cells=1).to(device) for _ in range(2)]
    eager = steps_of(networks[0], recipe, batches, device, capture=lambda run, generator: run)
    return eager, steps_of(networks[1], recipe, batches, device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_cuda_graphs_compute_what_eager_steps_on_cuda_do(objective, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    eager, captured = eager_and_captured(objective, "cuda")
    for name, value in eager.items():
        torch.testing.assert_close(value, captured[name], rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_a_graph_of_a_gpu_that_is_not_the_current_one_computes_the_same(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    eager, captured = eager_and_captured("mixed", "cuda:1")
    assert torch.cuda.current_device() == 0
    for name, value in eager.items():
        torch.testing.assert_close(value, captured[name], rtol=1e-3, atol=1e-4)


def test_a_graph_is_captured_on_the_device_of_its_generator(monkeypatch):
    """Without a GPU: which devices torch is asked for."""
    asked = []

    def recorder(name, *, context=False):
        def call(*given, **named):
            asked.append((name, *given, *named.values()))
            return nullcontext() if context else name

        return call

    class Graph:
        def register_generator_state(self, generator):
            asked.append(("generator", generator.device))

        def replay(self):
            asked.append(("replay",))

    for name, context in (("device", True), ("graph", True), ("Stream", False)):
        monkeypatch.setattr(torch.cuda, name, recorder(name, context=context))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    generator = SimpleNamespace(device=torch.device("cuda:1"))
    assert cuda_graph(lambda: "outcome", generator)() == "outcome"
    assert [call[0] for call in asked] == ["generator", "Stream", "device", "graph", "replay"]
    assert asked[1:3] == [("Stream", generator.device), ("device", generator.device)]
    assert asked[3][2] == "Stream"


@pytest.mark.parametrize("code", CODES)
def test_bfloat16_stays_near_float32(code):
    """Eight bits of mantissa: losses within 5 %, and most attacked pixels go the same way."""
    images, labels = images_and_labels(batch=32)
    network, _, _ = both(code, torch.float32, images)
    half = copy.deepcopy(network)
    gradients = []
    for dtype in (None, torch.bfloat16):
        with frozen(network, dtype) as victim:
            (gradient,) = torch.autograd.grad(F.cross_entropy(victim(images.requires_grad_()), labels), images)
            gradients.append(gradient)
    assert gradients[1].dtype == torch.float32
    large = gradients[0].abs() > gradients[0].abs().median()
    assert (gradients[0].sign() == gradients[1].sign())[large].float().mean() > 0.95
    images = images.detach()
    full = Step(network, RECIPE, seeded(1))(images, labels, 0.01, 0.9).loss
    short = Step(half, RECIPE.replace(precision="bf16"), seeded(1))(images, labels, 0.01, 0.9).loss
    assert short.dtype == torch.float32
    assert short.item() == pytest.approx(full.item(), rel=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in half.parameters())


@pytest.mark.parametrize("weight_decay", [0.0, 5e-4])
def test_sgd_is_that_of_torch(weight_decay):
    generator = seeded(0)
    ours = [torch.nn.Parameter(torch.randn(5, 3, dtype=torch.float64, generator=generator)) for _ in range(3)]
    theirs = [torch.nn.Parameter(parameter.detach().clone()) for parameter in ours]
    mine = Velocities(ours, weight_decay)
    other = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=weight_decay)
    for number in range(6):
        rate, momentum = torch.tensor((0.1 / (number + 1), 0.95 - 0.02 * number), dtype=torch.float64)
        gradients = [torch.randn(5, 3, dtype=torch.float64, generator=generator) for _ in range(2)] + [None]
        other.param_groups[0]["lr"], other.param_groups[0]["momentum"] = rate.item(), momentum.item()
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient
        mine.step(gradients, rate, momentum)
        other.step()
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_velocities_that_do_not_fit_are_refused():
    optimizer = Velocities([torch.nn.Parameter(torch.zeros(2))], 0.0)
    with pytest.raises(ValueError, match="velocity of shape"):
        optimizer.load_state_dict({"velocities": [torch.zeros(3)]})
    with pytest.raises(ValueError, match="shorter"):
        optimizer.load_state_dict({"velocities": []})
