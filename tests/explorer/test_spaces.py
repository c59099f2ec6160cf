"""Any space in the explorer: chosen, coloured and filtered by genes; what only one space knows stays in its folder.

In a real browser; every test fails on a console error or a request to another host.
"""

import csv
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import robnas.explorer
import robnas.networks
from robnas.benchmarks import Column, Scores, Table
from robnas.errors import InputError
from robnas.explorer import Replay, build_site
from robnas.explorer._pack_sizes import MOST_BUILT
from robnas.networks import count
from robnas.search import RandomSearch, Task, run
from robnas.spaces import SPACES, Gene, Space, space_of
from robnas.statistics import constant_rows, rank_set
from tests.explorer.acting import downloaded, paste, plotted, row_of, text_of, until, wait_hash
from tests.explorer.test_pages import VIEWS

WIDTHS = ("4", "8", "16", "32")
TOY = Space(
    "toy-nets",
    genes=(
        Gene("depth", (1, 2, 3), ordered=True),
        Gene("activation", ("relu", "a,b|c")),
        Gene("width", (4, 8, 16, 32), ordered=True),
    ),
)
HUGE = Space("huge-nets", genes=[Gene(f"g{place}", tuple(range(10)), ordered=place % 2 == 0) for place in range(40)])
HELD = 20  # of the 24 toy architectures
BEST = "depth=2,activation=relu,width=32"
MISSING = 'depth=3,activation="a,b|c",width=32'


