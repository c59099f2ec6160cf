"""Rows of an experiment that goes on where it was interrupted, a line of JSON each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def kept_rows(path: Path) -> list[Any]:
    """What the whole lines of a file hold; a line that a kill has cut off is removed, so that more can be appended."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    return [json.loads(line) for line in whole]
