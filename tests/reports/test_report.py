import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from robnas._content import seal
from robnas.benchmarks import BUNDLED, Column, Table, table_of_records, write_table
from robnas.building import drive
from robnas.errors import DataError, InputError
from robnas.records import RecordStore
from robnas.reports import cell_text, rank_text, report_of, write_page, write_search_report
from robnas.reports._outputs import label
from robnas.reports._page import Bullets, Grid, Page, Section, Text, printable, to_html, to_markdown
from robnas.search import FORMAT, KIND, Experiment, LocalSearch, RandomSearch, Repetitions, Task
from robnas.spaces import Architecture, partition
from robnas.statistics import Accuracy, leaderboard, metrics_of, most_images, rank_set, standard_errors, strongest
from robnas.statistics import data_quality as quality_of
from tests.building.test_driver import Inline
from tests.building.trainers import Faulty, queue_of
from tests.records.test_store import CLEAN, RECORD
from tests.search.conftest import synthetic
from tests.search.test_repeat import Fragile

OTHER = Architecture("444444")
RECORDS = [
    CLEAN, RECORD, replace(RECORD, metric="autoattack@8/255", value=0.44, images=100),
    replace(CLEAN, architecture=OTHER, value=0.4), replace(RECORD, architecture=OTHER, value=0.2),
    replace(CLEAN, architecture=Architecture("111111"), value=0.5),
]  # fmt: skip
WHERE = ("cifar10", "test", "pgd@8/255")


def table_of(count, seeds=1, *, dataset="cifar10", metrics=("clean", "pgd@8/255"), name="mine", seed=0):
    """Random accuracies of the first classes of the official partition."""
    rng = np.random.default_rng(seed)
    rows = [arch.index for arch in partition("official").representatives()[:count]]
    strength = rng.uniform(0.1, 0.9, (count, 1))
    columns = [
        Column(dataset, "test", metric, np.clip(strength * factor + rng.normal(0, 0.01, (count, seeds)), 0, 1),
               tuple(range(seeds)))
        for factor, metric in zip((1.0, 0.5, 0.4, 0.3), metrics, strict=False)
    ]  # fmt: skip
    return Table(name, rows, columns, partition="official")


def report(table, tmp_path, kind="html", **options):
    """What the report of a table says, as text."""
    write_table(table, tmp_path / "table.parquet")
    found = report_of(tmp_path / "table.parquet", **options)
    return found, write_page(found.page, tmp_path / f"report.{kind}")[0].read_text()


def test_rows_are_ranked_and_missing_values_come_last():
    rows = leaderboard(table_of_records("mine", RECORDS), *WHERE)
    assert [(row.architecture.code, row.rank) for row in rows] == [("323133", 1), ("444444", 2), ("111111", None)]
    assert math.isnan(rows[-1].value("pgd@8/255"))
    assert rows[1].value("clean") == 0.4
    assert rows[0].standard_error("pgd@8/255") == pytest.approx(math.sqrt(0.4811 * 0.5189 / 10000))
    assert most_images(rows) == 10000
    assert [cell_text(rows[0].entries[m], 10000) for m in rows[0].entries] == [
        "79.4 ±0.4",
        "48.1 ±0.5",
        "44.0 ±5.0*",
    ]
    assert cell_text(rows[-1].entries["pgd@8/255"]) == "–"


def test_equal_values_share_a_rank():
    values = np.array([[0.3], [0.5], [0.5], [0.1]])
    table = Table("ties", [1, 2, 3, 4], [Column("cifar10", "test", "clean", values)])
    assert [row.rank for row in leaderboard(table, "cifar10", "test", "clean")] == [1, 1, 3, 4]
    assert cell_text(leaderboard(table, "cifar10", "test", "clean")[0].entries["clean"]) == "50.0"
    assert [rank_text(row) for row in leaderboard(table, "cifar10", "test", "clean")] == ["1=", "1=", "3", "4"]
    assert leaderboard(table, "cifar10", "test", "clean")[1].sharing == 2


