"""A cell drawn in text."""

from __future__ import annotations

from robnas.spaces.nas_bench_201._architecture import CellArchitecture
from robnas.spaces.nas_bench_201._encodings import EDGES

_STEP = 24  # columns between nodes


def draw_cell(arch: object) -> str:
    """The cell as a drawing of six lines, of an architecture or any encoding.

    Live edges are drawn with ``─``; edges that carry nothing from the input to the output with ``┄``.
    """
    arch = CellArchitecture(arch)
    lines = {
        edge: ("─" if live else "┄", f" {name} ")
        for edge, name, live in zip(EDGES, arch.operations, arch.live_edges, strict=True)
    }

    def arc(edge: tuple[int, int], begin: int, end: int, corners: str) -> tuple[int, str]:
        stroke, name = lines[edge]
        return begin, corners[0] + name.center(end - begin - 1, stroke) + corners[1]

    at = [node * _STEP for node in range(4)]
    outer_end, inner_end = at[3] + 2, at[2]
    spine = ""
    for source in range(3):
        stroke, name = lines[source, source + 1]
        spine += f"({source})" + name.center(_STEP - 4, stroke) + "▶"
    rows = [
        [arc((0, 3), at[0], outer_end, "╭╮")],
        [(at[0], "│"), arc((0, 2), at[0] + 2, inner_end + 1, "╭╮"), (outer_end, "│")],
        [(at[0], "│"), (at[0] + 2, "│"), (inner_end + 1, "▼"), (outer_end, "▼")],
        [(0, spine + "(3)")],
        [(at[1] + 1, "│"), (at[3] + 1, "▲")],
        [arc((1, 3), at[1] + 1, at[3] + 1, "╰╯")],
    ]
    return "\n".join(_row(parts) for parts in rows)


def _row(parts: list[tuple[int, str]]) -> str:
    text = ""
    for column, part in parts:
        text = text.ljust(column) + part
    return text
