"""The NAS-Bench-201 macro network, written literally: every edge is executed, nothing is merged or skipped.

Slow and obvious on purpose; the package's network is tested against it.
"""

import torch
from torch import nn

from robnas.networks import Network
from robnas.spaces import EDGES, Architecture


class Zero(nn.Module):
    def forward(self, x):
        return x.mul(0.0)


class ReLUConvBN(nn.Module):
    def __init__(self, channels, kernel_size):
        super().__init__()
        self.relu = nn.ReLU(inplace=False)
        self.conv = nn.Conv2d(channels, channels, kernel_size, stride=1, padding=kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.norm(self.conv(self.relu(x)))


def operation(name, channels):
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReLUConvBN(channels, 3 if name == "nor_conv_3x3" else 1)


class ReferenceCell(nn.Module):
    def __init__(self, arch, channels):
        super().__init__()
        self.edges = nn.ModuleList(operation(name, channels) for name in arch.operations)

    def forward(self, x):
        nodes = [x]
        for node in (1, 2, 3):
            arriving = [
                edge(nodes[source]) for edge, (source, target) in zip(self.edges, EDGES, strict=True) if target == node
            ]
            nodes.append(sum(arriving))
        return nodes[3]


class ReferenceReduction(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.main = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, stride=1, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, stride=2, padding=0), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x):
        return self.shortcut(x) + self.main(x)


class ReferenceNetwork(nn.Module):
    """Even input sizes only."""

    def __init__(self, arch, *, num_classes=10, channels=16, cells=5, in_channels=3, mean=(0.0,), std=(1.0,)):
        super().__init__()
        arch = Architecture(arch)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))
        C = channels
        self.stem = nn.Sequential(nn.Conv2d(in_channels, C, 3, padding=1, bias=False), nn.BatchNorm2d(C))
        self.blocks = nn.ModuleList()
        for stage, width in enumerate((C, 2 * C, 4 * C)):
            if stage:
                self.blocks.append(ReferenceReduction(width // 2, width))
            self.blocks.extend(ReferenceCell(arch, width) for _ in range(cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * C), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * C, num_classes)

    def forward(self, pixels):
        x = self.stem((pixels - self.mean) / self.std)
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.pool(self.lastact(x)).flatten(1))


def randomize(module, seed):
    """Random affine parameters and running statistics, so that no term of a batch norm is zero by chance."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            with torch.no_grad():
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.uniform_(-0.5, 0.5, generator=generator)
    return module


def _norm_state(norms):
    return {
        name: torch.cat([getattr(norm, name) for norm in norms])
        for name in ("weight", "bias", "running_mean", "running_var")
    } | {"num_batches_tracked": norms[0].num_batches_tracked}


def _copy_cell(cell, reference):
    edge_of = dict(zip(EDGES, reference.edges, strict=True))
    for key, bias in cell.biases.items():
        source, target = key.split("_")
        bias.copy_(edge_of[int(source), int(target)].norm.bias.view_as(bias))
    for source, fan in cell.fans.items():
        for convolutions in fan.convolutions:
            edges = [edge_of[int(source), target] for target in convolutions.targets]
            convolutions.conv.weight.copy_(torch.cat([edge.conv.weight for edge in edges]))
            convolutions.norm.load_state_dict(_norm_state([edge.norm for edge in edges]))


@torch.no_grad()
def copy_weights(network: Network, reference: ReferenceNetwork) -> None:
    """Load the reference's weights and statistics into the package's network."""
    network.normalize.mean.copy_(reference.mean)
    network.normalize.std.copy_(reference.std)
    network.stem.load_state_dict(reference.stem.state_dict())
    blocks = iter(reference.blocks)
    for stage, cells in enumerate(network.stages):
        if stage:
            ours, theirs = network.reductions[stage - 1], next(blocks)
            for name, part in (("conv_a", 1), ("norm_a", 2), ("conv_b", 4), ("norm_b", 5)):
                getattr(ours, name).load_state_dict(theirs.main[part].state_dict())
            ours.shortcut.load_state_dict(theirs.shortcut[1].state_dict())
        for cell in cells:
            _copy_cell(cell, next(blocks))
    network.head.norm.load_state_dict(reference.lastact[0].state_dict())
    network.head.linear.load_state_dict(reference.classifier.state_dict())
