"""The cell view: what people change, paste, read and copy.

In a real browser; every test fails on a console error or a request to another host.
"""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.explorer import build_site
from robnas.spaces import Architecture, partition
from robnas.statistics import rank_set, standard_errors, tied_with_best
from tests.explorer.acting import PGD, best, downloaded, paste, row_of, text_of, until, wait_hash
from tests.explorer.conftest import COUNT


def test_it_opens_at_the_best_architecture(page, table):
    arch = best(table)
    assert text_of(page, "h1") == arch.code
    metric, accuracy, rank, runs = row_of(page, "bench", "cifar10 test pgd@8/255")
    found, (errors, source) = rank_set(table, arch, **PGD), standard_errors(table, table.column(**PGD))
    assert (metric, runs) == ("pgd@8/255", "2")
    assert accuracy == f"{100 * found.value:.2f} % ±{100 * errors[table.row(arch)]:.2f}"
    assert source == "similar"
    section = text_of(page, 'section[aria-label="bench"]')
    assert "repeated trainings of networks of similar accuracy" in section
    assert "the ranks that this noise leaves possible: at least 95 %, for this architecture alone." in section
    assert rank.split("\n") == [f"1 of {COUNT}", f"{found.low} – {found.high}", "may be the best"]
    title = page.get_attribute('tr[data-column="cifar10 test pgd@8/255"] [title^="One of"]', "title")
    count = len(tied_with_best(table, **PGD))
    assert title.startswith(f"One of {count}, among which the truly best one is with a probability of at least 95 %")
    assert page.title() == f"{arch.code} · Cell · robnas explorer"


@pytest.mark.parametrize("row", [0, 57, 200])
def test_any_row_shows_what_the_table_says(visit, table, row):
    arch = table.architectures[row]
    page = visit().open(f"#/cell?arch={arch.code}")
    for column in table.columns:
        _, accuracy, rank, runs = row_of(page, "bench", column.name)
        value = table.peek(arch, dataset=column.dataset, metric=column.metric, split=column.split, seed="mean") \
            if column.counts[row] else None  # fmt: skip
        if value is None:
            assert (accuracy, rank, runs) == ("–", "–", "not measured")
            continue
        found = rank_set(table, arch, dataset=column.dataset, metric=column.metric, split=column.split)
        assert accuracy.startswith(f"{100 * value:.2f} %")
        shared = ["shared", "by", str(found.sharing)] if found.sharing > 1 else []
        may = rank.split("\n")[-1].startswith("may be the best")
        assert may == (
            arch
            in [
                best
                for best, _ in tied_with_best(table, dataset=column.dataset, metric=column.metric, split=column.split)
            ]
        )
        words = rank.partition("may be")[0].split()
        assert words == [str(found.rank), "of", str(found.count), *shared, str(found.low), "–", str(found.high)]
        assert runs == str(value.runs)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"num_classes": 5}, "On mine test this network gives one answer whatever the image shows"),
        ({}, "Not checked on mine test whether the network is constant"),
    ],
)
def test_a_constant_network_is_marked_or_the_page_says_that_it_was_not_checked(visit, serve, facts, text):
    columns = [Column("mine", "test", metric, [[0.2], [value]], facts={"images": 400, **facts})
               for metric, value in (("clean", 0.9), ("pgd@8/255", 0.1))]  # fmt: skip
    site = build_site([("own", Table("own", [0, 15624], columns))])
    page = visit(serve(site)).open("#/cell?arch=000000")
    assert text in text_of(page, 'section[aria-label="own"]')
    page = visit(serve(site)).open("#/cell?arch=444444")
    assert "gives one answer" not in text_of(page, 'section[aria-label="own"]')
    address = "x=own~mine~test~clean&y=own~mine~test~pgd@8/255&a=own~mine~test~clean&b=own~mine~test~pgd@8/255&front=no"
    for view, section in (("map", "List"), ("compare", "Ranks that change most")):
        page = visit(serve(site)).open(f"#/{view}?{address}")
        listed = page.locator(f'section[aria-label="{section}"] tbody th').all_inner_texts()
        assert set(listed) == {"000000 †" if facts else "000000", "444444"}


@pytest.mark.parametrize(("value", "text"), [(0.5, "±"), (0.004, "+"), (0.0, "±0.00")])
def test_bars_stay_on_the_scale(visit, serve, value, text):
    rows = [arch.index for arch in partition("identical").representatives()[:8]]
    values = np.array([[value, value], *([0.4, 0.6],) * 7])
    table = Table("few", rows, [Column("mine", "test", "pgd@8/255", values, (0, 1))])
    page = visit(serve(build_site([("few", table)]))).open(f"#/cell?arch={Architecture.from_index(rows[0]).code}")
    accuracy = row_of(page, "few", "mine test pgd@8/255")[1]
    assert accuracy.startswith(f"{100 * value:.2f} % {text}")
    if text == "+":
        assert accuracy.endswith(" −0.40")


def classes_of(arch, name):
    """The other members of its class."""
    return {other for other in partition(name).members(arch) if other != arch}


