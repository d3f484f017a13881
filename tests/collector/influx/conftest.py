"""The writer's waits, made short."""

import pytest

from collector.influx import writer as writer_module


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_FIRST_WAIT_MS", 50)
    monkeypatch.setattr(writer_module, "_LONGEST_WAIT_MS", 200)
    monkeypatch.setattr(writer_module, "_MISCONFIGURED_WAIT_MS", 100)
    monkeypatch.setattr(writer_module, "_DISK_WAIT_S", 0.1)
