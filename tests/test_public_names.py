import importlib
import subprocess
import sys

import pytest

import robnas

ROOMS = [name for name in robnas.__all__ if hasattr(getattr(robnas, name), "__path__")] + [
    "errors",
    "types",
    "benchmarks.adapters",
]


@pytest.mark.parametrize("room", ROOMS)
def test_dir_lists_public_names_and_no_others(room):
    module = importlib.import_module(f"robnas.{room}")
    names = dir(module)
    assert names
    assert [name for name in names if name.startswith("_")] == []
    assert not {"annotations", "Any", "TYPE_CHECKING", "np", "Protocol", "dataclass"} & set(names)
    assert all(hasattr(module, name) for name in names)


def test_dir_lists_what_is_there_and_what_is_imported_when_it_is_used():
    assert dir(robnas) == sorted(robnas.__all__)
    assert {"Counts", "count", "Network", "build_network"} <= set(dir(robnas.networks))
    assert {"Trace", "RandomSearch", "run"} <= set(dir(robnas.search))


def test_dir_imports_nothing_heavy():
    code = (
        "import sys, robnas; dir(robnas); dir(robnas.networks); dir(robnas.search); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
