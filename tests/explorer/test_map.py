"""The map: hover, click, brush, keys, links.

In a real browser; every test fails on a console error or a request to another host.
"""

import csv
import io
import re

import numpy as np
import pytest

from robnas.benchmarks import pareto_front
from robnas.spaces import Architecture
from tests.explorer.acting import MAP, at, corner, downloaded, plotted, text_of, until, wait_hash
from tests.explorer.conftest import COUNT


def test_hover_shows_the_cell_and_click_opens_it(visit, table):
    page = visit().open(MAP)
    box, row = plotted(page), corner(table)
    x, y = at(box, table, "clean", "pgd@8/255", row)
    page.mouse.move(x, y)
    page.wait_for_selector(".tooltip:not([hidden])")
    tooltip = text_of(page, ".tooltip")
    assert table.architectures[row].code in tooltip
    assert f"{100 * table.columns[1].mean[row]:.2f} %" in tooltip
    page.mouse.click(x, y)
    wait_hash(page, f"#/cell?arch={table.architectures[row].code}")
    page.go_back()
    wait_hash(page, "#/map")


def test_a_brush_selects_lists_and_saves(visit, table):
    page = visit().open(MAP)
    box = plotted(page)
    clean, pgd = table.columns[0].mean, table.columns[1].mean
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 70, box["y"] + 56)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    wait_hash(page, "brush=")
    x0, x1, y0, y1 = map(float, re.search(r"brush=([^&]+)", page.url).group(1).split(","))
    chosen = np.flatnonzero((clean >= x0) & (clean <= x1) & (pgd >= y0) & (pgd <= y1))
    assert 0 < len(chosen) < len(clean)
    assert page.get_attribute('section[aria-label="List"] [data-count]', "data-count") == str(len(chosen))
    _, text = downloaded(page, "CSV", "Plot")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["architecture", "bench: cifar10 test clean", "bench: cifar10 test pgd@8/255"]
    assert {row[0] for row in rows[1:]} == {table.architectures[i].genotype for i in chosen}
    values = [float(row[2]) for row in rows[1:]]
    assert values == sorted(values, reverse=True)
    page.get_by_role("button", name="Clear the selection").click()
    until(page, "!location.hash.includes('brush=')")


def test_keys_move_zoom_step_select_and_open(visit, table):
    page = visit().open(MAP)
    plotted(page)
    page.focus(".plot canvas")
    page.keyboard.press(".")
    page.wait_for_selector(".tooltip:not([hidden])")
    assert table.architectures[corner(table)].code in text_of(page, "#live")
    page.keyboard.press("+")
    wait_hash(page, "view=")
    page.keyboard.press("s")
    wait_hash(page, "brush=")
    x0, x1, y0, y1 = map(float, re.search(r"brush=([^&]+)", page.url).group(1).split(","))
    clean, pgd = table.columns[0].mean, table.columns[1].mean
    inside = int(((clean >= x0) & (clean <= x1) & (pgd >= y0) & (pgd <= y1)).sum())
    assert page.get_attribute('section[aria-label="List"] [data-count]', "data-count") == str(inside)
    assert inside < len(clean)
    page.keyboard.press("Escape")
    until(page, "!location.hash.includes('brush=')")
    page.keyboard.press("0")
    until(page, "!location.hash.includes('view=')")
    page.keyboard.press(".")
    page.keyboard.press("Enter")
    wait_hash(page, "#/cell?arch=")


def test_wheel_and_drag_change_the_view_and_a_link_keeps_it(visit, table):
    one = visit()
    page = one.open(MAP)
    box = plotted(page)
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.wheel(0, -400)
    wait_hash(page, "view=")
    first = page.url
    page.mouse.down()
    page.mouse.move(box["x"] + 380, box["y"] + 260, steps=4)
    page.mouse.up()
    until(page, "before => location.href !== before", arg=first)
    moved = page.url
    left = [float(re.search(r"view=([^,]+)", address).group(1)) for address in (first, moved)]
    assert left[1] < left[0]
    again = visit().open("#" + moved.partition("#")[2])
    plotted(again)
    _, ours = downloaded(page, "SVG", "Plot")
    _, theirs = downloaded(again, "SVG", "Plot")
    assert ours == theirs
    assert ours.count("<circle") > 5


