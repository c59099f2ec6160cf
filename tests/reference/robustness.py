"""Scores that others made for robustness, written literally from what is known of them, slow and in float64.

They take any module with one `nn.Conv2d` per convolution and one `nn.ReLU` per ReLU, in training mode.
"""

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.reference.proxies import layers, without_batch_norm


def loss_of(network, images, labels):
    return F.cross_entropy(network(images), labels, reduction="none")


def slopes(network, images, labels):
    images = images.clone().requires_grad_()
    loss_of(network, images, labels).sum().backward()
    return images.grad


def robust_zcp(network, images, labels, time, step):
    """−exp(t·mean product of gradients)·mean ‖(∇L(x + h z) − ∇L(x))/h‖², and not its logarithm."""
    before = slopes(network, images, labels)
    moved = images.clone()
    for place, slope in enumerate(before):
        moved[place] += step * slope.sign() / slope.sign().norm()
    after = slopes(network, moved, labels)
    curvature = np.mean([(((b - a) / step) ** 2).sum().item() for a, b in zip(before, after, strict=True)])
    gradients = []
    for place in range(len(images)):
        network.zero_grad()
        loss_of(network, images, labels)[place].backward()
        gradients.append(torch.cat([layer.weight.grad.flatten() for layer in layers(network)]))
    half = len(images) // 2
    products = [(g @ h).item() for g in gradients[:half] for h in gradients[half:]]
    return -math.exp(time * np.mean(products)) * curvature


def hessian(network, images, labels):
    """Every second derivative, one row at a time."""

    def summed(pixels):
        return loss_of(network, pixels.view(images.shape), labels).sum()

    found = torch.autograd.functional.hessian(summed, images.flatten())
    return -np.linalg.eigvalsh(found.numpy())[-1]


def patterns(network, images):
    """Distinct codes of units, of the weights as they are."""
    seen = set()

    def see(_, inputs, __):
        codes = (inputs[0] > 0).reshape(len(images), -1).T
        seen.update(tuple(code) for code in codes.tolist())

    handles = [m.register_forward_hook(see) for m in network.modules() if isinstance(m, nn.ReLU)]
    network(images)
    for handle in handles:
        handle.remove()
    return len(seen)


def divergence(first, second):
    def logarithms(values):
        values = values.detach().flatten().numpy()
        return values - values.max() - math.log(np.exp(values - values.max()).sum())

    p, q = logarithms(first), logarithms(second)
    mean = np.logaddexp(p, q) - math.log(2)
    return (sum(np.exp(p) * (p - mean)) + sum(np.exp(q) * (q - mean))) / 2


def consistency(network, images, labels):
    def run(net, pixels):
        outputs, pixels = {}, pixels.clone().requires_grad_()
        handles = [
            layer.register_forward_hook(lambda layer, _, output: outputs.update({layer: output.detach()}))
            for layer in layers(net)
        ]
        net.zero_grad()
        F.cross_entropy(net(pixels), labels).backward()
        for handle in handles:
            handle.remove()
        return [outputs[layer] for layer in layers(net)], pixels.grad

    clean = without_batch_norm(network)
    attacked = copy.deepcopy(clean)
    before, _ = run(clean, images)
    for layer, mine in zip(layers(attacked), layers(clean), strict=True):
        gradient = mine.weight.grad
        if gradient is not None and gradient.norm() > 0:
            layer.weight.data += 2 * layer.weight.norm() / gradient.norm() * gradient
    _, slope = run(attacked, images)
    after, _ = run(attacked, (images + 0.01 * slope.sign()).clamp(0, 1))
    return sum(
        1 / (1 + divergence(one.weight, other.weight)) / (1 + divergence(a, b))
        for one, other, a, b in zip(layers(clean), layers(attacked), before, after, strict=True)
    )
