"""One event, one line: what a log collector can parse, and what a person on a terminal can read."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest
import structlog

from common import logs
from tests.fixtures.processes import ROOT

SCRIPT = """
import logging, structlog
from common import logs
log = structlog.get_logger("early")  # as modules have it: made before the logs are set up
logs.set_up({level!r}, {style!r})
log.debug("quiet")
log.info("started", device="acme/player-0001", count=3)
try:
    raise ValueError("first line\\nsecond line")
except ValueError:
    log.exception("failed", where="here")
logging.getLogger("asyncio").warning("slow: %s", "callback")
logging.getLogger("somebody").info("chatter of a library")
"""


def lines_of(level: str = "info", style: str = "json") -> list[str]:
    script = SCRIPT.format(level=level, style=style)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_each_event_is_one_json_object_on_one_line() -> None:
    started, failed, slow = map(json.loads, lines_of())
    assert started | {"event": "started", "level": "info", "device": "acme/player-0001", "count": 3} == started
    assert started["timestamp"].endswith("Z")
    assert failed["event"] == "failed"
    assert failed["exception"].startswith("Traceback (most recent call last):")
    assert failed["exception"].endswith("ValueError: first line\nsecond line")
    assert slow | {"event": "slow: callback", "level": "warning"} == slow


def test_a_pipe_gets_json_without_being_asked() -> None:
    assert json.loads(lines_of(style="auto")[0])["event"] == "started"


def test_text_is_for_people() -> None:
    lines = lines_of(style="text")
    assert "started" in lines[0]
    assert not lines[0].startswith("{")
    assert any(line == "ValueError: first line" for line in lines)


@pytest.mark.parametrize(
    ("level", "events"),
    [("debug", ["quiet", "started", "failed"]), ("warning", ["failed"]), ("error", ["failed"])],
)
def test_the_level_decides_what_is_said(level: str, events: list[str]) -> None:
    said = [json.loads(line)["event"] for line in lines_of(level)]
    assert [event for event in said if not event.startswith("slow")] == events


def test_logs_follow_standard_error_when_it_is_replaced_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger("module")
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    logs.set_up("info", "json")
    log.info("one")
    monkeypatch.setattr(sys, "stderr", second)
    first_said = first.getvalue()
    first.close()
    log.info("two")
    logging.getLogger("library").warning("three")
    assert json.loads(first_said)["event"] == "one"
    assert [json.loads(line)["event"] for line in second.getvalue().splitlines()] == ["two", "three"]


def test_a_second_set_up_reaches_loggers_that_have_spoken_already(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger("module")
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    logs.set_up("info", "json")
    log.info("one")
    logs.set_up("error", "json")
    log.info("two")
    assert [json.loads(line)["event"] for line in said.getvalue().splitlines()] == ["one"]