def test_an_isomorphic_architecture_stands_in_and_twins_are_listed(visit, table):
    asked = next(
        other
        for arch in table.architectures
        if len(classes_of(arch, "official")) == 2
        for other in classes_of(arch, "official")
        if classes_of(other, "official") == classes_of(other, "identical")
    )
    trained = table.architectures[table.row(asked)]
    page = visit().open(f"#/cell?arch={asked.code}")
    notice = text_of(page, 'section[aria-label="bench"] .notice')
    assert notice == f"{asked.code} itself was not trained: {trained.code} is isomorphic to it and was."
    facts = page.locator('section[aria-label="Facts"] dd').all_inner_texts()
    assert set(facts[5].split()) == {arch.code for arch in classes_of(asked, "official")}
    assert facts[0] == asked.genotype
    assert facts[3] == f"#{table.published[asked.index]}"


def test_a_relative_that_is_another_network_is_marked_and_what_it_stands_in_for_is_said(visit, serve):
    """Two convolutions, and one that is used twice, are one class of NAS-Bench-201 and two networks."""
    columns = [Column("mine", "test", "clean", [[0.5]])]
    table = Table("own", [Architecture("211212").index], columns, partition="official")
    page = visit(serve(build_site([("own", table)]))).open("#/cell?arch=112222")
    assert text_of(page, 'section[aria-label="own"] .notice') == (
        "112222 itself was not trained: 211212 of its class was, which is another network, of 157,306 parameters on "
        "live edges where 112222 has 185,306."
    )
    official, effective, identical = page.locator('section[aria-label="Facts"] dd').all_inner_texts()[4:7]
    assert official.split("\n") == ["121222 211212 ≠", "≠ 1 of 2 are another network, 1 of another size"]
    assert identical == "121222"
    assert "≠" not in effective
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV", "Cell")[1])))
    assert [(row["noise"], row["same_network"]) for row in rows] == [("none", "no")]


def test_a_relative_of_the_same_functions_is_said_to_be_one(visit, serve):
    columns = [Column("mine", "test", "clean", [[0.5]])]
    table = Table("own", [Architecture("000034").index], columns, partition="official")
    page = visit(serve(build_site([("own", table)]))).open("#/cell?arch=000004")
    assert text_of(page, 'section[aria-label="own"] .notice') == (
        "000004 itself was not trained: 000034 of its class was, which computes the same functions up to a constant."
    )


def test_what_the_table_lacks_is_said(visit, table):
    classes = partition("official").class_of
    held = set(classes[table.rows].tolist())
    missing = next(
        arch for arch in (Architecture.from_index(i) for i in range(9000, 15625)) if classes[arch.index] not in held
    )
    page = visit().open(f"#/cell?arch={missing.code}")
    notice = text_of(page, 'section[aria-label="bench"] .notice')
    assert notice == f"This table has not measured {missing.code}, nor an isomorphic architecture."
    assert "not scored" in text_of(page, 'section[aria-label="Scores"]')


def test_an_edge_is_changed_by_mouse_and_by_keys(page):
    paste(page, "323133")
    wait_hash(page, "arch=323133")
    page.click('[data-edge="3"] text')
    page.get_by_role("button", name="none", exact=True).click()
    wait_hash(page, "arch=323033")
    assert text_of(page, "h1") == "323033"
    page.locator('[data-edge="3"]').focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.edge") == "4"
    page.keyboard.press("4")
    wait_hash(page, "arch=323043")
    page.keyboard.press("Enter")
    wait_hash(page, "arch=323003")
    assert page.get_attribute('[data-edge="4"]', "aria-checked") == "true"
    assert page.get_attribute('[data-edge="4"]', "aria-label") == "Edge 1 to 3: none"
    page.go_back()
    wait_hash(page, "arch=323043")
    assert text_of(page, "h1") == "323043"


def test_dead_edges_are_told(visit):
    page = visit().open("#/cell?arch=300012")
    assert page.get_attribute('[data-edge="5"]', "aria-label") == "Edge 2 to 3: 1×1 conv, carries nothing to the output"
    assert "316,346 on live edges, 344,346 with every edge" in text_of(page, 'section[aria-label="Facts"]')


@pytest.mark.parametrize("arch", [Architecture("323133"), Architecture("021340")])
def test_every_encoding_is_read_and_shown(page, table, arch):
    texts = [
        arch.code, arch.genotype, repr(arch.operations), repr(list(arch.operations)), repr(arch.format("naslib")),
        repr(arch.format("hpobench")), json.dumps(arch.format("hpobench")), f"#{table.published[arch.index]}",
        f"index {arch.index}", f"  {arch.code}\n", repr(arch),
    ]  # fmt: skip
    for text in texts:
        page.goto(page.url.partition("#")[0] + "#/cell?arch=000000")
        until(page, "document.querySelector('h1').textContent === '000000'")
        paste(page, text)
        until(page, "code => document.querySelector('h1').textContent === code", arg=arch.code)
    page.get_by_text("Other encodings").click()
    shown = page.locator(".encodings code").all_inner_texts()
    assert shown == [repr(arch.operations), repr(arch.format("naslib")), repr(arch.format("hpobench"))]


