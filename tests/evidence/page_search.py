"""docs/search.md: what trainings cost."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results


def quotes() -> Iterator[Quote]:
    """Errors of the cost model."""
    file = results("cost/models.csv")
    quantiles = tuple(f"error_q{share}" for share in (50, 90, 99, 100))
    for text, model in (
        ("in proportion to MACs, as before", "macs"),
        ("MACs, and maps read or written, and a constant", "macs + passes + constant"),
        ("seconds per operation", "operations"),
        ("the same, live edges only", "operations on live edges + constant"),
    ):
        yield quote(
            f"| {text} | # | # % | # % | # % | # % | # |",
            file.one("parameters", model=model), file.several(quantiles, 100, model=model),
            file.one("spearman", model=model),
        )  # fmt: skip
    cells = results("cost/extremes.csv")
    yield quote(
        "(# of the mean measured, # modelled); `444444` is # and #, `333333` # and #",
        *(cells.several(("measured", "training_hours"), code=code) for code in ("111111", "444444", "333333")),
    )
