"""Neural tangent kernels, written out: the whole Jacobian by torch.func, or one backward pass per image."""

import torch
from torch.func import functional_call, jacrev


def full_ntk(network, images):
    """⟨∂f_c(x_i), ∂f_d(x_j)⟩, shape (n, C, n, C), of a network in evaluation mode that torch.func can differentiate."""
    network = network.eval()
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    lines = []
    for image in images:
        found = jacrev(lambda given, x=image: functional_call(network, given, (x[None],))[0])(weights)
        lines.append(torch.cat([part.flatten(1) for part in found.values()], dim=1))
    jacobian = torch.stack(lines)
    return torch.einsum("icp,jdp->icjd", jacobian, jacobian)


def tenas_ntk(network, images):
    """The kernel of TE-NAS (Chen et al. 2021), after its description: training mode, ones over the logits."""
    network.train()
    logits = network(images)
    gradients = []
    for place in range(len(images)):
        network.zero_grad()
        logits[place : place + 1].backward(torch.ones_like(logits[place : place + 1]), retain_graph=True)
        gradient = [
            parameter.grad.flatten()
            for name, parameter in network.named_parameters()
            if "weight" in name and parameter.grad is not None
        ]
        gradients.append(torch.cat(gradient))
    stacked = torch.stack(gradients)
    return stacked @ stacked.T
