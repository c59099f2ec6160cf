import pytest

from tests.records.postgres import postgres  # noqa: F401


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/runs.db"
