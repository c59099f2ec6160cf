"""The rehearsal of a large build, in small."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from robnas.networks import count
from robnas.spaces import sample

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "scale.py"


def test_costs_follow_from_the_rates_and_the_rehearsed_build_is_complete(tmp_path):
    architectures = sample(np.random.default_rng(0), 5, "official")
    trials = [
        {"dataset": name, "architecture": arch.code, "seconds": 1000 + 10 * count(arch, live=True).macs / 1e6}
        for name in ("cifar10", "cifar100")
        for arch in architectures
    ]
    rates = {"device": "a GPU", "torch": "2.13.0", "how": "nothing", "concurrent": 2, "trials": trials}
    (tmp_path / "rates.json").write_text(json.dumps(rates))
    doc = tmp_path / "doc.md"
    doc.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
    arguments = ["--rates", tmp_path / "rates.json", "--gpus", "2", "--sample", "20", "--deaths", "20", "--doc", doc]
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = {line.split("|")[1].strip(): line.split("|") for line in out.splitlines() if line.startswith("| ")}
    macs = {name: sum(count(arch, live=True).macs for arch in found) for name, found in _classes().items()}
    for place, name, size in ((3, "official", 6466), (5, "effective", 5044)):
        exact = 2 * 3 * (1000 * size + 10 * macs[name] / 1e6) / 3600 / 2
        assert abs(float(rows["all"][place].replace(",", "")) - exact) < 0.01 * exact
        assert f"{size:,} × 3" in rows["data set"][place]
    assert "120 trials, each done once" in out
    assert 0.5 < float(rows["2"][4].strip().rstrip("%")) / 100 <= 1
    assert int(rows["2"][5]) > 0
    text = doc.read_text()
    assert text.startswith("before\n<!-- figures -->")
    assert text.endswith("<!-- end of figures -->\nafter\n")
    assert out.strip() in text


def _classes():
    from robnas.spaces import partition

    return {name: partition(name).representatives() for name in ("official", "effective")}
