"""Pages and pictures of tables of any space: those of `tests.statistics.spaces`."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Choice, Column, Table, write_table
from robnas.errors import DataError, InputError
from robnas.records import RecordStore
from robnas.reports import (
    attainment_fronts,
    clean_versus_robust,
    code_text,
    read_results,
    report_of,
    write_page,
    write_picture,
    write_search_report,
)
from robnas.reports._genes import gene_boxes
from robnas.reports._page import Grid, Page, Section, elided, to_html, to_markdown
from robnas.reports._scatter import ranks_name_points
from robnas.reports._search_figures import _unit
from robnas.search import NSGA2, Experiment, RandomSearch, RegularizedEvolution, Repetitions, Task
from robnas.spaces import SPACES, Gene, Space
from robnas.statistics import gene_effects, leaderboard
from tests.records.test_store import CLEAN, RECORD
from tests.reports.test_report import table_of
from tests.statistics.spaces import BROAD, LARGE, NARROW, TOY, columns_of, large, toy, two_widths, wide


@pytest.fixture
def known(monkeypatch):
    """The spaces of one's own are registered, as an import of their file does it."""
    for space in (TOY, LARGE):
        monkeypatch.setitem(SPACES, space.name, space)


def report(table, tmp_path):
    """What the report of a file says, as Markdown without its pictures, which take the time."""
    path = tmp_path / "table.parquet"
    write_table(table, path)
    found = report_of(path)
    return found, to_markdown(found.page, lambda picture: picture.name)


def grids(found):
    """Tables of the page by the beginning of their caption."""
    blocks = (block for section in found.page.sections for block in section.blocks)
    return {block.caption.split(" ", 1)[0]: block for block in blocks if isinstance(block, Grid)}


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_a_report_names_space_architectures_and_genes(known, tmp_path):
    found, text = report(toy(), tmp_path)
    json.dumps(found.facts, allow_nan=False)
    (split,) = found.facts["table"]["splits"]
    best, value = toy().best("cifar10", "pgd@8/255", split="test")[0]
    assert (found.facts["table"]["space"], split["space"]) == ("toy", None)
    assert (split["best"][0]["architecture"], split["best"][0]["entries"]["pgd@8/255"]["value"]) == (best.text, value)
    assert set(split["ranks"]) == {arch.text for arch in TOY}
    assert "24 architectures of space toy, each standing for itself. cifar10 test: 3 metrics." in text
    assert f"Best under pgd@8/255: {best.text} with {100 * value:.1f} ±" in text
    assert [picture.name for picture in found.page.pictures] == ["clean-vs-robust-1", "genes-1"]
    front = grids(found)["Pareto"]
    assert front.header == ("architecture", "clean", "pgd@8/255", "depth", "width", "act")
    assert front.rows[0][0] == ",".join(
        f"{name}={value}" for name, value in zip(front.header[3:], front.rows[0][3:], strict=True)
    )
    genes = {row[0]: row for row in grids(found)["Genes"].rows}
    assert list(genes) == ["depth", "width", "act"]  # by what they explain
    assert genes["depth"][1:3] == (f"{100 * split['genes'][0]['explained']:.1f}", "3")
    assert re.fullmatch(r"3: \d\d\.\d\d \(8\)", genes["depth"][3])
    assert re.fullmatch(r"1: \d\d\.\d\d \(8\)", genes["depth"][4])


def test_a_report_of_cells_is_as_before(tmp_path):
    found, text = report(table_of(50, 3), tmp_path)
    (split,) = found.facts["table"]["splits"]
    assert (found.facts["table"]["space"], split["space"], split["genes"]) == ("nas-bench-201", None, [])
    assert "50 architectures, one per class of official." in text
    assert "genotype" in grids(found)["Pareto"].header
    assert "Genes" not in grids(found)
    assert "over isomorphic twins that are one network" in text


def test_nothing_is_said_of_twins_where_the_space_does_not_know_them(known, tmp_path):
    once = Table("once", toy().architectures, columns_of(np.linspace(0, 1, 24), np.random.default_rng(0), seeds=(0,)),
                 space=TOY)  # fmt: skip
    for table in (toy(), once):
        text = report(table, tmp_path)[1]
        assert "twins" not in text.lower().replace("outliers among identical networks", "")
        assert "outliers among identical networks: space toy does not say which are identical" in text
    assert "Noise floor unknown: repeated trainings have fewer than five degrees of freedom, or do not differ." in text


