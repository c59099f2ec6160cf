"""GraSP: gradient signal preservation."""

from __future__ import annotations

import warnings

import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from torch.func import functional_call

from robnas.proxies._probe import NO_GRADIENT, Probe, UndefinedScoreError
from robnas.proxies._textbook import Layer, batch_norms, textbook


def grasp(probe: Probe) -> float:
    """Σ −θ·(H g), g the gradient and H the Hessian of the cross-entropy by θ (Wang et al. 2020, Eq. 8).

    θ are the weights of convolutions and linear layers. One batch and temperature 1, as Abdelfattah et al. 2021. H is
    symmetric, so this is −g·(H θ), the change of the gradient along θ: forward over reverse differentiation.

    Raises:
        UndefinedScoreError: no gradient reaches the weights.
    """
    network = textbook(probe.network, twice=True)
    for norm in batch_norms(network):
        norm.running_mean = norm.running_var = None  # not updated with dual numbers
    names = [f"{name}.weight" for name, module in network.named_modules() if isinstance(module, Layer)]
    weights = {name: value.detach() for name, value in network.named_parameters()}
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own use of torch.jit
        for name in names:
            value = weights[name]
            weights[name] = forward_ad.make_dual(value.requires_grad_(), value.detach())  # type: ignore[no-untyped-call]
        images = probe.images.detach().to(probe.dtype)
        logits = probe.ask(lambda images: functional_call(network, weights, images), images)
        loss = F.cross_entropy(logits, probe.labels)
        gradients = torch.autograd.grad(loss, [weights[name] for name in names], materialize_grads=True)
        total, reached = 0.0, False
        for gradient in gradients:
            value, tangent = forward_ad.unpack_dual(gradient)  # type: ignore[no-untyped-call]
            reached |= bool(value.any())
            if tangent is not None:
                total += float((value.double() * tangent.double()).sum())
    if not reached:
        raise UndefinedScoreError(NO_GRADIENT)
    return -total
