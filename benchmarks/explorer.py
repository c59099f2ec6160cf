"""How fast the explorer shows its first view, what it transfers, and how smoothly the map moves.

    python benchmarks/explorer.py nas-robbench-201            # any tables that robnas loads
    python benchmarks/explorer.py nas-robbench-201 --json

Command: from the start of `robnas explore` to the line with its address, a new process each time. First view: from the
request to the mark that the page sets once the cell is there, in a browser profile that knows nothing, and the same
until the first contentful paint. Transferred: bytes of all answers, bodies as they are sent. Frames: the map of all
architectures is dragged for two seconds, a step per frame; time between frames, and what drawing one takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from robnas.explorer._chromium import launch_options

FRAMES = 120
_PAN = """
async (frames) => {
  const canvas = document.querySelector('.plot canvas'), box = canvas.getBoundingClientRect(), gaps = [];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const send = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, {
    pointerId: 1, clientX: box.left + 300 + x, clientY: box.top + 250, bubbles: true, pointerType: 'mouse' }));
  canvas.setPointerCapture = () => {};
  send('pointerdown', 0);
  let before = await frame();
  for (let at = 0; at < frames; at++) {
    send('pointermove', 60 * Math.sin(at / 8));
    const now = await frame();
    gaps.push(now - before);
    before = now;
  }
  send('pointerup', 0);
  return gaps;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        found = [measure(browser, args.tables) for _ in range(args.repeats)]
        version = browser.version
        browser.close()
    if args.json:
        print(json.dumps({"tables": args.tables, "browser": version, "repeats": found}))
        return
    print(f"{' '.join(args.tables) or 'default table'}, Chromium {version}: median of {args.repeats} [min, max]")
    for key in found[0]:
        values = sorted(one[key] for one in found)
        print(f"{key:<24} {statistics.median(values):>12,.1f} [{values[0]:,.1f}, {values[-1]:,.1f}]")


def measure(browser: Browser, tables: list[str]) -> dict[str, float]:
    """All figures, once."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "robnas", "explore", *tables, "--no-open", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        started = 1e3 * (time.perf_counter() - begun)
        try:
            return {"command_ms": started, **visit(browser, url)}
        finally:
            server.terminate()


def visit(browser: Browser, url: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, sizes = context.new_page(), []
    page.on("response", lambda response: sizes.append(int(response.headers.get("content-length", 0))))
    page.goto(url)
    page.wait_for_selector("main[data-ready=cell]")
    shown = {"first_view_ms": mark(page), "first_paint_ms": paint(page), "transferred_bytes": float(sum(sizes))}
    page.goto(f"{url}#/map?x=size~macs")
    page.wait_for_selector("main[data-ready=map]")
    page.evaluate(_PAN, 20)
    gaps = page.evaluate(_PAN, FRAMES)
    everything: dict[str, Any] = {
        **shown,
        "all_views_bytes": float(sum(sizes)),
        "frame_ms": statistics.median(gaps),
        "frame_ms_slowest_5_pct": sorted(gaps)[int(0.95 * len(gaps))],
        "frames_per_second": 1e3 * len(gaps) / sum(gaps),
    }
    context.close()
    return everything


def mark(page: Page) -> float:
    return float(page.evaluate("performance.getEntriesByName('robnas-first-view')[0].startTime"))


def paint(page: Page) -> float:
    return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"))


if __name__ == "__main__":
    main()
