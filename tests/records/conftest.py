import uuid

import pytest

from tests.records.postgres import postgres  # noqa: F401


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    return request.getfixturevalue("postgres").database(f"t{uuid.uuid4().hex}")
