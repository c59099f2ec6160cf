"""docs/protocol.md: robustness to corruptions."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, markdown_rows, quote


def quotes() -> Iterator[Quote]:
    """Both groups of architectures."""
    rows = markdown_rows("corruptions/corruptions.md")
    cells = " | ".join(["# ± #"] * 3 + ["# [#, #]"] * 3)
    for text, group in (("best 200 by PGD", "best"), ("200 at random", "random")):
        yield quote(f"| {text} | {cells} |", rows[group][1:])
