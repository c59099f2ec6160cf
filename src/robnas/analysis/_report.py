"""A self-contained HTML page of records: ranked table, plot, provenance, flags."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from robnas._files import write_text
from robnas.analysis._figures import clean_versus_robust
from robnas.analysis._leaderboard import Row, leaderboard, metrics_of
from robnas.records import Record

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.25rem .6rem;text-align:right;white-space:nowrap;border-bottom:1px solid #8884}
th:nth-child(2),td:nth-child(2){text-align:left;font-family:ui-monospace,monospace}
figure{margin:1.5rem 0;background:#fff;padding:.5rem;border-radius:.5rem}figure svg{width:100%;height:auto}
small{opacity:.7}li{overflow-wrap:anywhere}
"""


def write_report(
    path: Path,
    records: Iterable[Record],
    *,
    title: str,
    rank_by: str,
    provenance: Mapping[str, object],
    warnings: Sequence[str] = (),
) -> None:
    """Write the page to `path`, atomically.

    Args:
        path: an ``.html`` file.
        records: of one data set, recipe and split.
        title: heading.
        rank_by: metric by which the table is sorted; the plot shows it against clean accuracy.
        provenance: what the numbers rest on, shown as a list.
        warnings: failed sanity checks and doubts, shown above the table's foot.
    """
    rows = leaderboard(records, rank_by)
    figure = clean_versus_robust(rows, "clean", rank_by)
    facts = "".join(f"<li><b>{escape(key)}</b>: {escape(str(value))}</li>" for key, value in provenance.items())
    doubts = "".join(f"<li>{escape(text)}</li>" for text in warnings) or "<li>none</li>"
    write_text(
        path,
        f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{_STYLE}</style>
<h1>{escape(title)}</h1>
<figure aria-label="clean against robust accuracy">{_svg(figure)}</figure>
{_table(rows)}
<p><small>Accuracy in percent ± binomial standard error; * on fewer images than the split has.</small></p>
<h2>Sanity checks that failed, and doubts</h2><ul>{doubts}</ul>
<h2>What the numbers rest on</h2><ul>{facts}</ul>
</html>
""",
    )


def write_figure(path: Path, records: Iterable[Record], rank_by: str) -> None:
    """Save the plot of clean against robust accuracy; the suffix decides the format."""
    clean_versus_robust(leaderboard(records, rank_by), "clean", rank_by).savefig(path, dpi=150)


def _table(rows: Sequence[Row]) -> str:
    metrics = metrics_of(rows)
    most = max(record.images for row in rows for record in row.records.values())
    head = "".join(f"<th>{escape(metric)}</th>" for metric in metrics)
    body = ""
    for rank, row in enumerate(rows, start=1):
        cells = "".join(f"<td>{cell_text(row, metric, most)}</td>" for metric in metrics)
        body += (
            f'<tr><td>{rank}</td><td title="{escape(row.architecture.genotype)}">{row.architecture}</td>{cells}</tr>'
        )
    return f"<table><thead><tr><th>rank</th><th>architecture</th>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell_text(row: Row, metric: str, most: int) -> str:
    """``48.1 ±1.2`` in percent, with a star if it rests on fewer than `most` images."""
    if metric not in row.records:
        return "–"
    star = "*" if row.records[metric].images < most else ""
    return f"{100 * row.value(metric):.1f} ±{100 * row.standard_error(metric):.1f}{star}"


def _svg(figure: object) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})  # type: ignore[attr-defined]
    return buffer.getvalue().partition("<svg")[2].join(("<svg", ""))
