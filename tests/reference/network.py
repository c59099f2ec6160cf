"""The NAS-Bench-201 macro network, written literally: every edge is executed, nothing is merged or skipped.

Slow and obvious on purpose; the package's network is tested against it. Its parts are named as those of the published
network are, so files of weights for that one load into this one.
"""

import torch
from torch import nn

from robnas.networks import Network
from robnas.spaces import EDGES, Architecture


class Zero(nn.Module):
    def forward(self, x):
        return x.mul(0.0)


class ReLUConvBN(nn.Module):
    def __init__(self, inputs, outputs, kernel_size, stride=1):
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return self.op(x)


def operation(name, channels):
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReLUConvBN(channels, channels, 3 if name == "nor_conv_3x3" else 1)


class ReferenceCell(nn.Module):
    def __init__(self, arch, channels):
        super().__init__()
        self.layers = nn.ModuleList(operation(name, channels) for name in arch.operations)

    def forward(self, x):
        nodes = [x]
        for node in (1, 2, 3):
            arriving = [
                edge(nodes[source]) for edge, (source, target) in zip(self.layers, EDGES, strict=True) if target == node
            ]
            nodes.append(sum(arriving))
        return nodes[3]


class ReferenceReduction(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv_a = ReLUConvBN(inputs, outputs, 3, stride=2)
        self.conv_b = ReLUConvBN(outputs, outputs, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, stride=2, padding=0), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x):
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class ReferenceNetwork(nn.Module):
    """Even input sizes only; normalises pixels as its input has to be, which is no part of its state."""

    def __init__(self, arch, *, num_classes=10, channels=16, cells=5, in_channels=3, mean=(0.0,), std=(1.0,)):
        super().__init__()
        arch = Architecture(arch)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        C = channels
        self.stem = nn.Sequential(nn.Conv2d(in_channels, C, 3, padding=1, bias=False), nn.BatchNorm2d(C))
        self.cells = nn.ModuleList()
        for stage, width in enumerate((C, 2 * C, 4 * C)):
            if stage:
                self.cells.append(ReferenceReduction(width // 2, width))
            self.cells.extend(ReferenceCell(arch, width) for _ in range(cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * C), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * C, num_classes)

    def forward(self, pixels):
        x = self.stem((pixels - self.mean) / self.std)
        for cell in self.cells:
            x = cell(x)
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
    edge_of = dict(zip(EDGES, reference.layers, strict=True))
    for key, bias in cell.biases.items():
        source, target = key.split("_")
        bias.copy_(edge_of[int(source), int(target)].op[2].bias.view_as(bias))
    for source, fan in cell.fans.items():
        for convolutions in fan.convolutions:
            edges = [edge_of[int(source), target] for target in convolutions.targets]
            convolutions.conv.weight.copy_(torch.cat([edge.op[1].weight for edge in edges]))
            convolutions.norm.load_state_dict(_norm_state([edge.op[2] for edge in edges]))


@torch.no_grad()
def copy_weights(network: Network, reference: ReferenceNetwork) -> None:
    """Load the reference's weights and statistics into the package's network."""
    network.normalize.mean.copy_(reference.mean)
    network.normalize.std.copy_(reference.std)
    network.stem.load_state_dict(reference.stem.state_dict())
    blocks = iter(reference.cells)
    for stage, cells in enumerate(network.stages):
        if stage:
            ours, theirs = network.reductions[stage - 1], next(blocks)
            for half in "ab":
                for name, part in (("conv", 1), ("norm", 2)):
                    state = getattr(theirs, f"conv_{half}").op[part].state_dict()
                    getattr(ours, f"{name}_{half}").load_state_dict(state)
            ours.shortcut.load_state_dict(theirs.downsample[1].state_dict())
        for cell in cells:
            _copy_cell(cell, next(blocks))
    network.head.norm.load_state_dict(reference.lastact[0].state_dict())
    network.head.linear.load_state_dict(reference.classifier.state_dict())