def test_a_report_says_which_ranks_are_shared(tmp_path):
    values = np.array([[0.3], [0.5], [0.5], [0.1]])
    table = Table("ties", [1, 2, 3, 4], [Column("cifar10", "test", "clean", values)])
    text = report(table, tmp_path, "md")[1]
    assert "Best under clean: 000002 with 50.0 %, which another one has too;" in text
    assert "=: others share the rank, which is 1 plus the number of those that are better" in text
    assert "1= | 000002" in text
    assert "1= | 000003" in text
    assert "3 | 000001" in text
    assert "=: others" not in report(table_of(6, 2), tmp_path, "md")[1]


def test_means_that_differ_by_rounding_share_a_rank_in_order_of_the_architectures():
    values = np.array([[0.3, 0.2, 0.1], [0.1, 0.2, 0.3], [0.05, 0.06, 0.07]])
    table = Table("ties", [1, 2, 3], [Column("cifar10", "test", "clean", values, (0, 1, 2))])
    assert len(set(table.values("cifar10", "clean", split="test").tolist())) == 3
    rows = leaderboard(table, "cifar10", "test", "clean")
    assert [(row.architecture.index, row.rank, row.sharing) for row in rows] == [(1, 1, 2), (2, 1, 2), (3, 3, 1)]
    for index in (1, 2):
        found = rank_set(table, Architecture.from_index(index), dataset="cifar10", metric="clean", split="test")
        assert (found.rank, found.sharing, found.count) == (1, 2, 3)


def test_means_that_differ_by_rounding_are_tied_in_correlations(tmp_path):
    orders = [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.7, 0.1, 0.2], [0.2, 0.7, 0.1], [0.8, 0.9, 0.7], [0.7, 0.8, 0.9]]
    values = {"clean": orders, "pgd@8/255": [one[::-1] for one in orders]}
    columns = [Column("cifar10", "test", metric, np.array(runs), (0, 1, 2)) for metric, runs in values.items()]
    table = Table("ties", range(6), columns)
    assert any(len(np.unique(column.mean)) > 3 for column in columns)
    facts = report(table, tmp_path)[0].facts["table"]["splits"][0]
    assert facts["correlations"] == [["pgd@8/255", "clean", 1.0]]


def wide_table(count=400):
    """Noise of .002 below an accuracy of .5 and of .02 above, three seeds; the first two rows are dead."""
    rng = np.random.default_rng(0)
    strength = np.sort(rng.uniform(0.15, 0.98, (count, 1)), axis=0)
    values = np.clip(strength + rng.normal(0, 1, (count, 3)) * np.where(strength < 0.5, 0.002, 0.02), 0, 1)
    values[:2] = 0.1
    rows = [arch.index for arch in partition("identical").representatives()[:count]]
    clean = Column("mine", "test", "clean", values, (0, 1, 2), facts={"num_classes": 10})
    attacked = replace(clean, metric="pgd@8/255", values=np.where(values > 0.1, np.maximum(values - 0.25, 0), values))
    return Table("wide", rows, [clean, attacked])


def test_errors_are_those_of_networks_of_similar_accuracy_and_zero_for_constant_ones():
    table = wide_table()
    column = table.column("mine", "clean", "test")
    errors, source = standard_errors(table, column)
    pooled = table.noise("mine", "clean", split="test").run_sd
    assert source == "similar"
    low, high = (column.mean > 0.2) & (column.mean < 0.4), (column.mean > 0.6) & (column.mean < 0.9)
    assert errors[low].max() * np.sqrt(3) < 0.003 < 0.01 < pooled < 0.017
    assert errors[high] * np.sqrt(3) == pytest.approx(np.full(high.sum(), 0.02), rel=0.35)
    assert errors[:2] == pytest.approx([0, 0], abs=1e-12)
    rows = leaderboard(table, "mine", "test", "clean")
    assert [cell_text(row.entries["clean"]) for row in rows[-2:]] == ["10.0 ±0.0"] * 2
    zero = table.column("mine", "pgd@8/255", "test").mean == 0
    assert zero.any()
    assert (standard_errors(table, table.column("mine", "pgd@8/255", "test"))[0][zero] == 0).all()


