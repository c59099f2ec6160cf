"""What holds on every page: accessibility, phones, colours, history, hostile and damaged data.

In a real browser; every test fails on a console error or a request to another host.
"""

import json
import zlib

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.explorer import build_site
from tests.conftest import missing
from tests.explorer.acting import MAP, text_of, until, wait_hash

VIEWS = ("cell", "map", "compare", "search", "kernels", "data")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme):
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    page = visit(color_scheme=scheme).open()
    for view in VIEWS:
        page.goto(page.url.partition("#")[0] + f"#/{view}")
        page.wait_for_selector(f'main[data-ready="{view}"]')
        until(page, "!document.querySelector('main .loading')")
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found] == []


def test_no_view_scrolls_sideways_on_a_phone(visit):
    page = visit(viewport={"width": 360, "height": 740}).open()
    for view in VIEWS:
        page.goto(page.url.partition("#")[0] + f"#/{view}")
        page.wait_for_selector(f'main[data-ready="{view}"]')
        until(page, "!document.querySelector('main .loading')")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, view


def test_colours_follow_the_system_and_the_button(visit):
    page = visit(color_scheme="dark").open()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Change to light colours").click()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    page.wait_for_selector("main[data-ready]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_views_keep_their_state_and_the_back_button_works(visit):
    page = visit().open(MAP + "&front=no")
    page.get_by_role("link", name="Data").first.click()
    page.wait_for_selector('main[data-ready="data"]')
    page.get_by_role("link", name="Map").click()
    wait_hash(page, "front=no")
    page.go_back()
    page.wait_for_selector('main[data-ready="data"]')
    page.goto(page.url.partition("#")[0] + "#/nothing?x=1")
    page.wait_for_selector('main[data-ready="cell"]')


def test_markup_in_names_is_text(visit, serve):
    evil = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>'
    values = np.array([[0.5], [0.25], [0.75]])
    table = Table(
        evil, [0, 1, 2], [Column(evil, "test", metric, values) for metric in (evil, "clean")], provenance={evil: evil}
    )
    page = visit(serve(build_site([(evil, table)]))).open()
    for view in VIEWS:
        page.goto(page.url.partition("#")[0] + f"#/{view}")
        page.wait_for_selector(f'main[data-ready="{view}"]')
        assert page.locator("img[src=x]").count() == 0
        assert "robnas explorer" in page.title()
    assert evil in text_of(page, "main")


def changed(site, files):
    """The site with other files in its data: content, entries of the header, or None for no such file.

    The manifest fits, so that what a page makes of them is seen.
    """
    site, manifest = dict(site), json.loads(site["data/manifest.json"])
    for name, content in files.items():
        if isinstance(content, dict):
            content = json.dumps({**json.loads(site["data/explorer.json"]), **content}).encode()
        site[f"data/{name}"] = content
        manifest["files"] |= {} if content is None else {f"data/{name}": zlib.crc32(content)}
    site["data/manifest.json"] = json.dumps(manifest).encode()
    return {name: content for name, content in site.items() if content is not None}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"table-0.bin": None}, "data/table-0.bin is missing from this site"),
        ({"table-0.bin": b"1234"}, "data/table-0.bin is shorter than its header says"),
        ({"explorer.json": b"{"}, "data/explorer.json is damaged"),
        ({"explorer.json": {"tables": [{}]}}, "it names a file that is none"),
        (
            {"explorer.json": {"tables": [{"file": "data/table-0.bin", "name": "huge", "rows": {"count": 100_000}}]}},
            "huge has 100000 rows, at most 15625 were expected",
        ),
        ({"explorer.json": {"tables": [{"file": "data/table-0.bin"}]}}, "undefined has undefined rows"),
        (
            {
                "explorer.json": {
                    "tables": [{"file": "data/table-0.bin", "name": "t", "rows": {"count": 1, "offset": 0}}]
                }
            },
            "data/explorer.json is damaged: what a table or score should say of itself is missing. Export",
        ),
        ({"explorer.json": {"tables": []}}, "data/explorer.json is damaged"),
        ({"explorer.json": {"tables": [None]}}, "data/explorer.json is damaged"),
        ({"explorer.json": {"scores": [7]}}, "data/explorer.json is damaged"),
        ({"explorer.json": {"space": {"file": "data/space.bin"}}}, "data/explorer.json is damaged"),
    ],
)
def test_bad_data_is_said_on_the_page(visit, serve, table, change, text):
    one = visit(serve(changed(build_site([("bench", table)]), change)))
    page = one.open()
    assert text in text_of(page, "main")
    assert page.get_attribute("main", "data-ready") == "failed"
    assert "fault of the explorer" not in text_of(page, "main")
    one.problems[:] = [p for p in one.problems if "404" not in p]  # the browser itself reports the missing file


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda manifest: None, "data/manifest.json is missing from this site"),
        (lambda manifest: b"{", "data/manifest.json is damaged"),
        (lambda manifest: {**manifest, "version": 2}, "exported in format 2, its page reads format 4"),
        (lambda manifest: {**manifest, "format": "x"}, "is not that of a robnas explorer"),
        (lambda manifest: {**manifest, "files": None}, "data/explorer.json is damaged: it does not hold what was"),
    ],
)
def test_a_manifest_that_does_not_fit_is_said_on_the_page(visit, serve, table, change, text):
    site = dict(build_site([("bench", table)]))
    content = change(json.loads(site.pop("data/manifest.json")))
    if content is not None:
        site["data/manifest.json"] = content if isinstance(content, bytes) else json.dumps(content).encode()
    one = visit(serve(site))
    assert text in text_of(one.open(), "main")
    one.problems[:] = [p for p in one.problems if "404" not in p]


@pytest.mark.parametrize("name", ["explorer.json", "table-0.bin", "space.bin"])
def test_a_flipped_bit_is_said_on_the_page(visit, serve, table, name):
    site = dict(build_site([("bench", table)]))
    content = bytearray(site[f"data/{name}"])
    content[len(content) // 2] ^= 1
    page = visit(serve({**site, f"data/{name}": bytes(content)})).open()
    assert f"data/{name} is damaged: it does not hold what was exported" in text_of(page, "main")


def test_first_rows_of_a_screen_reader(page):
    """Landmarks, one heading, a skip link, a live region that says what is shown."""
    assert page.locator("header, main, nav, footer").count() == 4
    assert page.locator("h1").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert text_of(page, "#live").startswith("Architecture ")


def test_the_skip_link_stays_in_the_view(visit):
    page = visit().open("#/kernels")
    page.wait_for_selector('main[data-ready="kernels"]')
    page.focus("a.skip")
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'main'")
    assert page.evaluate("location.hash") == "#/kernels"
    assert page.get_attribute("main", "data-ready") == "kernels"
