"""Spaces of other numbers than those of NAS-Bench-201."""

from robnas.spaces import SPACES, Gene, Space, TheorySpace

TOY = Space(
    "toy",
    genes=(
        Gene("depth", (1, 2, 3), ordered=True),
        Gene("act", ("relu", "gelu")),
        Gene("width", (4, 8, 16, 32), ordered=True),
    ),
)
"""24 architectures: genes of 3, 2 and 4 choices."""
CUBE = Space("cube", genes=tuple(Gene(name, (0, 1, 2)) for name in "abc"))
"""27 architectures."""
HUGE = Space("huge", genes=tuple(Gene(f"g{place}", tuple(range(10)), ordered=place % 2 == 0) for place in range(40)))
"""10⁴⁰ architectures."""
SINGLE = Space("single", genes=(Gene("only", ("one",)), Gene("two", (1, 2))))
"""A gene without a choice."""
SPACES_TRIED = (
    SPACES["nas-bench-201"],
    TOY,
    CUBE,
    TheorySpace(4, ("relu", "tanh"), (0, 3)),
    SPACES["wide-resnet"],
    HUGE,
    SINGLE,
)
