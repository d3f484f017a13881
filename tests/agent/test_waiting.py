"""What `signwatch agent spool` says of a spool, also of one that another release wrote."""

from __future__ import annotations

from binascii import crc32
from pathlib import Path

import pytest

from agent.config import Settings, parse
from agent.waiting import look
from common.clock import ManualClock
from signwatch.cli import main
from tests.agent.lives import Life, aside, live_through, opened

CONFIG = """
tenant = "acme"
device = "p1"
[mqtt]
host = "h"
[spool]
dir = "spool"
[[outputs]]
id = "web"
probe = "push"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "agent.toml").write_text(CONFIG, encoding="ascii")
    return parse(CONFIG, tmp_path / "agent.toml")


@pytest.fixture
def life(tmp_path: Path, clock: ManualClock) -> Life:
    return Life(tmp_path / "spool", clock)


def as_another_release_writes(line: bytes) -> bytes:
    """The same line with the next version in it, and a checksum that holds."""
    body = line[9:-1].replace(b'"version":1', b'"version":2')
    return b"%08x " % crc32(body) + body + b"\n"


def test_where_nothing_was_ever_written_nothing_waits(settings: Settings, tmp_path: Path) -> None:
    assert look(settings) == ([f"{tmp_path / 'spool'}: no evidence waits here"], True)


async def test_what_the_collector_has_not_acknowledged_is_counted(
    settings: Settings, life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = await live_through(life, 3)
    life.spool.turn([], [opened(life.spool, life.clock)])
    life.spool.acknowledge(life.spool.id, [(closed[0].run.seq, closed[0].run.seq)])
    life.spool.close(orderly=False)
    assert main(["agent", "spool", "--config", str(settings.file)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{life.file}: 2 closed runs that the collector has not acknowledged, the oldest of 20")
    assert said.endswith("; 1 open\n")


async def test_a_spool_of_a_later_release_is_said_to_be_so_and_is_set_aside_whole(
    settings: Settings, life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    await live_through(life, 2)
    life.spool.close(orderly=True)
    head, *rest = life.file.read_bytes().splitlines(keepends=True)
    life.file.write_bytes(b"".join([as_another_release_writes(head), *rest]))
    before = life.file.read_bytes()
    assert main(["agent", "spool", "--config", str(settings.file)]) == 1
    assert "another release wrote it: its version is 2, this one reads 1" in capsys.readouterr().out

    life.again()
    (kept,) = aside(life)
    assert kept.read_bytes() == before
    assert (life.spool.damaged, life.spool.depth) == (1, 0)
    assert look(settings).lines[-1] == f"{kept}: set aside before"


async def test_records_that_a_later_release_added_are_told_and_the_others_are_kept(
    settings: Settings, life: Life
) -> None:
    await live_through(life, 2)
    life.spool.close(orderly=True)
    body = b'{"type":"whatever","later":1}'
    with life.file.open("ab") as file:
        file.write(b"%08x " % crc32(body) + body + b"\n")
    seen = look(settings)
    assert not seen.whole
    assert "2 closed runs" in seen.lines[0]
    assert "do not check" in seen.lines[1]


async def test_the_evidence_of_another_machine_on_the_same_card_is_named(settings: Settings, life: Life) -> None:
    other = life.directory.rename(life.directory.with_name("spool.of-10000000abcd1234"))
    assert look(settings).lines == [
        f"{life.directory}: no evidence waits here",
        f"{other}: set aside before",
    ]