@pytest.mark.parametrize("leave", ["document.querySelector('nav a[href^=\"#/data\"]').click()", "history.back()"])
def test_a_zoom_is_written_into_no_other_view(visit, leave):
    page = visit().open("#/data")
    page.wait_for_selector('main[data-ready="data"]')
    page.evaluate("hash => { location.hash = hash; }", MAP)
    page.wait_for_selector('main[data-ready="map"]')
    plotted(page)
    zoom = "document.querySelector('.plot canvas').dispatchEvent(new KeyboardEvent('keydown', { key: '+' }))"
    page.evaluate(f"{zoom}; {leave}")
    page.wait_for_selector('main[data-ready="data"]')
    page.wait_for_timeout(400)
    assert page.evaluate("location.hash") == "#/data"
    kept = "view=" in page.get_attribute('nav a[href^="#/map"]', "href")
    assert kept == ("click" in leave)


def test_help_promises_a_selection_only_where_there_is_one(visit):
    for view, selects in (("map", True), ("compare", False), ("kernels", False)):
        page = visit().open(f"#/{view}")
        text = page.text_content("#plot-help")
        assert "comma and full stop step" in text
        assert all((word in text) == selects for word in ("shift-drag", "S selects", "Escape"))


def test_other_axes_drop_the_zoom(visit):
    page = visit().open(MAP)
    plotted(page)
    page.focus(".plot canvas")
    page.keyboard.press("+")
    page.get_by_role("combobox", name="Across", exact=True).select_option("size~macs")
    wait_hash(page, "x=size~macs")
    page.wait_for_timeout(400)
    assert "view=" not in page.url


def test_any_encoding_in_the_address_marks_its_architecture(visit, table):
    code = table.architectures[corner(table)].code
    drawings = []
    for arch in (code, f"index {int(code, 5)}", "99%zz"):
        page = visit().open(f"{MAP}&arch={arch}")
        plotted(page)
        drawings.append(downloaded(page, "SVG", "Plot")[1].count('r="7"'))
    assert drawings == [1, 1, 0]


def test_the_front_is_that_of_the_table(visit, table):
    page = visit().open(MAP)
    plotted(page)
    points = np.stack([column.mean for column in table.columns[:2]], axis=1)
    expected = {table.architectures[row].code for row in pareto_front(points)}
    listed = page.locator('section[aria-label="List"] tbody th').all_inner_texts()
    assert set(listed) == expected
    page.get_by_label("Pareto front", exact=True).uncheck()
    wait_hash(page, "front=no")
    assert page.get_attribute('section[aria-label="List"] [data-count]', "data-count") == str(COUNT)


def test_operations_are_counted_on_live_edges(visit):
    page = visit().open(MAP)
    counts = page.evaluate("""async (indices) => {
      const { operationCount } = await import("./app/nas-bench-201/cells.js");
      return indices.map((index) => [0, 1, 2, 3, 4].map((operation) => operationCount(index, operation)));
    }""", list(range(0, 15625, 97)))  # fmt: skip
    for index, found in zip(range(0, 15625, 97), counts, strict=True):
        arch = Architecture.from_index(index)
        live = [digit for digit, on in zip(arch.code, arch.live_edges, strict=True) if on]
        assert found == [arch.code.count("0"), *(live.count(digit) for digit in "1234")]
    assert "number of 3×3 conv on live edges" in page.locator("label", has_text="Colour").inner_text()


def test_axes_are_chosen_and_sizes_are_there_for_all_cells(visit):
    page = visit().open("#/map?x=size~macs&y=size~parameters&colour=nothing")
    plotted(page)
    assert "15,625 architectures with both values." in text_of(page, 'section[aria-label="Plot"]')
    page.get_by_role("combobox", name="Up", exact=True).focus()
    page.get_by_role("combobox", name="Up", exact=True).select_option("bench~cifar100~test~pgd@8/255")
    wait_hash(page, "y=bench~cifar100~test~pgd@8/255")
    assert f"{COUNT - len(range(0, COUNT, 7))} architectures with both values." in text_of(
        page, 'section[aria-label="Plot"]'
    )
    focused = page.evaluate("document.activeElement.closest('label').textContent")
    assert focused.startswith("Up")


def test_fingers_see_first_and_open_then(visit, table):
    page = visit(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True).open(MAP)
    box, row = plotted(page), corner(table)
    x, y = at(box, table, "clean", "pgd@8/255", row)
    page.touchscreen.tap(x, y)
    page.wait_for_selector(".tooltip:not([hidden])")
    assert "#/map" in page.url
    page.locator(".tooltip a").click()
    wait_hash(page, f"#/cell?arch={table.architectures[row].code}")
