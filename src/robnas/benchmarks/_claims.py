"""Rows of accuracies that were published, read from a file as text: their digits say how they were rounded."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from robnas._files import read_text
from robnas.benchmarks._columns import source_of_key
from robnas.benchmarks._exchange import rows_of_csv
from robnas.benchmarks._printed import Printed, Unit, read_printed
from robnas.benchmarks._runs import is_called
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.types import is_metric

_NAME, _DATASET = "name", "dataset"


@final
@dataclass(frozen=True)
class Claim:
    """A published row: accuracies that one architecture is said to have, or means of several runs."""

    name: str
    numbers: Mapping[str, Printed]
    """By metric; at least one."""
    dataset: str | None = None
    """None where the row does not say."""
    unit: Unit = "fraction"
    """In which the row was written."""

    @classmethod
    def of(cls, name: str, cells: Mapping[str, str], dataset: str | None = None, unit: Unit | None = None) -> Claim:
        """A row from its texts, see `read_claims`: ``Claim.of("mine", {"clean": "79.6", "pgd@8/255": "48.1"})``.

        Raises:
            InputError: what is no accuracy, or may be meant in percent or as a fraction.
        """
        numbers, written = read_printed(name, cells, unit)
        return cls(name, numbers, dataset, written)

    @property
    def average(self) -> bool:
        """Whether the row is a mean of several runs, so that no single architecture has to have it."""
        return any(number.average for number in self.numbers.values())


def read_claims(path: Path | str, unit: Unit | None = None, table: Table | None = None) -> list[Claim]:
    """Read published rows from CSV with a header: ``name`` and ``dataset``, if there are any, and metrics.

    Numbers are in percent or fractions, row by row; their rounding is that of the digits that are written, zeros at the
    end among them. A spread (``79.6 ± 0.2``) makes a row a mean of several runs. Cells may be separated by semicolons
    or tabs, in which case decimal commas are read, too.

    Args:
        path: of the file.
        unit: ``percent`` or ``fraction``, where the numbers do not tell.
        table: that the rows will be set beside; if it is omitted, any metric that is well formed will do.

    Raises:
        DataError: the file is missing, empty or malformed.
        InputError: a column that is no metric; and see `Claim.of`.
    """
    path = Path(path)
    if unit not in (None, "percent", "fraction"):
        raise InputError("unit", expected="percent or fraction", got=unit)
    claims: dict[str, Claim] = {}
    for number, row in enumerate(_rows(path), start=1):
        cells = {column.strip(): text.strip() for column, text in row.items()}
        if len(cells) < len(row):
            raise DataError(str(path), expected="each column once", got=Verbatim(", ".join(row)[:200]))
        name, dataset = cells.pop(_NAME, "") or f"row {number}", cells.pop(_DATASET, "") or None
        for column in cells:
            check_named(str(path), column, table)
        if name in claims:
            raise DataError(f"{path}, row {number}", expected="a name of its own for each row", got=name)
        claims[name] = Claim.of(name, cells, dataset, unit)
    return list(claims.values())


def check_named(what: str, written: str, table: Table | None) -> None:
    """Raise `InputError` unless a column of a file means a metric; where there is a table, an accuracy that it has."""
    columns = [] if table is None else [column for column in table.columns if column.is_accuracy]
    keys = () if table is None else table.ambiguous  # of which the table says what is wrong
    if any(column.is_called(written) for column in columns) or (table is None and is_metric(written)):
        return
    if any(is_called(key[2], source_of_key(key), written) for key in keys):
        return
    some = ", ".join(dict.fromkeys(column.qualified for column in columns)) or "metrics such as clean"
    raise InputError(f"{what}, columns", expected=f"name, dataset, {some}", got=written)


def _rows(path: Path) -> list[Mapping[str, str]]:
    """A mapping per row; at least one."""
    if not path.is_file():
        got = Verbatim("a folder" if path.is_dir() else "nothing")
        raise DataError(str(path), expected="a CSV file of published rows", got=got)
    try:
        text = read_text(path)
        header = text.lstrip().partition("\n")[0]
        separator = next((one for one in ";\t" if one in header), ",")
        found = rows_of_csv(text, separator)
    except DataError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(str(path), expected="a CSV file of published rows", got=reason(error)) from None
    if not found:
        got = Verbatim("a header alone" if text.strip() else "nothing")
        raise DataError(str(path), expected="a header and at least one row", got=got)
    if separator != ",":
        return [{column: _point(column, cell) for column, cell in row.items()} for row in found]
    return found


def _point(column: str, cell: str) -> str:
    """A number with a decimal point, where a comma may stand for it."""
    return cell if column.strip() in (_NAME, _DATASET) else cell.replace(",", ".")
