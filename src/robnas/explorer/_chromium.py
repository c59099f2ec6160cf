"""The browser that tests, benchmarks and pictures drive: a Chromium of the system, through Playwright."""

from __future__ import annotations

import os
import shutil
from typing import Any

from robnas.errors import InputError, Verbatim

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


def find_browser() -> str | None:
    """The program: $ROBNAS_BROWSER, or a Chromium on the path; None without one."""
    named = os.environ.get("ROBNAS_BROWSER")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


def launch_options() -> dict[str, Any]:
    """What ``playwright.chromium.launch`` takes.

    Raises:
        InputError: there is no browser.
    """
    path = find_browser()
    if path is None:
        remedy = "install one, or name its program in $ROBNAS_BROWSER"
        raise InputError("browser", expected=f"one of {', '.join(_NAMES)}", got=Verbatim("none"), remedy=remedy)
    return {"executable_path": path, "args": list(_QUIET)}
