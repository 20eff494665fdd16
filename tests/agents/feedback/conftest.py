"""The PostgreSQL server that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.feedback.servers import Postgres, postgres_server


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres_server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store can be made."""
    if request.param == "sqlite":
        return str(tmp_path / "feedback.db")
    return request.getfixturevalue("server").fresh_database()