def test_a_report_of_a_space_that_cannot_be_listed(known, tmp_path):
    found, text = report(large(), tmp_path)
    (split,) = found.facts["table"]["splits"]
    assert split["best"][0]["architecture"] == leaderboard(large(), "cifar10", "test", "pgd@8/255")[0].architecture.text
    assert (len(split["best"]), len(split["worst"]), split["left_out"]) == (25, 5, 30)
    assert len(split["genes"]) == 40
    assert "the first 25 of 40" in text
    assert grids(found)["Pareto"].header == ("architecture", "clean", "pgd@8/255")  # too many genes for columns
    whole = split["best"][0]["architecture"]
    assert f"| {whole} |" in text  # nothing is left out where a title cannot say it
    html = write_page(found.page, tmp_path / "report.html")[0].read_text()
    assert f'<span title="{whole}">' in html
    assert whole not in re.sub(r'title="[^"]*"', "", html)


def test_a_report_of_wide_residual_networks(tmp_path):
    whole = wide()
    columns = [replace(column, values=column.values[::10]) for column in whole.columns]
    found, text = report(Table("tenth", whole.architectures[::10], columns, space=whole.space), tmp_path)
    (split,) = found.facts["table"]["splits"]
    assert (split["architectures"], split["left_out"], split["tied"]) == (1_563, 1_533, None)
    assert "1,563 architectures of space wide-resnet" in text
    assert grids(found)["Pareto"].header[3:] == ("D1", "W1", "D2", "W2", "D3", "W3")
    assert [gene["gene"] for gene in split["genes"]] == ["D1", "W1", "D2", "W2", "D3", "W3"]


def test_two_sizes_of_network_are_two_sections(tmp_path):
    found, text = report(two_widths(), tmp_path)
    narrow, broad = found.facts["table"]["splits"]
    assert [(part["space"], [metric["metric"] for metric in part["metrics"]]) for part in (narrow, broad)] == [
        (NARROW, ["clean", "pgd@8/255"]), (BROAD, ["clean", "fgsm@8/255", "pgd@8/255"]),
    ]  # fmt: skip
    for part in (narrow, broad):
        column = two_widths().column("cifar10", "pgd@8/255", "test", part["space"])
        assert part["best"][0]["entries"]["pgd@8/255"]["value"] == column.mean.max()
        assert {row["architecture"] for row in part["best"]} <= set(two_widths().texts)
        assert part["metrics"][-1]["best"] == column.mean.max()
        assert f"## cifar10, test, {part['space']}" in text
    between = found.facts["table"]["between"]
    names = [f"cifar10 test pgd@8/255 {key}" for key in (NARROW, BROAD)]
    assert [(one["first"], one["second"]) for one in between] == [tuple(names)]
    assert len({picture.name for picture in found.page.pictures}) == len(list(found.page.pictures)) == 4


def test_columns_of_an_unknown_size_stand_apart_from_those_of_two(tmp_path):
    unknown = Column("cifar10", "test", "autoattack@8/255", np.linspace(0.1, 0.2, 40)[:, None])
    mixed = Table("mixed", range(40), [*two_widths().columns, unknown])
    splits = report(mixed, tmp_path)[0].facts["table"]["splits"]
    assert [(part["space"], part["ranked_by"], part["constant"] is None) for part in splits] == [
        (NARROW, "pgd@8/255", False), (BROAD, "pgd@8/255", False), (None, "autoattack@8/255", True),
    ]  # fmt: skip
    assert splits[2]["best"][0]["architecture"] == two_widths().texts[39]


