from __future__ import annotations

import asyncio

import pytest

from agent.probes.base import DETAIL_CHARS, Around, Reading, Report
from agent.probes.push import PushOptions, PushProbe
from common.clock import ManualClock


class Told:
    """A push probe and the way to it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.woken = asyncio.Event()
        self.around = Around("main", self.clock, self.woken.set)
        self.probe = PushProbe(PushOptions(deadline_s=30), self.around)

    def tell(self, state: str, cause: str | None = None, detail: str | None = None) -> None:
        self.around.mailboxes["main"](Report(state, cause, detail))  # type: ignore[arg-type]


@pytest.fixture
def told() -> Told:
    return Told()


async def test_before_the_first_report_nothing_is_known(told: Told) -> None:
    assert (await told.probe.read()).state == "unknown"


async def test_what_was_said_holds_until_the_deadline_and_not_beyond(told: Told) -> None:
    told.tell("frozen", "display", "HDMI gone")
    told.clock.advance(30_000)
    assert await told.probe.read() == Reading("frozen", "display", "HDMI gone")
    told.clock.advance(1)
    assert await told.probe.read() == Reading("unknown", None, "the player's software has been silent for 30 s")


async def test_another_state_wakes_and_the_same_again_does_not(told: Told) -> None:
    told.tell("playing")
    assert told.woken.is_set()
    told.woken.clear()
    told.tell("playing", None, "next clip")
    assert not told.woken.is_set()
    told.tell("playing", "content")
    assert told.woken.is_set()


async def test_commentary_is_made_fit_for_the_wire(told: Told) -> None:
    told.tell("error", None, "one\ntwo \ud800 " + "x" * 500)
    detail = (await told.probe.read()).detail
    assert detail is not None
    assert detail.startswith("one two ? xxx")
    assert len(detail) == DETAIL_CHARS


async def test_a_closed_probe_has_no_mailbox(told: Told) -> None:
    await told.probe.close()
    assert told.around.mailboxes == {}
