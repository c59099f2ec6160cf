"""Zero-cost proxies, written literally from their definitions, slow and in float64.

They take any module with one `nn.Conv2d` per convolution and one `nn.ReLU` per ReLU, in training mode.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def layers(network):
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def with_gradients(network, images, labels):
    network.zero_grad()
    outputs = {}

    def keep(layer, _, output):
        output.retain_grad()
        outputs[layer] = output

    for layer in layers(network):
        layer.register_forward_hook(keep)
    F.cross_entropy(network(images), labels).backward()
    return outputs


def grad_norm(network, images, labels):
    with_gradients(network, images, labels)
    return sum(layer.weight.grad.norm().item() for layer in layers(network))


def plain(network, images, labels):
    with_gradients(network, images, labels)
    return sum((layer.weight * layer.weight.grad).sum().item() for layer in layers(network))


def snip(network, images, labels):
    with_gradients(network, images, labels)
    return sum((layer.weight * layer.weight.grad).abs().sum().item() for layer in layers(network))


def l2_norm(network, images, labels):
    return sum(layer.weight.norm().item() for layer in layers(network))


def fisher(network, images, labels):
    outputs = with_gradients(network, images, labels)
    total = 0.0
    for layer, output in outputs.items():
        for channel in range(output.shape[1]):
            products = (output * output.grad)[:, channel].reshape(len(images), -1).sum(1)
            total += layer.weight[channel].numel() * (products**2).mean().item() / 2
    return total


def grasp(network, images, labels):
    weights = [layer.weight for layer in layers(network)]
    gradients = torch.autograd.grad(F.cross_entropy(network(images), labels), weights, create_graph=True)
    product = sum((gradient * gradient.detach()).sum() for gradient in gradients)
    curvature = torch.autograd.grad(product, weights)
    return -sum((weight * row).sum().item() for weight, row in zip(weights, curvature, strict=True))


def jacobian_rows(network, images):
    images = images.clone().requires_grad_()
    network(images).sum().backward()
    return images.grad.flatten(1).numpy()


def jacov(network, images, labels):
    values = np.linalg.eigvalsh(np.corrcoef(jacobian_rows(network, images)))
    return -np.sum(np.log(values + 1e-5) + 1 / (values + 1e-5))


def epe_nas(network, images, labels):
    rows, total = jacobian_rows(network, images), 0.0
    for label in set(labels.tolist()):
        found = np.atleast_2d(np.corrcoef(rows[labels.numpy() == label]))
        total += abs(np.log(np.abs(found) + 1e-5).sum())
    return total


def nwot(network, images, labels):
    count = len(images)
    kernel = np.zeros((count, count))

    def see(_, inputs, __):
        codes = (inputs[0] > 0).reshape(count, -1).numpy()
        for i in range(count):
            for j in range(count):
                kernel[i, j] += (codes[i] == codes[j]).sum()

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(see)
    network(images)
    return np.linalg.slogdet(kernel)[1]


def without_batch_norm(network):
    twin = copy.deepcopy(network)
    for parent in twin.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    for parameter in twin.parameters():
        parameter.data.abs_()
    return twin


def croze(network, images, labels, sign):
    """Without any rescaling: for networks shallow enough that float64 holds their activations."""

    def run(net, pixels):
        outputs = {}
        pixels = pixels.clone().requires_grad_()
        handles = [
            layer.register_forward_hook(lambda layer, _, output: outputs.update({layer: output.detach()}))
            for layer in layers(net)
        ]
        net.zero_grad()
        F.cross_entropy(net(pixels), labels).backward()
        for handle in handles:
            handle.remove()
        gradients = [torch.zeros_like(layer.weight) if (g := layer.weight.grad) is None else g for layer in layers(net)]
        return [outputs[layer] for layer in layers(net)], gradients, pixels.grad

    def cosine(first, second):
        first, second = first.detach().flatten(1), second.detach().flatten(1)
        norms = first.norm(dim=0) * second.norm(dim=0)
        return torch.where(norms > 0, (first * second).sum(0) / norms.clamp_min(1e-300), torch.zeros_like(norms))

    clean = without_batch_norm(network)
    attacked = copy.deepcopy(clean)
    outputs, gradients, _ = run(clean, images)
    for layer, gradient in zip(layers(attacked), gradients, strict=True):
        if gradient.norm() > 0:
            layer.weight.data += 2 * layer.weight.norm() / gradient.norm() * gradient
    _, _, pixels = run(attacked, images)
    moved = (images + sign * 0.01 * pixels.sign()).clamp(0, 1)
    others, seconds, _ = run(attacked, moved)
    return sum(
        (1 + cosine(a, b)).sum().item()
        * (1 + cosine(one.weight, two.weight)).sum().item()
        * cosine(g, h).abs().sum().item()
        for a, b, one, two, g, h in zip(
            outputs, others, layers(clean), layers(attacked), gradients, seconds, strict=True
        )
    )