def test_a_constant_network_that_was_trained_once_has_no_known_noise():
    table = wide_table()
    values = table.columns[0].values.copy()
    values[:2, 1:] = np.nan
    once = Table("once", table.rows, [replace(table.columns[0], values=values), table.columns[1]])
    errors, source = standard_errors(once, once.columns[0])
    assert source == "similar"
    assert np.isnan(errors[:2]).all()
    assert not np.isnan(errors[2:]).any()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.5, 0.0123, "50.0 ±1.2"),
        (0.004, 0.01, "0.4 +1.0 −0.4"),
        (0.999, 0.01, "99.9 +0.1 −1.0"),
        (0.0, 0.0, "0.0 ±0.0"),
        (0.5, math.nan, "50.0"),
    ],
)
def test_a_bar_stays_on_the_scale(value, error, text):
    entry = Accuracy(value, error, 1, None)
    assert cell_text(entry) == text
    if not math.isnan(error):
        assert 0 <= value - entry.below <= value + entry.above <= 1


def test_with_few_repetitions_the_error_is_no_larger_than_accuracies_of_that_mean_differ():
    values = np.array([[0.5, 0.3], [0.7, 0.4], [0.2, 0.6], [0.0, 0.0], [0.001, 0.001], [0.3, 0.8]])
    rows = [arch.index for arch in partition("identical").representatives()[:6]]
    table = Table("few", rows, [Column("mine", "test", "pgd@8/255", values, (0, 1))])
    errors, source = standard_errors(table, table.columns[0])
    assert source == "trainings"
    assert errors[3] == 0
    assert errors[4] == pytest.approx(math.sqrt(0.001 * 0.999 / 2))
    assert errors[0] == pytest.approx(table.noise("mine", "pgd@8/255", split="test").run_sd / math.sqrt(2))


def test_errors_come_from_repeated_trainings_else_from_the_images():
    seeds = table_of(20, 3)
    column = seeds.column("cifar10", "clean", "test")
    errors, source = standard_errors(seeds, column)
    assert source == "trainings"
    assert errors == pytest.approx(np.full(20, seeds.noise("cifar10", "clean", split="test").run_sd / math.sqrt(3)))
    two = Table("two", seeds.rows[:2], [replace(column, values=column.values[:2])])
    assert standard_errors(two, two.columns[0])[1] == "unknown"  # 4 degrees of freedom are too few
    one = Table("one", seeds.rows, [replace(column, values=column.values[:, :1], seeds=(0,))])
    assert standard_errors(one, one.columns[0])[1] == "unknown"
    counted = Table("counted", two.rows, [replace(two.columns[0], facts={"images": 400})])
    assert standard_errors(counted, counted.columns[0])[1] == "images"


def test_metrics_are_ordered_from_clean_to_strongest():
    keys = ["square@8/255", "autoattack@8/255", "pgd@average", "pgd@8/255", "clean", "apgd@8/255", "pgd@3/255"]
    assert metrics_of(keys) == [
        "clean", "pgd@3/255", "pgd@8/255", "apgd@8/255", "autoattack@8/255", "square@8/255", "pgd@average",
    ]  # fmt: skip
    assert strongest(keys[3:]) == "pgd@8/255"
    assert strongest(["clean", "autoattack@8/255"]) == "autoattack@8/255"
    assert strongest(["clean"]) == "clean"
    mixed = ["pgd-l1@12", "fgsm@8/255", "pgd:100@8/255", "pgd@3/255", "pgd-l2@0.5", "pgd:20@8/255", "clean"]
    for keys in (mixed, mixed[::-1]):
        assert metrics_of(keys) == [
            "clean", "fgsm@8/255", "pgd@3/255", "pgd:20@8/255", "pgd:100@8/255", "pgd-l2@0.5", "pgd-l1@12",
        ]  # fmt: skip
        assert strongest(keys) == "pgd:100@8/255"
    assert strongest(["pgd-l1@12", "fgsm@8/255", "pgd-l2@0.5"]) == "pgd-l2@0.5"


def test_ranking_by_a_metric_that_was_not_measured_lists_those_that_were(tmp_path):
    with pytest.raises(InputError, match="--rank-by: expected one of clean, pgd@8/255, got 'pgd'"):
        report(table_of(4), tmp_path, rank_by="pgd")


