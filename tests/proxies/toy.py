"""A small space of one's own: genes of 3, 2 and 4 choices, and a network for each architecture."""

from torch import nn

from robnas.spaces import Gene, Space

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


def build(genes, *, in_channels, num_classes, image_size):
    layers, width = [], in_channels
    for _ in range(genes["depth"]):
        layers += [nn.Conv2d(width, genes["width"], 3, padding=1), nn.BatchNorm2d(genes["width"])]
        layers += [ACTIVATIONS[genes["activation"]]()]
        width = genes["width"]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))


GENES = (Gene("depth", (1, 2, 3), ordered=True), Gene("activation", ("relu", "gelu")), Gene("width", (2, 3, 4, 6)))
SPACE = Space("toy", genes=GENES, build=build)