def test_a_table_of_an_unknown_space_says_how_to_bring_it(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(SPACES, "toy", TOY)
        write_table(toy(), tmp_path / "toy.parquet")
    with pytest.raises(DataError, match=r"a table of a space that is known here.*brought by --import FILE"):
        report_of(tmp_path / "toy.parquet")


def test_a_store_of_several_spaces_needs_one_to_be_named(known, tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    wides = [replace(record, architecture=arch, space="", value=record.value - 0.01 * number)
             for number, arch in enumerate(wide().architectures[:3]) for record in (CLEAN, RECORD)]  # fmt: skip
    cells = [replace(record, space=key, value=record.value / size)
             for size, key in enumerate((NARROW, BROAD), start=1) for record in (CLEAN, RECORD)]  # fmt: skip
    with RecordStore(url) as store:
        store.add([*wides, *cells])
    with pytest.raises(InputError, match="expected architectures of one space, got nas-bench-201, wide-resnet"):
        report_of(url)
    found = report_of(url, choice=Choice(space="wide-resnet"))
    (split,) = found.facts["table"]["splits"]
    assert [row["architecture"] for row in split["best"]] == [arch.text for arch in wide().architectures[:3]]
    both = report_of(url, choice=Choice(space="nas-bench-201"))
    assert [part["space"] for part in both.facts["table"]["splits"]] == [BROAD, NARROW]


@pytest.mark.parametrize("make", [toy, large])
def test_a_store_of_a_space_of_ones_own_is_reported(known, tmp_path, make):
    url, table = f"sqlite:///{tmp_path}/runs.db", make()
    records = [replace(record, architecture=arch, space="", seed=seed, value=float(column.values[row, seed]))
               for column, record in zip(table.columns[::2], (CLEAN, RECORD), strict=True)
               for row, arch in enumerate(table.architectures[:12]) for seed in (0, 1)]  # fmt: skip
    with RecordStore(url) as store:
        store.add(records)
    found = report_of(url)
    (split,) = found.facts["table"]["splits"]
    first = int(np.argmax(table.columns[2].values[:12, :2].mean(axis=1)))
    assert (found.facts["table"]["space"], split["ranked_by"]) == (table.space.name, "pgd@8/255")
    assert split["best"][0]["architecture"] == table.architectures[first].text
    assert split["metrics"][0]["noise"]["source"] == "seeds"
    assert f"12 architectures of space {table.space.name}" in to_markdown(found.page, lambda picture: "")


# pictures


def test_points_have_the_colours_of_the_gene_that_tells_most():
    rows = leaderboard(toy(), "cifar10", "test", "pgd@8/255")
    figure = clean_versus_robust(rows, "clean", "pgd@8/255", space=TOY)
    assert legend(figure) == ["depth = 1", "depth = 2", "depth = 3"]
    assert legend(clean_versus_robust(rows, "clean", "pgd@8/255")) == ["architectures"]  # a space nobody knows
    few = [row for row in rows if row.architecture.genes["depth"] != 2]
    assert legend(clean_versus_robust(few, "clean", "pgd@8/255", space=TOY)) == ["depth = 1", "depth = 3"]
    cells = leaderboard(two_widths(), "cifar10", "test", "fgsm@8/255")
    assert legend(clean_versus_robust(cells, "clean", "pgd@8/255")) == ["no live convolution"]
    assert clean_versus_robust([], "clean", "pgd@8/255").axes[0].get_legend() is None
    many = leaderboard(large(), "cifar10", "test", "pgd@8/255")  # ten ordered choices, fewer styles
    ranges = ["gene_0 = 0 … 2", "gene_0 = 3 … 5", "gene_0 = 6 … 7", "gene_0 = 8 … 9"]
    assert legend(clean_versus_robust(many, "clean", "pgd@8/255", space=LARGE)) == ranges


def test_points_with_long_texts_are_named_by_rank():
    rows = leaderboard(toy(), "cifar10", "test", "pgd@8/255")
    named = {text.get_text() for text in clean_versus_robust(rows, "clean", "pgd@8/255", space=TOY).axes[0].texts}
    assert named
    assert named <= {str(rank) for rank in range(1, 25)}
    assert ranks_name_points(rows, "clean", "pgd@8/255")
    cells = leaderboard(two_widths(), "cifar10", "test", "fgsm@8/255")
    assert not ranks_name_points(cells, "clean", "pgd@8/255")
    assert code_text(rows[0]) == rows[0].architecture.text
    assert {text.get_text() for text in clean_versus_robust(cells, "clean", "pgd@8/255").axes[0].texts} <= set(
        two_widths().texts
    )
    assert not ranks_name_points(leaderboard(wide(), "cifar10", "test", "pgd@8/255"), "clean", "pgd@8/255")


def test_choices_are_no_formulas_and_none_is_left_out_of_the_legend(tmp_path):
    odd = Space("odd", genes=(Gene("kind", ("$a$", "_b", "")), Gene("_size", (1, 2))))
    values = np.linspace(0.2, 0.8, 6)[:, None]
    table = Table("odd", list(odd), [Column("mine", "test", m, values) for m in ("clean", "pgd@8/255")], space=odd)
    rows = leaderboard(table, "mine", "test", "clean")
    figure = clean_versus_robust(rows, "clean", "pgd@8/255", space=odd)
    assert legend(figure) == [r'kind = "\$a\$"', "kind = _b", 'kind = ""']
    assert write_picture(tmp_path / "odd.png", figure).stat().st_size > 1000
    column = table.column("mine", "clean", "test")
    boxes = gene_boxes(table, column, gene_effects(odd, table.architectures, column.mean))
    assert write_picture(tmp_path / "genes.png", boxes).stat().st_size > 1000


# long texts


def test_long_texts_lose_their_middle_on_the_page_and_nowhere_else():
    text = ",".join(f"gene_{number}={number}" for number in range(40))
    short = "depth=1,width=8"
    grid = Grid("c", ("architecture", "x"), ((text, "1"), (short, "2"), ("6,436 more", "…")), architectures=(0,))
    page = Page("p", (), (Section("s", (grid,)),))
    html = to_html(page, lambda picture: b"")
    shown = elided(text)
    assert len(shown) <= 130
    head, tail = shown.split("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert head.endswith(",")
    assert tail.startswith(",gene_")
    assert f'<span title="{text}">' in html
    assert "depth=1,<wbr>width=8<" in html
    assert "6,436 more" in html
    assert text in to_markdown(page, lambda picture: "").replace("\\_", "_")
    assert elided("x" * 300).count("x") == 120
    assert elided(short) == short


def test_a_text_cannot_leave_its_title():
    evil = '"><script>' + "a" * 200
    grid = Grid("c", ("architecture",), ((evil,),), architectures=(0,))
    html = to_html(Page("p", (), (Section("s", (grid,)),)), lambda picture: b"")
    assert "<script>" not in html
    assert html.count('"&gt;') == 0
    assert "&quot;&gt;&lt;script&gt;" in html


def test_a_gene_of_many_choices_has_no_panel_and_a_row(known, tmp_path, monkeypatch):
    many = Space("many", genes=(Gene("kind", tuple(range(40))), Gene("size", (1, 2))))
    monkeypatch.setitem(SPACES, "many", many)
    values = np.linspace(0.2, 0.8, 80)[:, None]
    table = Table("many", list(many), [Column("mine", "test", metric, values) for metric in ("clean", "pgd@8/255")],
                  space=many)  # fmt: skip
    found, _ = report(table, tmp_path)
    (picture,) = [picture for picture in found.page.pictures if picture.name == "genes-1"]
    assert picture.alt.endswith("by the choices of size")
    assert [row[0] for row in grids(found)["Genes"].rows] == ["kind", "size"]


# searches


def test_searches_of_any_space_are_reported(known, tmp_path):
    task = Task.named(toy(), "cifar10", "pgd@8/255", split="test")
    results = list(Experiment.of({"chance": RandomSearch(), "old": RegularizedEvolution(4, 2)}, [task],
                                 Repetitions(8, 3)).run())  # fmt: skip
    assert {text for result in results for text in result.architectures} <= {arch.text for arch in TOY}
    assert write_search_report(results, tmp_path)[0].name == "results.json"
    kept = read_results(tmp_path).results
    assert [one.architectures for one in kept] == [one.architectures for one in results]
    found = report_of(tmp_path)
    text = to_markdown(found.page, lambda picture: "")
    assert "charged once per architecture of space toy." in text
    assert "space toy" in text.split("Provenance")[1]
    assert [row["runs"] for row in found.facts["summary"]] == [3, 3]
    assert found.facts["spaces"] == {task.name: "toy"}
    assert (tmp_path / "report.md").read_text().count("of space toy") == 1


def test_costs_are_named_with_the_size_of_the_network_where_there_are_several():
    assert _unit("macs", {}) == "MACs (millions; C = 16, N = 5)"  # in files of earlier versions
    assert _unit("macs", {"space": BROAD}) == "MACs (millions; C = 16, N = 5)"
    assert _unit("parameters", {"space": NARROW}) == "parameters (millions; C = 8, N = 1)"
    assert _unit("parameters", {"space": "wide-resnet"}) == "parameters (millions)"
    task = Task.named(wide(), "cifar10", "pgd@8/255", split="test", costs="parameters")
    results = list(Experiment.of({"nsga2": NSGA2(population=4)}, [task], Repetitions(8, 2)).run())
    assert attainment_fronts(results).axes[0].get_ylabel() == "parameters (millions)"
