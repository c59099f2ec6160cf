"""A table file described in Croissant (ML Commons), in which catalogues of data sets read what a file holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from robnas._content import CONTENT
from robnas._download import file_digits
from robnas._files import write_json
from robnas.benchmarks._parquet import TABLE_KEY, read_table
from robnas.benchmarks._table import Table
from robnas.errors import InputError

SUFFIX = ".croissant.json"
_FILE, _RECORDS, _ARCHITECTURE = "table", "architectures", "architecture"
_NO_IDENTITY = re.compile(r"[^\w.@:/=,+*-]")
"""Characters that no identity may hold, spaces above all."""
_LICENCES = {"Apache-2.0": "https://spdx.org/licenses/Apache-2.0.html"}
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        term: f"cr:{term}"
        for term in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
            "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
            "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
            "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}  # fmt: skip
"""What the words mean; readers expect all of them, whether they occur or not."""


def write_croissant(path: Path | str) -> Path:
    """Describe a table file; the description lies beside it, ``x.croissant.json`` for ``x.parquet``.

    Returns:
        Where it is.

    Raises:
        DataError: the file is no table, or damaged.
        InputError: it does not end in ``.parquet``.
    """
    path = Path(path)
    if path.suffix != ".parquet":
        raise InputError("table file", expected="a name that ends in .parquet", got=str(path))
    out = path.with_name(path.stem + SUFFIX)
    write_json(out, croissant(path))
    return out


def croissant(path: Path) -> dict[str, Any]:
    """The description of a table file, from what it says of itself.

    Raises:
        DataError: the file is no table, or damaged.
    """
    table = read_table(path)
    schema = pq.read_schema(path)
    facts = json.loads(schema.metadata[TABLE_KEY])
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        **_about(table, facts),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": _FILE,
                "name": path.name,
                "contentUrl": path.name,
                "contentSize": f"{path.stat().st_size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": file_digits(path, "sha256"),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _RECORDS,
                "name": _RECORDS,
                "description": f"A record for each of {len(table):,} architectures of {table.space_key}.",
                "field": list(_fields(table, facts)),
            }
        ],
    }


def _about(table: Table, facts: Mapping[str, Any]) -> dict[str, str]:
    licence = _said(table, "licence")
    found = {
        "name": table.name,
        "description": _said(table, "notes")
        or f"Measurements of architectures of the search space {table.space.name}.",
        "license": _LICENCES.get(licence, licence),
        "citeAs": _said(table, "citation"),
        "datePublished": _said(table, "date") if _is_text(table.provenance.get("date")) else "",
        "version": f"1.0.0+{facts[CONTENT][:12]}" if CONTENT in facts else "",
    }
    return {key: value for key, value in found.items() if value}


def _said(table: Table, key: str) -> str:
    """What the provenance says; of a joined table, of each source behind its name, where they differ."""
    sources = dict.fromkeys(column.source for column in (*table.columns, *table.curves) if column.source)
    told = {"": table.provenance} | {source: table.provenance.get(source) for source in sources}
    found = {
        source: str(said[key]) for source, said in told.items() if isinstance(said, Mapping) and _is_text(said.get(key))
    }
    if len(set(found.values())) == 1 and len(found) >= len(sources):
        return next(iter(found.values()))
    return "; ".join(f"{source}: {text}" if source else text for source, text in found.items())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _fields(table: Table, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    number = f"Number of the architecture in the order of the search space {table.space.name}."
    text = f"Text of the architecture, of the search space {table.space.name}."
    columns = [(_ARCHITECTURE, *((number, "sc:Integer") if table.space.numbered else (text, "sc:Text")))]
    for entry in (*facts["columns"], *facts.get("curves", ())):
        columns += [(name, meaning, "sc:Float") for name, meaning in _meanings(entry)]
        columns += _predictions(entry)
    identities: set[str] = set()
    for name, meaning, kind in columns:
        identity = _NO_IDENTITY.sub("_", name)
        while identity in identities:
            identity += "_"
        identities.add(identity)
        yield {
            "@type": "cr:Field",
            "@id": f"{_RECORDS}/{identity}",
            "name": name,
            "description": meaning,
            "dataType": kind,
            "source": {"fileObject": {"@id": _FILE}, "extract": {"column": name}},
        }


def _meanings(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name of each field of a column or of curves, and what its numbers are."""
    what = _what(entry)
    mean = f"mean of {entry['runs']} runs" if entry["runs"] > 1 else "one run"
    seeds = [f"seed {seed}" for seed in entry["seeds"]] or [mean]
    epochs = [f" after epoch {epoch}" for epoch in entry.get("epochs", ())] or [""]
    each = [f"{what}{epoch}: {seed}, {_scale(entry)}." for seed in seeds for epoch in epochs]
    return zip(entry["fields"], each, strict=True)


def _predictions(entry: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, meaning and type of the fields of what was predicted, if anything was."""
    if "predicted" not in entry:
        return []
    meanings = [
        (f"predicted where it was not measured, {_scale(entry)}", "sc:Float"),
        ("standard deviation of what one training would measure around the prediction", "sc:Float"),
        ("whether it was measured", "sc:Boolean"),
    ]
    named = zip(entry["predicted"], meanings, strict=True)
    return [(name, f"{_what(entry)}: {meaning}.", kind) for name, (meaning, kind) in named]


def _what(entry: Mapping[str, Any]) -> str:
    what = f"{entry['metric']} on split {entry['split']} of {entry['dataset']}"
    what += f", beta {entry['beta']:.12g}" if "beta" in entry else ""
    return what + (f", from {entry['source']}" if entry.get("source") else "")


def _scale(entry: Mapping[str, Any]) -> str:
    unit, direction = entry.get("unit", ""), entry.get("direction", "maximise")
    if divisor := entry.get("divisor"):
        return f"as a whole number, to be divided by {divisor}"
    if "epochs" in entry and entry["split"] == "train":  # losses and seconds among them
        return "a number"
    if (unit, direction) == ("", "maximise"):
        return "a fraction in [0, 1]"
    return f"in {unit or 'no unit'}, {'lower' if direction == 'minimise' else 'higher'} is better"
