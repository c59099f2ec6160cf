"""docs/recipes.md: how cheap a training may be that orders architectures."""

from collections.abc import Iterator

from tests.evidence.quotes import RESULTS, Quote, quote, results

REPORT = RESULTS / "fidelity" / "fidelity.md"


def quotes() -> Iterator[Quote]:
    """Rows of the table, which has some of the settings, and what the text says of all."""
    file = results("fidelity/fidelity.csv")
    rows = {row["training"]: row for row in file.rows}
    shown = [
        "counting parameters", "n-fgsm, 2 epochs, C=4, 500 images", "rs-fgsm, 1 epoch, C=8, 1,000 images",
        "pgd-2, 4 epochs, C=8, 250 images", "pgd-2, 1 epoch, C=8, 1,000 images", "pgd-2, 4 epochs, C=4, 1,000 images",
        "pgd-2, 8 epochs, C=4, 500 images", "n-fgsm, 2 epochs, C=8, 1,000 images", "pgd-2, 4 epochs, C=8, 500 images",
        "pgd-2, 2 epochs, C=8, 1,000 images", "pgd-7, 1 epoch, C=8, 1,000 images",
        "free-4, 2 epochs, C=8, 1,000 images", "rs-fgsm, 4 epochs, C=8, 1,000 images",
        "n-fgsm, 4 epochs, C=8, 1,000 images", "pgd-2, 4 epochs, C=8, 1,000 images (standard)",
        "n-fgsm, 8 epochs, C=8, 1,000 images", "free-4, 4 epochs, C=8, 1,000 images",
        "pgd-2, 8 epochs, C=8, 1,000 images", "pgd-7, 4 epochs, C=8, 1,000 images",
        "pgd-2, 4 epochs, C=16, 1,000 images", "pgd-10, 12 epochs, C=8, 1,000 images (gold, one more seed)",
    ]  # fmt: skip
    for name in shown:
        values = file.several(("spearman", "spearman_low", "spearman_high"), training=name)
        passes = float(rows[name]["standard_passes"]) / 1000
        yield quote(f"| {name} | # | # [#, #] | # |", passes, values, 100 * float(rows[name]["ten"]))
    gold = "pgd-10, 12 epochs, C=8, 1,000 images (gold, one more seed)"
    ceiling = file.several(("spearman", "spearman_low", "spearman_high"), training="ceiling of gold's noise")
    yield quote("with a ceiling of # [#, #], and one more", ceiling)
    yield quote("as dear as the standard one, has #, no more", float(rows[gold]["spearman"]))
    trained = {name: row for name, row in rows.items() if float(row["standard_passes"] or 0) > 0}
    cheap = sorted(float(row["spearman"]) for row in trained.values() if float(row["standard_passes"]) < 4000)
    rest = sorted(float(row["spearman"]) for row in trained.values() if float(row["standard_passes"]) >= 4000)
    assert len(cheap) == 7
    once = {name: float(rows[f"{name}, 1 epoch, C=8, 1,000 images"]["spearman"])
            for name in ("rs-fgsm", "pgd-2", "pgd-7", "free-4")}  # fmt: skip
    assert rest[0] == once["pgd-7"] == sorted(once.values())[2]
    yield quote("below 4,000 passes six have # or less. The other", cheap[5])
    assert cheap[6] == float(rows["pgd-2, 8 epochs, C=4, 500 images"]["spearman"])
    yield quote("takes eight epochs: #. From 4,000 on all have # or more", cheap[6], rest[1])
    four = float(rows["rs-fgsm, 4 epochs, C=8, 1,000 images"]["spearman"])
    yield quote("One epoch of RS-FGSM, PGD-2 or PGD-7 has at most #, though", once["pgd-7"])
    yield quote("passes as four of RS-FGSM, which have #; one of free", four)
    yield quote("at each of four replays, has #.", once["free-4"])
    yield quote("of any setting (at most # %)", 100 * max(float(row["overfitted_high"]) for row in trained.values()))
    assert all(float(row["overfitted"]) == 0 for row in trained.values())
    (line,) = (one for one in REPORT.read_text(encoding="utf-8").splitlines() if one.startswith("**Not shown"))
    assert [name for name in trained if name not in line] == [
        "pgd-2, 4 epochs, C=8, 1,000 images (standard)", "pgd-2, 4 epochs, C=16, 1,000 images",
        "n-fgsm, 8 epochs, C=8, 1,000 images",
    ]  # fmt: skip
    yield quote("is within # points of gold's best", 100 * max(float(row["ten"]) for row in trained.values()))
