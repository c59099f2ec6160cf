"""Objectives and free training, image by image and in float64, from probabilities as the papers write them."""

import torch
import torch.nn.functional as F


def mart(clean, robust, labels, weight):
    """Wang et al. 2020: BCE of the attacked image and the weighted divergence, mean over the batch."""
    total = torch.zeros((), dtype=torch.float64)
    for before, after, label in zip(clean, robust, labels.tolist(), strict=True):
        p, q = F.softmax(before, dim=0), F.softmax(after, dim=0)
        rivals = [q[k] for k in range(len(q)) if k != label]
        boosted = -torch.log(q[label]) - torch.log(1 - max(rivals))
        divergence = sum(p[k] * (torch.log(p[k]) - torch.log(q[k])) for k in range(len(p)))
        total = total + boosted + weight * (1 - p[label]) * divergence
    return total / len(labels)


class FreeTraining:
    """Shafahi et al. 2019, Algorithm 1, in L∞ and with SGD with momentum, a replay at a time."""

    def __init__(self, network, epsilon, weight_decay):
        self.network, self.epsilon = network, epsilon
        self.optimizer = torch.optim.SGD(network.parameters(), lr=1, momentum=0.9, weight_decay=weight_decay)
        self.delta = None

    def replay(self, images, labels, learning_rate, momentum):
        if self.delta is None:
            self.delta = torch.zeros_like(images)
        for group in self.optimizer.param_groups:
            group.update(lr=learning_rate, momentum=momentum)
        moved = (images + self.delta[: len(images)]).clamp(0, 1).requires_grad_()
        loss = F.cross_entropy(self.network(moved), labels)
        self.optimizer.zero_grad()
        loss.backward()
        step = self.delta[: len(images)] + self.epsilon * moved.grad.sign()
        self.delta[: len(images)] = step.clamp(-self.epsilon, self.epsilon)
        self.optimizer.step()
        return loss.item()