WRONG = (
    ("", "Nothing to read: expected a digit code"),
    ("32313", "Expected 6 digits, one per edge, got 5 characters; a published index is written #32313."),
    ("323135", "Character 6: expected one of the digits 0 to 4, got “5”."),
    ("hello", "Cannot read “hello”: expected a digit code"),
    ("|nor_conv_3x3~0|+|nor_conv_5x5~0|", "Character 19: expected one of none, skip_connect"),
    ("(2, 3, 0, 2, 2)", "Expected 6 operations, one per edge, got 5."),
    ("[2, 3, 0, 2, 2, 2]", "Expected round brackets if the numbers are NASLib's, or the digits as one text"),
    ("(2, 3, 0, 2, 2, 9)", "Element 6 of a NASLib tuple: expected 0 skip_connect"),
    ("{'1<-0': 'none'}", "2<-0 is missing."),
    ("#15625", "Expected published index 0 to 15624, got 15625."),
    ("<img src=x onerror=alert(1)>", "Cannot read “<img src=x onerror=alert(1)>”"),
    ("|" * 500, "Expected at most 400 characters, got 500."),
)


def test_what_cannot_be_read_is_one_message(page):
    before = text_of(page, "h1")
    for text, error in WRONG:
        paste(page, text)
        assert page.get_attribute("#paste", "aria-invalid") == "true"
        assert error in text_of(page, "#paste-error")
        assert text_of(page, "h1") == before


def test_a_bad_address_is_said_and_can_be_mended(visit):
    page = visit().open("#/cell?arch=99%zz")
    assert "Cannot read “99%zz”" in text_of(page, "#paste-error")
    paste(page, "111111")
    until(page, "document.querySelector('h1').textContent === '111111'")


def test_copies_are_what_python_and_the_shell_take(visit, table):
    page = visit(permissions=["clipboard-read", "clipboard-write"]).open("#/cell?arch=323133")
    section = page.locator('section[aria-label="bench"]')

    def copied(where, label):
        where.get_by_role("button", name=label).click()
        until(page, "label => document.getElementById('live').textContent === `${label}: copied`", arg=label)
        return page.evaluate("navigator.clipboard.readText()")

    arch = best(table)
    paste(page, arch.code)
    until(page, "code => document.querySelector('h1').textContent === code", arg=arch.code)
    python = copied(section, "Copy as Python")
    loaded = python.replace('robnas.load("bench.parquet")', "TABLE")
    values = {"TABLE": table}
    exec(loaded.rpartition("\n\n")[0], values)
    compile(python, "copied", "exec")
    assert f"# {table.peek(arch, **PGD, seed='mean'):.4f}" in python
    command = copied(section, "Copy as command")
    assert (
        command == f"robnas query {arch.code} --table bench.parquet --dataset cifar10 --metric pgd@8/255 --split test"
    )
    assert copied(page, "Copy genotype") == arch.genotype


def test_a_missing_value_has_no_rank(visit, serve, table):
    values = table.columns[1].values.copy()
    values[3] = np.nan
    empty = Column("cifar10", "test", "square@8/255", np.full((COUNT, 1), np.nan))
    holey = Table("holey", table.rows, [replace(table.columns[1], values=values), empty], partition="official")
    one = visit(serve(build_site([("holey", holey)])), permissions=["clipboard-read", "clipboard-write"])
    code = table.architectures[3].code
    page = one.open(f"#/cell?arch={code}")
    assert text_of(page, "#live") == f"Architecture {code}. cifar10 test pgd@8/255 not measured."
    assert page.locator("path.all").count() == 2
    assert all(
        "NaN" not in path for path in page.locator("path.all").evaluate_all("all => all.map(p => p.getAttribute('d'))")
    )
    _, text = downloaded(page, "CSV", "Cell")
    for row in csv.DictReader(io.StringIO(text)):
        assert [row[name] for name in ("accuracy", "sd", "rank", "rank_low", "rank_high")] == [""] * 5
    page.get_by_role("button", name="Copy as Python").click()
    until(page, "document.getElementById('live').textContent === 'Copy as Python: copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "#" not in copied
    assert copied.endswith('seed="mean")\n')


def test_the_cell_is_saved_as_csv_and_svg(page, table):
    name, text = downloaded(page, "CSV", "Cell")
    arch = best(table)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert name == f"cell-{arch.code}.csv"
    first = next(row for row in rows if row["table"] == "bench" and row["metric"] == "pgd@8/255")
    assert float(first["accuracy"]) == pytest.approx(table.peek(arch, **PGD, seed="mean"), abs=1e-9)
    assert first["rank"] == "1"
    _, drawing = downloaded(page, "SVG", "Cell")
    root = ElementTree.fromstring(drawing)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    lines = [path for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("fill") == "none"]
    assert all(line.get("stroke", "").startswith("rgb") or line.get("stroke") == "transparent" for line in lines)
