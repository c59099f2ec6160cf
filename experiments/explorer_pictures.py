"""Pictures of every view of the explorer: light, dark, and as wide as a phone.

    python experiments/explorer_pictures.py nas-robbench-201 jung-2023 --out runs/explorer
    python experiments/explorer_pictures.py nas-robbench-201 jung-2023 --readme docs

Needs Playwright and a Chromium (`make test-browser` says how), and the tables. `--readme` writes the pictures that
the README shows into a folder.
"""

from __future__ import annotations

import argparse
import io
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from robnas.benchmarks import load, read_scores
from robnas.explorer import Server, build_site, read_searches
from robnas.explorer._chromium import launch_options

VIEWS = {
    "cell": "#/cell?arch=323133",
    "cell-dead": "#/cell?arch=300012",
    "map": "#/map?arch=323133",
    "map-brush": "#/map?x=size~parameters&brush=600000,900000,0.4,0.45",
    "compare": "#/compare",
    "search": "#/search?step=60",
    "kernels": "#/kernels",
    "data": "#/data",
}


def main() -> None:
    """Serve the site and look at it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--search", type=Path)
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--readme", type=Path)
    args = parser.parse_args()
    tables = [(name, load(name)) for name in args.tables]
    scores = [(str(args.scores), read_scores(args.scores))] if args.scores else []
    searches = read_searches(args.search, [table for _, table in tables]) if args.search else []
    with Server(build_site(tables, scores, searches)) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(**launch_options())
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            for theme, width, height in (("light", 1280, 860), ("dark", 1280, 860), ("light", 360, 740)):
                for view in args.views:
                    content = picture(browser, server.url + VIEWS[view], theme, width, height)
                    (args.out / f"{view}-{theme}-{width}.png").write_bytes(content)
        if args.readme:
            for view, theme, name in (("cell", "light", "explorer.png"), ("map", "dark", "explorer-map.png")):
                content = picture(browser, server.url + VIEWS[view], theme, 1120, 720, full=False)
                Image.open(io.BytesIO(content)).convert("RGB").save(args.readme / name, optimize=True)
        browser.close()
        server.shutdown()


def picture(browser: Browser, url: str, theme: str, width: int, height: int, full: bool = True) -> bytes:
    """The page once its view is drawn."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
    page.goto(url)
    page.wait_for_selector("main[data-ready]")
    page.wait_for_load_state("networkidle")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    content = page.screenshot(full_page=full)
    page.close()
    return content


if __name__ == "__main__":
    main()
