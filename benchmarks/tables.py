"""Loading and asking a published table, side by side with reading the page's file by json and dictionaries.

    python benchmarks/tables.py --from FOLDER     # with NAS-RobBench-201_html.json and ops.json

Each repeat of loading runs in a fresh process after the imports; memory is what loading adds to the resident set.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPEATS = 7
_MEMORY = """
import os
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
"""
ROBNAS = (
    _MEMORY
    + """
import json, time
import numpy as np
from robnas.benchmarks import load
from robnas.spaces import Architecture
before, begun = resident(), time.perf_counter()
table = load("nas-robbench-201")
loaded = time.perf_counter() - begun
memory = resident() - before
arch, count = Architecture("323133"), 50_000
where = dict(dataset="cifar10", metric="pgd@8/255", split="test", seed="mean")
table.query(arch, **where)
begun = time.perf_counter()
for _ in range(count):
    table.query(arch, **where)
one = (time.perf_counter() - begun) / count
index = np.random.default_rng(0).integers(0, 15625, 1_000_000)
begun = time.perf_counter()
values = table.values("cifar10", "pgd@8/255", split="test", index=index)
many = time.perf_counter() - begun
assert len(values) == 1_000_000 and not np.isnan(values).any()
print(json.dumps({"load_ms": 1e3 * loaded, "memory_mib": memory, "query_us": 1e6 * one, "million_ms": 1e3 * many}))
"""
)
BASELINE = (
    _MEMORY
    + """
import json, sys, time
import numpy as np
before, begun = resident(), time.perf_counter()
results = json.loads(open(sys.argv[1] + "/NAS-RobBench-201_html.json").read()[4:])
codes = json.loads(open(sys.argv[1] + "/ops.json").read()[5:])
number = {code: str(i) for i, code in enumerate(codes)}
column = {name: i for i, name in enumerate(results[""])}
loaded = time.perf_counter() - begun
memory = resident() - before
def query(code, name):
    entry = results[number[code]]
    return (results[entry] if isinstance(entry, str) else entry)[column[name]]
count = 50_000
begun = time.perf_counter()
for _ in range(count):
    query("323133", "cifar10#val_pgd_8_acc")
one = (time.perf_counter() - begun) / count
drawn = [codes[i] for i in np.random.default_rng(0).integers(0, 15625, 1_000_000)]
begun = time.perf_counter()
values = [query(code, "cifar10#val_pgd_8_acc") for code in drawn]
many = time.perf_counter() - begun
print(json.dumps({"load_ms": 1e3 * loaded, "memory_mib": memory, "query_us": 1e6 * one, "million_ms": 1e3 * many}))
"""
)
IMPORT = "import time; begun = time.perf_counter(); import robnas; print(1e3 * (time.perf_counter() - begun))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    source = str(parser.parse_args().source)
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}

        def run(script: str) -> str:
            return subprocess.check_output([sys.executable, "-c", script, source], text=True, env=environment)

        run("import sys; from pathlib import Path; from robnas.benchmarks import fetch; "
            "fetch('nas-robbench-201', Path(sys.argv[1]))")  # fmt: skip
        pairs = [(json.loads(run(ROBNAS)), json.loads(run(BASELINE))) for _ in range(REPEATS)]
        imports = [float(run(IMPORT)) for _ in range(REPEATS)]
    print(f"median of {REPEATS} [min, max]          robnas                  json and dictionaries")
    for key in pairs[0][0]:
        ours, theirs = zip(*((a[key], b[key]) for a, b in pairs), strict=True)
        print(f"{key:<12} {_show(ours):>30} {_show(theirs):>30}")
    print(f"import_ms    {_show(imports):>30}")


def _show(values: object) -> str:
    found = sorted(values)  # type: ignore[call-overload]
    return f"{statistics.median(found):.2f} [{found[0]:.2f}, {found[-1]:.2f}]"


if __name__ == "__main__":
    main()
