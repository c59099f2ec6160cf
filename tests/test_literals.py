"""What only NAS-Bench-201 knows stands in its own folders: no literal of it elsewhere, in Python or on the page."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "robnas"
OWN = (
    "spaces/nas_bench_201/",
    "networks/nas_bench_201/",
    "kernels/nas_bench_201/",
    "surrogates/nas_bench_201/",
    "benchmarks/nas_bench_201/",
    "benchmarks/adapters/",
    "cli/nas_bench_201/",
    "explorer/_nas_bench_201.py",
    "explorer/static/app/nas-bench-201/",
    "paper/",  # is about this space alone
)
LITERALS = {
    "its size": r"\b15[_,]?625\b|\b15[_,]?624\b|\bSIZE\b",
    "its edges and operations": r"\bEDGES\b|\bOPERATIONS\b|%\s*5\b|\bnor_conv|\bskip_connect|\bavg_pool_3x3",
    "its numbers in 16 bits": r"\bint16\b|\bString\(6\)",
    "its name": r"""['"]nas-bench-201['"]""",
    "a code": r"""['"][0-4]{6}['"]""",
    "its class": r"\bCellArchitecture\b",
    "what only its architectures have": r"\.(code|genotype|live_edges|reaches_output|operations)\b",
}
NOT_OF_IT = {  # file: what stands there for a reason
    "__init__.py": r""">>> arch = robnas.Architecture\("323133"\)|>>> arch.genotype|^'\|nor_conv""",  # README
    "spaces/__init__.py": r"from robnas\.spaces\.nas_bench_201 import (\w+) as \1$",  # its public names
    "spaces/_architecture.py": r"CellArchitecture",  # robnas.Architecture("323133") makes one
    "spaces/_wide_resnet.py": r"15,625 architectures",  # has as many itself
    "attacks/_ball.py": r"torch\.int16",  # bits of floats
}


def files(*suffixes):
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE).as_posix()
        if path.suffix in suffixes and not name.startswith(OWN):
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("what", LITERALS)
def test_no_literal_of_nas_bench_201_stands_outside_its_own_folders(what):
    found = []
    for name, text in files(".py", ".js"):
        for number, line in enumerate(text.splitlines(), 1):
            reason = NOT_OF_IT.get(name)
            if re.search(LITERALS[what], line) and not (reason and re.search(reason, line)):
                found.append(f"{name}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


def test_its_own_folders_and_the_exceptions_are_there():
    for name in (*OWN, *NOT_OF_IT):
        assert (PACKAGE / name).exists(), name
    texts = dict(files(".py"))
    for name, reason in NOT_OF_IT.items():
        assert re.search(reason, texts[name], re.MULTILINE), f"{name}: is no exception any more"
