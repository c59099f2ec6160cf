"""docs/build.md: how far the architectures of the bundled table stand apart."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results


def quotes() -> Iterator[Quote]:
    """Of each of its columns."""
    file = results("tables/spread.csv")
    percent = ("q0", "q5", "q50", "q95", "q100", "sd", "noise")
    for row in file.rows:
        where = {"split": row["split"], "metric": row["metric"]}
        cells = " | ".join("#" for _ in (*percent, "reliability"))
        yield quote(f"| {row['split']} | {row['metric']} | {cells} |", file.several(percent, 100, **where),
                    file.one("reliability", **where))  # fmt: skip
