"""A search space of one's own: small convolutional networks of 1 to 3 layers."""

from torch import nn

from robnas.spaces import SPACES, Gene, Space

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


def build(genes, *, in_channels, num_classes, image_size):
    """The untrained network of an architecture, on pixels in [0, 1]."""
    layers, channels = [], in_channels
    for _ in range(genes["depth"]):
        layers += [nn.Conv2d(channels, genes["width"], 3, padding=1), ACTIVATIONS[genes["activation"]]()]
        channels = genes["width"]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, num_classes))


SPACES["small-convnets"] = Space(
    "small-convnets",
    genes=(
        Gene("depth", (1, 2, 3)),
        Gene("width", (4, 8, 16), ordered=True),
        Gene("activation", ("relu", "gelu")),
    ),
    build=build,
)
