"""What modules that read and write for a store ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa


class Database(Protocol):
    """A `RecordStore`, to the modules that it imports."""

    @property
    def shown(self) -> str:
        """The address as messages may show it."""
        ...

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        ...

    def insert_new(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert the rows whose keys are not there yet, and return how many those were."""
        ...

    def check_spaces(self, connection: sa.Connection, facts: Mapping[str, Mapping[str, str]]) -> None:
        """Raise `StoreError` if the store was filled with other genes; `facts` is `Space.key` → `space_facts`."""
        ...
