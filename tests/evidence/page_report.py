"""docs/report.md: ceilings of the digits."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results


def quotes() -> Iterator[Quote]:
    """With and without a model."""
    file, ends = results("tables/ceilings.csv"), ("", "low_95", "high_95")
    ceiling, roots = (
        [file.several(columns, dataset="digits", metric=metric) for metric in ("pgd@32/255", "clean")]
        for columns in (("ceiling", *ends[1:]), ("root_of_seeds", *(f"root_{end}" for end in ends[1:])))
    )
    yield quote("the highest ρ is # [#, #] for PGD at 32/255 and # [#, #] clean, over all 6,466 architectures; √ρ of "
                "two seeds is # [#, #] and # [#, #]", *ceiling, *roots)  # fmt: skip
