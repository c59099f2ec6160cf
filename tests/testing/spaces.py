"""The spaces on which the conformance suite runs: those that come with robnas, and two that are unlike them."""

from torch import nn

from robnas.spaces import SPACES, Gene, Space


def build(genes, *, in_channels, num_classes, image_size):
    """Some layers, as the first gene says, of what is most like a width."""
    layers, width = [nn.Flatten()], in_channels * image_size**2
    for _ in range(genes.get("depth", 1)):
        layers += [nn.Linear(width, genes.get("width", 3)), nn.ReLU()]
        width = genes.get("width", 3)
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


ODD = Space(
    "odd",
    genes=(
        Gene("depth", (1, 2, 3)),
        Gene("note", (None, 'with "marks", and = signs')),
        Gene("width", (2, 4, 6, 8), ordered=True),
    ),
    build=build,
)
"""24 architectures: genes of 3, 2 and 4 choices, one of them ordered, one that is hard to write."""
ENDLESS = Space(
    "endless", genes=[Gene(f"g{place}", tuple(range(10)), ordered=place % 2 == 0) for place in range(40)], build=build
)
"""10⁴⁰ architectures."""
SMALL_CELLS = SPACES["nas-bench-201"].configure(channels=2, cells=1)
TRIED = {space.name: space for space in (SMALL_CELLS, SPACES["theory"], SPACES["wide-resnet"], ODD, ENDLESS)}
