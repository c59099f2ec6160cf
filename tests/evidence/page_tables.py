"""docs/tables.md: accuracies with and without adversarial training."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results

GREY = ("0.1", "0.5", "1", "2", "3", "4", "8")


def quotes() -> Iterator[Quote]:
    """Rank correlations with PGD after adversarial training, at each ε."""
    file = results("table1/table1-epsilon.csv")

    def of(attack: str, column: str) -> list[float]:
        return [file.one(column, attack=f"{attack}*", epsilon=f"{one}/255") for one in GREY]

    cells = " | ".join("#" for _ in GREY)
    for attack in ("FGSM", "PGD", "APGD", "Square"):
        yield quote(f"| {attack} | {cells} |", of(attack, "PGD"))
    yield quote(f"| mean accuracy under PGD | {cells} |", of("PGD", "mean"))
    last = file.several(("mean", "distinct"), attack="PGD*", epsilon="8/255")
    yield quote("under PGD the mean is #, with # different values. Rank", last)