def test_every_stronger_attack_is_checked_and_fewer_images_are_allowed_for():
    values = {"pgd@8/255": 0.5, "apgd@8/255": 0.52, "autoattack@8/255": 0.54}
    columns = [Column("x", "test", key, np.array([[value]]), (0,)) for key, value in values.items()]
    found = [finding.column for finding in quality_of(Table("t", [7], columns))]
    assert found == [
        "x test apgd@8/255 > pgd@8/255", "x test autoattack@8/255 > pgd@8/255", "x test autoattack@8/255 > apgd@8/255"
    ]  # fmt: skip
    counted = [replace(c, facts={"images": 50 if "auto" in c.metric else 400}) for c in columns]
    assert [f.column for f in quality_of(Table("t", [7], counted))] == ["x test apgd@8/255 > pgd@8/255"]


# pages


class Seen(HTMLParser):
    """The tags of a page and what they have."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "nav", "ul", "li", "a", "p", "strong", "div",
    "table", "caption", "span", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img", "section", "footer",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "aria-label", "aria-labelledby", "href", "id", "class", "role",
    "tabindex", "scope", "alt", "src",
}  # fmt: skip


def check_harmless(text):
    """Nothing of the page is a script, is loaded, or came in as markup."""
    seen = Seen(text)
    assert {tag for tag, _ in seen.tags} <= TAGS
    assert {name for _, attributes in seen.tags for name in attributes} <= ATTRIBUTES
    assert all(a["href"].startswith("#") for a in seen.all("a"))
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in seen.all("img"))
    assert all(image["alt"] for image in seen.all("img"))
    return seen


def test_a_page_is_one_file_that_loads_nothing_and_its_policy_allows_its_own_style(tmp_path):
    _, text = report(table_of(12, 3), tmp_path)
    seen = check_harmless(text)
    assert text.startswith("<!doctype html>")
    (policy,) = [meta["content"] for meta in seen.all("meta") if "http-equiv" in meta]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'")
    assert all(cell["scope"] in ("col", "row") for cell in seen.all("th"))
    assert "prefers-color-scheme:dark" in style
    assert "@media print" in style
    assert len({a["href"] for a in seen.all("a")}) == len(seen.all("section"))
    assert {a["href"][1:] for a in seen.all("a")} == {section["id"] for section in seen.all("section")}
    assert (tmp_path / "report.html").read_bytes() == write_page(
        report_of(tmp_path / "table.parquet").page, tmp_path / "again.html"
    )[0].read_bytes()


HOSTILE = '<script>alert(1)</script> "><img src=x onerror=y> $\\frac{ [a](http://b) `c` | _d_ **e** # \u202ef & &lt;'


@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_in_a_table_are_text_whatever_they_are(tmp_path):
    table = table_of(40, 3, metrics=("clean", "pgd@8/255", f"{HOSTILE[:80]}@8/255", "_hidden@1/255"))
    columns = [replace(column, dataset=printable(HOSTILE)) for column in table.columns]
    named = Table(printable(HOSTILE), table.rows, columns, provenance={"notes": HOSTILE, "a|b": {"<i>": [HOSTILE]}})
    found, text = report(named, tmp_path)
    check_harmless(text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot;&gt;&lt;img src=x onerror=y&gt;" in text
    assert "\u202e" not in text
    page = write_page(found.page, tmp_path / "report.md")[0].read_text()
    assert "<" not in page
    assert re.findall(r"(?<!\\)\]\(([^)]*)", page) == [f"report/{p.name}.png" for p in found.page.pictures]
    for line in page.splitlines():
        if line.startswith("|") and "ρ" not in line:
            assert len(re.findall(r"(?<!\\)\|", line)) > 2


def test_markup_of_both_kinds_is_written_as_text():
    page = Page(
        HOSTILE, (Text(HOSTILE, strong=True),),
        (Section(HOSTILE, (Bullets((HOSTILE,)), Grid(HOSTILE, ("a", HOSTILE), ((HOSTILE, "1"),)))),), HOSTILE,
    )  # fmt: skip
    check_harmless(to_html(page, lambda picture: b""))
    text = to_markdown(page, lambda picture: "")
    assert "&lt;script&gt;" in text
    assert r"[a\](http://b) \`c\` \| \_d\_ \*\*e\*\* \#" in text
    assert "&amp;lt;" in text
    (row,) = [line for line in text.splitlines() if line.endswith("| 1 |")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_labels_of_figures_are_no_formulas():
    assert label("_a $x$") == r"a \$x\$"
    assert label("b" * 100) == "b" * 59 + "…"


def test_markdown_links_pictures_that_lie_beside_it(tmp_path):
    _, text = report(table_of(40, 3), tmp_path, "md")
    links = re.findall(r"!\[.+?\]\((.+?)\)", text)
    assert links == ["report/clean-vs-robust-1.png", "report/histogram-1.png"]
    assert all((tmp_path / link).read_bytes()[:4] == b"\x89PNG" for link in links)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "report.md", "table.parquet"]
    assert text.startswith("# Report of mine\n")


@pytest.mark.parametrize("kind", ["html", "md"])
def test_a_page_that_cannot_be_finished_leaves_what_was_there(tmp_path, monkeypatch, kind):
    found, _ = report(table_of(40, 3), tmp_path, kind)
    drawn = []

    def fails(figure, kind):
        drawn.append(kind)
        if len(drawn) == 2:
            raise OSError("No space left on device")
        return b"new"

    monkeypatch.setattr("robnas.reports._outputs.draw", fails)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OSError, match="No space"):
        write_page(found.page, tmp_path / f"report.{kind}")
    drawn.clear()
    with pytest.raises(OSError, match="No space"):
        write_page(found.page, tmp_path / f"fresh.{kind}")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_a_page_has_one_of_three_endings(tmp_path, name):
    with pytest.raises(InputError, match=r"--out: expected a file ending in \.html, \.htm or \.md, got"):
        write_page(Page("x", (), ()), tmp_path / name)


# tables


def test_few_rows_are_all_shown_and_many_are_not(tmp_path):
    found, text = report(table_of(30, 2), tmp_path)
    assert text.count("<tr>") < 60
    assert found.facts["table"]["splits"][0]["left_out"] == 0
    found, text = report(table_of(900, 2), tmp_path)
    (split,) = found.facts["table"]["splits"]
    assert (len(split["best"]), len(split["worst"]), split["left_out"]) == (25, 5, 870)
    assert text.count("<tr>") < 80
    assert "870 more" in text
    assert [picture.name for picture in found.page.pictures] == ["clean-vs-robust-1", "histogram-1", "noise-1"]
    assert [row["rank"] for row in split["worst"]] == [896, 897, 898, 899, 900]
    assert split["worst"][-1]["architecture"] not in {row["architecture"] for row in split["best"]}


def test_rows_without_a_value_are_neither_best_nor_worst(tmp_path):
    table = table_of(60)
    column = table.columns[1]
    column.values[:50] = np.nan
    found, text = report(table, tmp_path)
    (split,) = found.facts["table"]["splits"]
    assert split["architectures"] == 10
    assert [row["rank"] for row in split["best"]] == list(range(1, 11))
    assert (split["worst"], split["left_out"], split["unmeasured"]) == ([], 0, 50)
    assert "50 without a value" in text
    assert " more<" not in text
    assert re.search(r"\bnan\b", text) is None


def test_rows_without_a_value_are_not_counted_between_the_ranks(tmp_path):
    table = table_of(60)
    networks = partition("identical").class_of[table.rows]
    alone = [row for row in range(60) if (networks == networks[row]).sum() == 1]
    table.columns[1].values[alone[:10]] = np.nan
    found, text = report(table, tmp_path, "md")
    (split,) = found.facts["table"]["splits"]
    assert (len(split["best"]), len(split["worst"]), split["left_out"], split["unmeasured"]) == (25, 5, 20, 10)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    (between,) = [place for place, line in enumerate(lines) if "20 more" in line]
    assert "10 without a value" in lines[between + 6]


def test_a_name_comes_before_a_folder_or_file_of_that_name(tmp_path, monkeypatch):
    write_table(table_of(20, name="digits"), tmp_path / "small.parquet")
    monkeypatch.setitem(BUNDLED, "digits", tmp_path / "small.parquet")
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    found = report_of("digits")
    assert (found.kind, found.facts["table"]["name"]) == ("table", "digits")


def test_the_numbers_are_those_of_the_statistics(tmp_path):
    table = table_of(50, 3)
    found, text = report(table, tmp_path)
    (split,) = found.facts["table"]["splits"]
    best, value = table.best("cifar10", "pgd@8/255", split="test")[0]
    noise = table.noise("cifar10", "pgd@8/255", split="test")
    assert (split["best"][0]["architecture"], split["best"][0]["entries"]["pgd@8/255"]["value"]) == (best.code, value)
    assert split["metrics"][1]["noise"]["run_sd"] == noise.run_sd
    assert split["front_size"] == len(table.pareto("cifar10", "clean", "pgd@8/255", split="test"))
    assert split["ranks"][best.code][0] == 1
    assert split["tied"] >= 1
    assert 0 < split["metrics"][0]["with_ranking"]["low"] <= split["metrics"][0]["with_ranking"]["value"] <= 1
    assert f"Best under pgd@8/255: {best.code} with {100 * value:.1f} ±" in text
    assert found.kind == "table"
    json.dumps(found.facts, allow_nan=False)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (table_of(1), "1 architecture, one per class"),
        (table_of(2), "how certain that is, is not known without repeated trainings"),
        (table_of(5, metrics=("clean",)), "Best under clean: "),
        (table_of(5, metrics=("pgd@average", "fgsm@average")), "Best under pgd@average: "),
        (Table("none", [3, 4], [Column("x", "test", "clean", np.full((2, 1), np.nan))]), "No architecture has a value"),
        (Table("same", [3, 4, 5], [Column("x", "test", "clean", np.full((3, 2), 0.5), (0, 1))]), "50.0"),
    ],
    ids=["one row", "one seed", "clean only", "averages", "no value", "constant"],
)
def test_a_table_with_little_in_it_is_reported(tmp_path, table, text):
    found, page = report(table, tmp_path)
    check_harmless(page)
    assert text in page
    assert "Noise floor unknown: repeated trainings have fewer than five degrees of freedom, or do not differ." in page
    assert "Isomorphic twins that share a seed are no repetitions." in page
    json.dumps(found.facts, allow_nan=False)


def test_data_sets_are_compared(tmp_path):
    first, second = table_of(30, seed=0), table_of(30, seed=1, dataset="other")
    table = Table("both", first.rows, [*first.columns, *second.columns])
    found, text = report(table, tmp_path)
    (pair,) = found.facts["table"]["between"]
    assert (pair["first"], pair["second"]) == ("cifar10 test pgd@8/255", "other test pgd@8/255")
    assert "Between data sets and splits" in text


# stores


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/runs.db"


def test_a_store_says_what_it_rests_on(url, tmp_path):
    with RecordStore(url) as store:
        store.add(
            RECORDS, {"r" * 16: {"name": "digits", "max_lr": 0.1}, "a" * 16: {"name": "pgd", "step_size": 8 / 255}}
        )
    for source in (url, tmp_path / "runs.db"):
        found = report_of(source)
        text = write_page(found.page, tmp_path / "report.html")[0].read_text()
        assert found.kind == "store"
        for part in ("48.1 ±0.5", "44.0 ±5.0*", "max_lr 0.1, name digits", "step_size 8/255", "2.13.0", "r" * 16):
            assert part in text, part
        assert found.facts["plans"] == []


def test_a_plan_is_reported_with_its_failures_and_doubts(url, tmp_path):
    with RecordStore(url) as store:
        drive(queue_of(store, 6), Inline(Faulty("raises")))
        store.add(RECORDS)  # of another data set
    found = report_of(url, plan="mine")
    text = write_page(found.page, tmp_path / "report.html")[0].read_text()
    check_harmless(text)
    assert found.page.title == "Report of mine"
    assert found.facts["table"]["architectures"] == 5
    assert found.facts["plans"][0]["failed"] == 1
    assert "Failed trials of mine" in text
    assert "ValueError" in text
    assert found.facts["provenance"]["plan_hash"] == "9" * 16
    assert report_of(url).facts["table"]["architectures"] == 8
    with pytest.raises(InputError, match=r"plan: expected one of mine \(9999999999999999\), got 'other'"):
        report_of(url, plan="other")


def test_a_store_of_failures_only_is_reported_and_an_empty_one_is_not(url, tmp_path):
    with RecordStore(url) as store:
        with pytest.raises(InputError, match="table runs: expected records, got none"):
            report_of(url)
        drive(queue_of(store, 1), Inline(Faulty("raises")))
    found = report_of(url)
    text = write_page(found.page, tmp_path / "report.html")[0].read_text()
    assert "No trial has ended with records." in text
    assert "ValueError" in text
    assert "table" not in found.facts
    with pytest.raises(DataError, match=r"missing\.db: expected a store of records, got nothing"):
        report_of(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()


def test_what_was_measured_in_several_ways_is_named_and_can_be_chosen(url):
    from robnas.benchmarks import Choice

    with RecordStore(url) as store:
        store.add([*RECORDS, replace(CLEAN, recipe_hash="b" * 16, value=0.5)])
    found = report_of(url)
    (text,) = found.facts["table"]["ambiguous"]
    assert "choose one: --recipe bbbbbbbb on the command line" in text
    chosen = report_of(url, choice=Choice(recipe="b"))
    assert [m["metric"] for m in chosen.facts["table"]["splits"][0]["metrics"]] == ["clean"]
    with pytest.raises(InputError, match="--plan: expected a store, which has plans, got"):
        report_of("nas-robbench-201", plan="x")


# searches


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    out = tmp_path_factory.mktemp("search")
    task = Task.named(synthetic(), "cifar10", "clean", split="test")
    algorithms = {HOSTILE: RandomSearch(), "local": LocalSearch("first"), "broken": Fragile(1)}
    results = list(Experiment.of(algorithms, [task], Repetitions(20, 4, 0, (5,))).run())
    write_search_report(results, out, ["a note"])
    return out, results


def test_a_search_is_reported_with_the_algorithm_whose_runs_all_failed(searched, tmp_path):
    out, _ = searched
    found = report_of(out)
    text = write_page(found.page, tmp_path / "report.html")[0].read_text()
    check_harmless(text)
    assert found.kind == "search"
    assert "every run failed" in text
    assert "broken on cifar10 test clean, seed 3: ZeroDivisionError" in text
    assert "a note" in text
    assert [picture.name for picture in found.page.pictures] == ["curves", "ranks-5", "ranks-20"]
    assert {row["algorithm"]: row["runs"] for row in found.facts["summary"]} == {HOSTILE: 4, "local": 4, "broken": 0}
    assert len(found.facts["failures"]) == 4
    assert report_of(out / "results.json").facts == found.facts
    json.dumps(found.facts, allow_nan=False)


def test_a_search_in_which_everything_failed_is_reported(tmp_path):
    task = Task.named(synthetic(), "cifar10", "clean", split="validation")
    results = list(Experiment.of({"broken": Fragile(1)}, [task], Repetitions(5, 2)).run())
    write_search_report(results, tmp_path)
    found = report_of(tmp_path)
    assert list(found.page.pictures) == []
    assert [section.title for section in found.page.sections][:2] == [task.name, "Runs that failed"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "expected the results.json that robnas search --out DIR writes, got nothing"),
        ("{", "got JSONDecodeError"),
        ("[]", "got TypeError"),
        ('{"format": 99}', f"expected format {FORMAT}, got 99; read it with the robnas that wrote it"),
        (f'{{"format": {FORMAT}, "robnas": "0", "notes": [], "results": []}}', "got KeyError ('content')"),
        ('{"format": 3, "robnas": "0", "notes": [], "results": []}', "got ValueError (no results)"),
        ('{"format": 3, "robnas": "0", "notes": [], "results": [{"task": {}}]}', "got KeyError"),
    ],
)
def test_results_that_cannot_be_read_are_one_line(tmp_path, content, text):
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(DataError) as raised:
        report_of(tmp_path)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "change",
    [{"mean": [0.1]}, {"budget": 7}, {"seeds": [0]}, {"counts": {}}, {"checkpoints": [5, 30]}, {"oracle": []}],
)
def test_results_whose_numbers_do_not_belong_together_are_refused(searched, tmp_path, change):
    kept = json.loads((searched[0] / "results.json").read_text())
    kept["results"][0] |= change
    (tmp_path / "results.json").write_text(json.dumps(seal(KIND, kept)))
    with pytest.raises(DataError, match=r"got ValueError \(.*numbers that do not belong together"):
        report_of(tmp_path)


def test_dataclasses_of_the_report_have_a_place_in_json():
    from robnas.reports._report import plain

    found = plain({"a": leaderboard(table_of_records("mine", RECORDS), *WHERE)[0], "b": (math.nan, np.float64(1))})
    assert found["a"]["architecture"] == "323133"
    assert found["b"] == [None, 1.0]
