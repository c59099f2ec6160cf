"""The folded network against the network itself in evaluation mode, and that against the literal reference."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from robnas.attacks import frozen
from robnas.networks import Folded, build_network
from robnas.networks._fused import Convolution, _has_onednn
from robnas.spaces import sample
from tests.networks.test_network import DEGENERATE, MEAN, RANDOM, STD
from tests.reference.network import randomize


def trained(code, *, channels=3, cells=1, size=8, dtype=torch.float64):
    """A network whose batch norms, biases and statistics are none of the defaults."""
    network = build_network(
        code, num_classes=5, channels=channels, cells=cells, in_channels=3, mean=MEAN, std=STD, seed=1
    ).to(dtype)
    randomize(network, seed=2)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".biases." in name:
                parameter.normal_(generator=generator)
    network.train()
    for _ in range(3):
        network(torch.rand(8, 3, size, size, generator=generator).to(dtype))
    return network.eval()


def images_and_labels(size, dtype=torch.float64, batch=4):
    generator = torch.Generator().manual_seed(4)
    return (
        torch.rand(batch, 3, size, size, generator=generator).to(dtype),
        torch.randint(5, (batch,), generator=generator),
    )


def logits_and_gradient(network, images, labels):
    images = images.clone().requires_grad_()
    logits = network(images)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, labels, reduction="sum"), images)
    return logits.detach(), gradient


def assert_same(network, size, dtype, rtol):
    images, labels = images_and_labels(size, dtype)
    logits, gradient = logits_and_gradient(network.folded(), images, labels)
    expected, expected_gradient = logits_and_gradient(network, images, labels)
    torch.testing.assert_close(logits, expected, rtol=rtol, atol=rtol * expected.abs().max().item())
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient, expected_gradient, rtol=rtol, atol=rtol * scale)
    with torch.no_grad():
        torch.testing.assert_close(
            network.folded()(images), expected, rtol=rtol, atol=rtol * expected.abs().max().item()
        )


@pytest.mark.parametrize("code", DEGENERATE + RANDOM)
def test_folded_equals_evaluation_mode_in_float64(code):
    assert_same(trained(code), 8, torch.float64, 1e-12)


@pytest.mark.parametrize("code", DEGENERATE + RANDOM[:40])
def test_fused_operations_equal_evaluation_mode_in_float32(code):
    assert_same(trained(code, channels=16, cells=2, dtype=torch.float32), 8, torch.float32, 2e-5)


@pytest.mark.parametrize("code", RANDOM[40:50])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 15])
def test_folded_takes_any_size(code, size):
    assert_same(trained(code, size=size), size, torch.float64, 1e-12)


@pytest.mark.parametrize("code", ["323133", "421211", "444444", "003033"])
def test_without_onednn_the_result_is_the_same(code, monkeypatch):
    monkeypatch.setattr("robnas.networks._fused._has_onednn", lambda tensor: False)
    assert_same(trained(code, channels=16, dtype=torch.float32), 8, torch.float32, 2e-5)


def test_without_its_instructions_bfloat16_is_left_to_torch(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    fused = {dtype: _has_onednn(torch.zeros(1, dtype=dtype)) for dtype in (torch.float32, torch.bfloat16)}
    assert not fused[torch.bfloat16]
    assert fused[torch.float32] == torch.backends.mkldnn.is_available()


@pytest.mark.parametrize("code", ["323133", "444444", "434421"])
def test_average_pooling_by_convolution_has_the_gradient_of_average_pooling(code):
    network = trained(code, channels=16, dtype=torch.float32)
    images, labels = images_and_labels(8, torch.float32)
    double = copy.deepcopy(network).double()
    ours = torch.autograd.grad(F.cross_entropy(network(images), labels), tuple(network.parameters()))
    theirs = torch.autograd.grad(F.cross_entropy(double(images.double()), labels), tuple(double.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * other.abs().max().item())


def ascended(folded, images, monkeypatch, inplace):
    """Logits and what is kept for the backward pass, with another say about what may be written into."""
    call, kept = Convolution.__call__, {}
    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(
            Convolution,
            "__call__",
            lambda self, x, add, *, relu, **given: call(self, x, add, inplace=inplace(add, **given), relu=relu),
        )
        return [folded.ascend(images, kept), *kept.values()]


def test_a_total_that_is_written_into_belongs_to_nobody_else(monkeypatch):
    images, _ = images_and_labels(4, batch=2)
    differ = 0
    for arch in sample(np.random.default_rng(6), 40):
        folded = trained(arch.code, cells=2, size=4).folded()
        found = ascended(folded, images, monkeypatch, lambda add, inplace: inplace)
        never = ascended(folded, images, monkeypatch, lambda add, inplace: False)
        always = ascended(folded, images, monkeypatch, lambda add, inplace: add is not None)
        assert all(map(torch.equal, found, never)), arch
        differ += not all(map(torch.equal, found, always))
    assert differ > 1  # so that a wrong owner would be seen


def test_folding_leaves_the_network_as_it_was():
    network = trained("323133").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images, labels = images_and_labels(8)
    with frozen(network) as victim:
        assert isinstance(victim, Folded)
        logits_and_gradient(victim, images, labels)
    assert network.training
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_folded_network_keeps_the_weights_that_it_was_made_of():
    network = trained("323133", channels=16, dtype=torch.float32)
    images, _ = images_and_labels(8, torch.float32)
    folded = network.folded()
    before = folded(images)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    assert torch.equal(folded(images), before)
    assert not torch.allclose(network.folded()(images), before)


def test_gradients_flow_once_and_to_the_pixels_only():
    network = trained("323133")
    images, labels = images_and_labels(8)
    images.requires_grad_()
    loss = F.cross_entropy(network.folded()(images), labels)
    (gradient,) = torch.autograd.grad(loss, images, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("code", ["000000", "300000"])
def test_without_a_path_the_gradient_is_zero(code):
    images, labels = images_and_labels(8)
    _, gradient = logits_and_gradient(trained(code).folded(), images, labels)
    assert gradient.shape == images.shape
    assert not gradient.any()


def test_a_sweep_over_the_space_agrees_on_the_predicted_classes():
    generator = np.random.default_rng(5)
    for arch in sample(generator, 60):
        network = trained(arch.code, channels=4, dtype=torch.float32)
        images, _ = images_and_labels(8, torch.float32, batch=16)
        logits = network(images)
        sure = logits.topk(2).values.diff().abs().squeeze() > 1e-4
        assert torch.equal(network.folded()(images).argmax(1)[sure], logits.argmax(1)[sure])