def table_of(space, archs, name):
    """Accuracy grows with the places of the genes; the toy's best is that of two layers."""
    places = space.position_array(archs).astype(float)
    base = 0.3 + 0.3 * (places / np.maximum(1, [len(gene) - 1 for gene in space.genes])).mean(axis=1)
    noise = np.random.default_rng(0).normal(0, 0.002, (len(archs), 2))
    values = np.round((base[:, None] + noise) * 1024) / 1024
    if space is TOY:
        values[[arch.text for arch in archs].index(BEST)] += 0.25
    facts = {"images": 1024, "num_classes": 10}
    columns = [
        Column("cifar10", "test", metric, values * scale, (1, 2), facts=facts)
        for metric, scale in (("clean", 1), ("pgd@8/255", 0.5))
    ]
    return Table(name, archs, columns, space=space)


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Both spaces have names here, and nothing is built: no torch."""
    SPACES[TOY.name], SPACES[HUGE.name] = TOY, HUGE
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(robnas.networks), "BUILDERS", {})
        yield
    del SPACES[TOY.name], SPACES[HUGE.name]


@pytest.fixture(scope="module")
def toy():
    return table_of(TOY, list(TOY)[:HELD], "toy")


@pytest.fixture(scope="module")
def trace(toy):
    return run(RandomSearch(), Task.named(toy, "cifar10", "clean", split="test"), 8, 0)


@pytest.fixture(scope="module")
def toy_site(toy, trace):
    scores = Scores(toy.texts, ("nwot",), toy.columns[0].mean[:, None], np.full((HELD, 1), np.nan), space=TOY)
    return build_site([("toy.parquet", toy)], [("scores", scores)], [Replay(None, (trace.to_dict(),), "recorded")])


@pytest.fixture(scope="module")
def toy_url(toy_site, serve):
    return serve(toy_site)


def header_of(site):
    return json.loads(site["data/explorer.json"])


# choosing one


def test_it_opens_at_the_best_and_genes_choose_another(visit, toy, toy_url):
    one = visit(toy_url)
    asked = []
    one.page.on("request", lambda request: asked.append(request.url))
    page = one.open()
    assert text_of(page, "h1") == BEST
    assert page.title() == f"{BEST} · Architecture · robnas explorer"
    assert page.locator("nav a").first.inner_text() == "Architecture"
    assert not any("nas-bench-201" in address for address in asked)
    options = page.get_by_label("Gene width", exact=True).locator("option").all_inner_texts()
    assert tuple(options) == WIDTHS
    page.get_by_label("Gene width", exact=True).focus()
    page.get_by_label("Gene width", exact=True).select_option("8")
    wait_hash(page, "arch=depth=2,activation=relu,width=8")
    assert text_of(page, "h1") == "depth=2,activation=relu,width=8"
    assert page.evaluate("document.activeElement.dataset.gene") == "width"
    found = rank_set(toy, text_of(page, "h1"), dataset="cifar10", metric="clean", split="test")
    _, accuracy, rank, _ = row_of(page, "toy", "cifar10 test clean")
    assert accuracy.startswith(f"{100 * found.value:.2f} %")
    assert rank.startswith(f"{found.rank} of {HELD}")


def test_one_that_no_table_holds_is_said_and_near_ones_are_named(visit, toy_url):
    page = visit(toy_url).open()
    paste(page, MISSING)
    until(page, "text => document.querySelector('h1').textContent === text", arg=MISSING)
    assert f"This table has not measured {MISSING}." in text_of(page, 'section[aria-label="toy"]')
    assert "not scored" in text_of(page, 'section[aria-label="Scores"]')
    page.locator('section[aria-label="toy"] li a').first.click()
    until(page, "text => document.querySelector('h1').textContent !== text", arg=MISSING)
    assert "1 of" in text_of(page, 'section[aria-label="toy"]') or "of 20" in text_of(page, 'section[aria-label="toy"]')


WRONG = {
    "depth=4,activation=relu,width=8": "Gene depth: expected one of 1, 2, 3, got “4”.",
    "depth=1,activation=a,width=8": 'Gene activation: expected one of relu, "a,b|c", got “a”.',
    "323133": "Character 1: expected “depth=”, got “323133”; an architecture is written like",
    "depth=1,activation=relu": "Character 24: expected “,width=”, got the end",
    "depth=1,activation=relu,width=8,more=1": "Character 32: expected the end, got “,more=1”.",
    "": "Character 1: expected “depth=”, got the end",
}


def test_a_text_that_is_none_is_one_line(visit, toy_url):
    page = visit(toy_url).open()
    for text, error in WRONG.items():
        paste(page, text)
        assert error in text_of(page, "#paste-error")
        assert page.get_attribute("#paste", "aria-invalid") == "true"


def test_copies_are_what_python_and_the_shell_take(visit, toy, toy_url):
    page = visit(toy_url, permissions=["clipboard-read", "clipboard-write"]).open()
    page.get_by_role("button", name="Copy as Python").click()
    until(page, "document.getElementById('live').textContent === 'Copy as Python: copied'")
    python = page.evaluate("navigator.clipboard.readText()").replace('robnas.load("toy.parquet")', "TABLE")
    exec(python, {"TABLE": toy})
    value = toy.peek(BEST, dataset="cifar10", metric="pgd@8/255", split="test", seed="mean")
    assert f'"{BEST}"' in python
    assert f"# {value:.4f}" in python
    _, saved = downloaded(page, "CSV", "Architecture")
    assert {row["architecture"] for row in csv.DictReader(io.StringIO(saved))} == {BEST}


def test_the_copied_command_imports_what_the_plan_did(visit, serve, toy):
    plan = {"imports": [{"file": "my space.py", "hash": "0"}]}
    table = Table("owned", toy.architectures, toy.columns, space=TOY, provenance={"plan": plan})
    page = visit(
        serve(build_site([("owned.parquet", table)])), permissions=["clipboard-read", "clipboard-write"]
    ).open()
    page.get_by_role("button", name="Copy as command").click()
    until(page, "document.getElementById('live').textContent === 'Copy as command: copied'")
    assert page.evaluate("navigator.clipboard.readText()").endswith(" --split test --import 'my space.py'")


# colours and filters


def test_points_are_coloured_and_filtered_by_genes(visit, toy, toy_url):
    page = visit(toy_url).open("#/map?front=no")
    plotted(page)
    colours = page.get_by_role("combobox", name="Colour", exact=True)
    assert colours.locator("option").all_inner_texts() == ["nothing", "depth", "activation", "width"]
    assert colours.input_value() == "depth"
    colours.select_option("width")
    wait_hash(page, "colour=width")
    _, svg = downloaded(page, "SVG", "Plot")
    assert [text for text in re.findall(r">([^<>]+)</text>", svg) if text in (*WIDTHS, "width")] == ["width", *WIDTHS]
    page.locator("summary").click()
    page.locator('fieldset[aria-label="Filter by width"]').get_by_label("from").select_option("8")
    page.locator('fieldset[aria-label="Filter by width"]').get_by_label("to").select_option("16")
    page.locator('fieldset[aria-label="Filter by activation"]').get_by_label("relu").uncheck()
    expected = {
        arch.text for arch in toy.architectures if arch.genes["width"] in (8, 16) and arch.genes["activation"] != "relu"
    }
    until(page, "n => document.querySelector('[data-count]').dataset.count === String(n)", arg=len(expected))
    _, saved = downloaded(page, "CSV", "Plot")
    assert {row["architecture"] for row in csv.DictReader(io.StringIO(saved))} == expected
    assert f"of {HELD}" in text_of(page, 'section[aria-label="Plot"]')
    again = visit(toy_url).open("#" + page.url.partition("#")[2])
    assert again.get_attribute("[data-count]", "data-count") == str(len(expected))
    again.get_by_role("button", name="Show all", exact=True).click()
    until(again, "n => document.querySelector('[data-count]').dataset.count === String(n)", arg=HELD)
    assert "only." not in again.url


def test_genes_of_many_values_share_colours(visit, serve):
    nine, same = tuple(range(9)), ("x",)
    space = Space("many", genes=[Gene("same", same), Gene("steps", nine, ordered=True), Gene("kinds", nine)])
    page = visit(serve(build_site([("t", table_of(space, list(space), "t"))]))).open("#/map")
    steps, kinds = page.evaluate("""async () => {
      const { Data } = await import("/app/data.js"), data = await Data.load(), ids = Uint32Array.from(data.known);
      return data.space.colours().map((colour) => [colour.value, colour.paint(ids).names, [...colour.paint(ids).of]]);
    }""")  # one that is the same for all tells nothing
    level = [value * 7 // 9 for value in nine]
    assert (steps[0], kinds[0]) == ("steps", "kinds")
    groups = [[str(value) for value in nine if level[value] == step] for step in range(7)]
    assert steps[1] == ["–".join(dict.fromkeys((group[0], group[-1]))) for group in groups]
    assert kinds[1] == ["0", "1", "2", "3", "4", "5", "others"]
    assert steps[2] == [level[arch.genes["steps"]] for arch in space]
    assert kinds[2] == [min(arch.genes["kinds"], 6) for arch in space]


def test_every_view_shows_it_and_scrolls_no_phone(visit, toy_url, trace):
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        Axe = None
    page = visit(toy_url, viewport={"width": 360, "height": 740}).open()
    for view in ("architecture", *VIEWS[1:]):
        page.goto(page.url.partition("#")[0] + f"#/{view}")
        page.wait_for_selector(f'main[data-ready="{view}"]')
        until(page, "!document.querySelector('main .loading')")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, view
        if Axe and view in ("architecture", "map"):
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert [one["id"] for one in Axe().run(page).response["violations"]] == []
        if view == "search":
            assert trace.architectures[-1].text in text_of(page, ".told")


# other spaces


def test_a_space_too_large_to_number_shows_what_the_table_holds(visit, serve):
    held = HUGE.sample(np.random.default_rng(0), 50)
    table = table_of(HUGE, held, "huge")
    other = HUGE.random(np.random.default_rng(9)).text
    site = build_site([("huge", table)])
    assert header_of(site)["space"]["size"] is None
    page = visit(serve(site)).open("#/map?front=no")
    assert page.get_attribute("[data-count]", "data-count") == "50"
    page.goto(page.url.partition("#")[0] + f"#/architecture?arch={held[7].text}")
    page.wait_for_selector('main[data-ready="architecture"]')
    assert text_of(page, "h1") == held[7].text
    _, accuracy, *_ = row_of(page, "huge", "cifar10 test clean")
    assert accuracy.startswith(f"{100 * table.columns[0].mean[7]:.2f} %")
    paste(page, other)
    until(page, "text => document.querySelector('h1').textContent === text", arg=other)
    assert "This table has not measured g0=" in text_of(page, 'section[aria-label="huge"]')
    page.get_by_role("link", name="Map").click()
    page.wait_for_selector('main[data-ready="map"]')


def test_all_of_wide_resnet_with_its_sizes(visit, serve):
    space = SPACES["wide-resnet"]
    table = table_of(space, list(space), "wide")
    page = visit(serve(build_site([("wide", table)]))).open("#/architecture?arch=D1=4,W1=16,D2=5,W2=8,D3=7,W3=10")
    size = count(space.parse("D1=4,W1=16,D2=5,W2=8,D3=7,W3=10"), space=space)
    assert f"{size.parameters:,}" in text_of(page, 'section[aria-label="Facts"]')
    assert f"{size.macs:,}" in text_of(page, 'section[aria-label="Facts"]')
    page.goto(page.url.partition("#")[0] + "#/map?x=size~parameters&only.W3=14|16&colour=W3")
    page.wait_for_selector('main[data-ready="map"]')
    plotted(page)
    assert f"{2 * 5**5:,} architectures" in text_of(page, 'section[aria-label="Plot"]')


def test_a_space_of_its_own_texts_shows_those(visit, serve):
    space = SPACES["theory"]
    table = table_of(space, space.sample(np.random.default_rng(0), 30), "theory")
    arch = table.architectures[4]
    page = visit(serve(build_site([("theory", table)]))).open(f"#/architecture?arch={arch.text}")
    assert text_of(page, "h1") == arch.text
    assert (
        page.get_by_label("Gene activation_2", exact=True).locator("option:checked").inner_text() == arch.activations[1]
    )
    paste(page, table.texts[0])
    until(page, "text => document.querySelector('h1').textContent === text", arg=table.texts[0])


class Pairs(Space):
    """Two architectures are of one class if they differ in the second gene only."""

    partitions = ("pairs",)

    def partition(self, name):
        return SimpleNamespace(class_of=np.arange(self.size) // 2, count=self.size // 2)


def test_a_partition_of_ones_own_lets_one_stand_for_another(visit, serve):
    space = Pairs("pairs", genes=[Gene("a", tuple(range(15))), Gene("b", (0, 1))])
    values = np.linspace(0.1, 0.9, 10)[:, None]
    held = [space.from_index(2 * place) for place in range(10)]
    table = Table("own", held, [Column("d", "test", "clean", values)], space=space, partition="pairs")
    page = visit(serve(build_site([("own", table)]))).open("#/architecture?arch=a=3,b=1")
    value = table.peek("a=3,b=1", dataset="d", metric="clean", split="test", seed="mean")
    assert row_of(page, "own", "d test clean")[1] == f"{100 * value:.2f} %"
    assert "a=3,b=1 itself was not trained: a=3,b=0 of its class was." in text_of(page, 'section[aria-label="own"]')
    page.goto(page.url.partition("#")[0] + "#/map?only.a=7&front=no")
    page.wait_for_selector('main[data-ready="map"]')
    assert page.get_attribute("[data-count]", "data-count") == "1"
    page.locator('fieldset[aria-label="Filter by a"] select').select_option(label="all")
    until(page, "document.querySelector('[data-count]').dataset.count === '10'")


# two widths


def test_two_widths_of_one_metric_are_told_apart(visit, serve):
    small, usual = space_of({"name": "nas-bench-201", "channels": 8, "cells": 1}), space_of(None)
    facts, attacked = {"num_classes": 2, "images": 100}, "pgd@8/255"
    values = {
        (small, "clean"): (0.5, 0.9, 0.75), (usual, "clean"): (0.8, 0.5, 0.75),
        (small, attacked): (0.5, 0.4, 0.55), (usual, attacked): (0.3, 0.5, 0.55),
    }  # fmt: skip
    columns = [
        Column("mine", "test", metric, np.array(found)[:, None], space=space.key, facts=facts)
        for (space, metric), found in values.items()
    ]
    table = Table("both", [0, 1, 15624], columns)
    site = build_site([("both", table)])
    constant = header_of(site)["tables"][0]["constant"]
    for space, row in ((small, 0), (usual, 1)):
        alone = Table("one", [0, 1, 15624], [column for column in columns if column.space == space.key])
        assert np.flatnonzero(constant_rows(alone, "mine", "test")).tolist() == [row]
        assert constant[f"mine test {space.key}"] == [row]
    page = visit(serve(site), permissions=["clipboard-read", "clipboard-write"]).open("#/cell?arch=000000")
    for space, value in ((small, "50.00"), (usual, "80.00")):
        assert row_of(page, "both", f"mine test clean {space.key}")[1].startswith(value)
    page.get_by_role("button", name="Copy as Python").click()
    until(page, "document.getElementById('live').textContent === 'Copy as Python: copied'")
    exec(page.evaluate("navigator.clipboard.readText()").replace('robnas.load("both")', "TABLE"), {"TABLE": table})
    page.goto(page.url.partition("#")[0] + "#/map")
    page.wait_for_selector('main[data-ready="map"]')
    options = page.get_by_role("combobox", name="Up", exact=True).locator("option").all_inner_texts()
    assert {f"mine test clean {small.key}", f"mine test clean {usual.key}"} <= set(options)


def test_two_betas_of_one_metric_are_told_apart(visit, serve):
    values = {0.0: (0.5, 0.9, 0.75), 0.5: (0.8, 0.5, 0.75)}
    columns = [Column("mine", "test", "clean", np.array(found)[:, None], beta=beta) for beta, found in values.items()]
    table = Table("both", [0, 1, 15624], columns)
    page = visit(serve(build_site([("both", table)])), permissions=["clipboard-read", "clipboard-write"]).open(
        "#/cell?arch=000000"
    )
    for beta, value in ((0, "50.00"), (0.5, "80.00")):
        assert row_of(page, "both", f"mine test clean beta={beta:g}")[1].startswith(value)
    page.get_by_role("button", name="Copy as Python").click()
    until(page, "document.getElementById('live').textContent === 'Copy as Python: copied'")
    told = page.evaluate("navigator.clipboard.readText()")
    assert "split='test', beta=0, seed" in told.replace('"', "'")
    exec(told.replace('robnas.load("both")', "TABLE"), {"TABLE": table})
    page.get_by_role("button", name="Copy as command").click()
    until(page, "document.getElementById('live').textContent === 'Copy as command: copied'")
    assert page.evaluate("navigator.clipboard.readText()").endswith(" --split test --beta 0")


# what is refused, left out, and not cut


def test_more_spreads_than_16_bits_can_number_take_32(toy, monkeypatch):
    def places(kind):
        site = build_site([("toy", toy)])
        facts = header_of(site)["tables"][0]
        noise = facts["columns"][0]["noise"]
        return np.frombuffer(site[facts["file"]], kind, HELD, noise["of"]), noise["distinct"]

    expected, distinct = places("<u2")
    monkeypatch.setattr("robnas.explorer._pack_noise.MISSING", distinct)
    assert np.array_equal(places("<u4")[0], expected)


def test_a_site_shows_one_space(toy, trace):
    digits = Table("cells", [0, 1], [Column("d", "test", "clean", [[0.1], [0.2]])])
    with pytest.raises(
        InputError, match=r"^table cells of the explorer: expected the space of toy, toy-nets, got nas-"
    ):
        build_site([("a", toy), ("b", digits)])
    scores = Scores(("000000",), ("one",), np.ones((1, 1)), np.full((1, 1), np.nan))
    with pytest.raises(InputError, match=r"^scores s of the explorer: .* got nas-bench-201; explore them apart$"):
        build_site([("a", toy)], [("s", scores)])
    deeper = table_of(
        space_of({"name": "theory", "depth": 3}), list(space_of({"name": "theory", "depth": 3}))[:3], "t3"
    )
    other = table_of(SPACES["theory"], list(SPACES["theory"])[:3], "t4")
    with pytest.raises(
        InputError, match=r"^table t4 of the explorer: expected the space of t3, theory, got theory:depth=4"
    ):
        build_site([("a", deeper), ("b", other)])
    (kept,) = json.loads(build_site([("b", digits)], (), [Replay(None, (trace.to_dict(),))])["data/searches.json"])
    assert (kept["traces"], kept["note"]) == ([], "no replay: its architectures are of space toy-nets")


def test_sizes_are_left_out_with_a_word(toy_site, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("division\nby zero")

    assert header_of(toy_site)["tables"][0]["sizes"] == {
        "left_out": "nothing builds its networks, so that they cannot be counted"
    }
    built = Space("built", genes=[Gene("a", tuple(range(MOST_BUILT + 1)))], build=broken)
    monkeypatch.setattr("robnas.explorer._pack_sizes.count", broken)
    few, many = (table_of(built, list(built)[:n], "t") for n in (3, MOST_BUILT + 1))
    found = [header_of(build_site([("t", table)]))["tables"][0]["sizes"]["left_out"] for table in (few, many)]
    assert found[0] == "networks of this space cannot be counted: ZeroDivisionError: division by zero"
    assert found[1] == "networks of this space have to be built to be counted, at most 100, and there are 101"


def test_only_one_folder_of_the_page_knows_the_cell():
    folder = Path(robnas.explorer.__file__).parent
    own = {folder / "_nas_bench_201.py"}
    known = re.compile(
        r"nas[-_]bench[-_]201|15[_,]?625|\b(OPERATIONS|EDGES|SIZE|CellArchitecture|digitsOf|codeOf|genotype\()|5 \*\* 6"
    )
    for path in [*folder.glob("*.py"), *(folder / "static").glob("**/*.js"), *(folder / "static").glob("*.html")]:
        if path in own or path.parent.name == "nas-bench-201":
            continue
        text = re.sub(
            r"from robnas\.explorer import _nas_bench_201|_nas_bench_201\.\w+", "", path.read_text(encoding="utf-8")
        )
        assert not known.findall(text), path
