"""docs/speed.md: accuracies after whole trainings on a GPU; times are owed."""

from collections.abc import Iterator

from tests.evidence.quotes import Quote, quote, results

METRICS = "clean", "fgsm@3/255", "fgsm@8/255", "pgd@3/255", "pgd@8/255"


def quotes() -> Iterator[Quote]:
    """The measured and the published accuracy of each."""
    file = results("gpu/trainings.csv")
    rows = {(row["architecture"], row["metric"]): row for row in file.rows}
    for architecture in dict.fromkeys(name for name, _ in rows):
        one = [rows[architecture, metric] for metric in METRICS]
        pairs = [(float(row["measured"]), float(row["published"])) for row in one]
        rate = " #" if one[0]["images_per_second"] else ""
        times = [float(one[0][key]) for key in ("minutes", "images_per_second") if one[0][key]]
        yield quote(f"| {architecture} | # |{rate} |" + " # (#) |" * len(pairs), times, *pairs)
    furthest = max(abs(float(row["measured"]) - float(row["published"])) for row in file.rows)
    assert furthest < 0.5, "what the text says of all of them"
