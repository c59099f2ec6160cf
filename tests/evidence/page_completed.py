"""docs/completed.md: how honest predicted values are."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results


def quotes() -> Iterator[Quote]:
    """Of each column that was completed."""
    file = results("completed/completed.csv")
    for text, known, metric, digits in (
        ("150 random architectures of `digits`, mostly one seed | clean, one seed", "150 random", "clean", True),
        ("150 of `digits` with three seeds each | clean, one seed", "150 with three seeds", "clean", True),
        (
            "200 random ones of `nas-robbench-201`, CIFAR-10 | PGD 8/255, mean of three",
            "200 random",
            "pgd@8/255",
            False,
        ),
    ):
        other = "pgd@32/255" if digits else "autoattack@8/255"
        second = "PGD 32/255, one seed" if digits else "AutoAttack 8/255, one run"
        cells = "# | # | # | # |" if digits else "# | # | # | #, # in the tenth predicted best |"
        values = []
        for one in (metric, other):
            where = {"known": known, "metric": one}
            values += [file.one("spearman", **where), *file.several(("mae", "sd"), 100, **where)]
            values += file.several(("held",) if digits else ("held", "held_best"), **where)
        yield quote(f"| {text} | {cells}\n| | {second} | {cells}", values)
