from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.broker import CredentialStore, EmbeddedBroker
from tests.collector.broker.helpers import COLLECTOR, write_users


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.toml"
    write_users(path, COLLECTOR, "acme/player-1", "acme/player-2")
    return path


@pytest.fixture
async def broker(credentials: Path) -> AsyncIterator[EmbeddedBroker]:
    embedded = EmbeddedBroker("127.0.0.1:0", CredentialStore(credentials))
    await embedded.start()
    yield embedded
    await embedded.stop()
