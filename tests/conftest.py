"""Shared fixtures. Real data lies in a folder `shared` beside the repository; tests that need it skip without it."""

import json
import os
import sys
from pathlib import Path

import pytest

from robnas._registry import Registry

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("ROBNAS_DATA", None)  # tables and images of the person who runs the tests
SHARED = Path(os.environ.get("ROBNAS_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared_file(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} of the shared data; set ROBNAS_SHARED to its folder")
    return path


@pytest.fixture(autouse=True)
def no_line_of_progress(monkeypatch):
    """A slow machine adds no line to what a command writes; the tests of these lines choose their own time."""
    monkeypatch.setattr("robnas.cli._lines._SOON", 600.0)


def registries():
    """Those of all rooms that were imported, by their place."""
    rooms = [(name, module) for name, module in sys.modules.items() if name.startswith("robnas.")]
    found = [one for _, module in rooms for one in vars(module).values() if type(one) is Registry]
    return {id(one): one for one in found}


@pytest.fixture
def own_files(monkeypatch):
    """Forget, at the end of the test, which files were imported and what they and others registered."""
    from robnas import _own

    before = {place: dict(one) for place, one in registries().items()}
    monkeypatch.setattr(_own, "_loaded", {})
    yield
    for place, one in registries().items():  # of a room that was imported meanwhile, what the room has
        own = {name for name, value in one.items() if is_own(value)}
        values = before.get(place, {name: value for name, value in one.items() if name not in own})
        dict.clear(one)
        dict.update(one, values)
    for name in [name for name in sys.modules if name.startswith("robnas_own_")]:
        del sys.modules[name]


def is_own(value):
    """Of a file that was imported, or of an example of the documentation."""
    modules = [getattr(kind, "__module__", "") for kind in (value, type(value))]
    return any(module.startswith("robnas_own_") or module == "example" for module in modules)


@pytest.fixture
def overwrite():
    """Put another value under a taken name until the end of the test, or `undo`."""
    before = []

    def put(registry, name, value):
        before.append((registry, name, registry[name]))
        registry.register(name, value, overwrite=True)

    def undo():
        while before:
            registry, name, value = before.pop()
            registry.register(name, value, overwrite=True)

    put.undo = undo
    yield put
    undo()


@pytest.fixture(scope="session")
def published_meta():
    return json.loads(shared_file("data", "published", "meta.json").read_text())


@pytest.fixture
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def browser():
    """One per test process, whatever tests need it."""
    from robnas.explorer._chromium import find_browser, launch_options

    if find_browser() is None:
        missing("no Chromium on the path: install one, or name its program in $ROBNAS_BROWSER")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


def missing(reason):
    if os.environ.get("ROBNAS_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
