"""How a boot ended: the table by example, and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import endings
from agent.endings import BootFact, Ending, Entry, LastBoot, ended
from agent.probes.base import DETAIL_CHARS

GUARDED = BootFact("b" * 32, watchdog=True, wtmp_bytes=768)
BARE = BootFact("b" * 32, wtmp_bytes=768)
CAME_ON = LastBoot(power_on=True)
LAST_MS = 1_790_000_000_000


def judged(told: LastBoot, fact: BootFact | None = GUARDED, *, shut_down: bool = False) -> Ending:
    return ended(shut_down=shut_down, last_wall_ms=LAST_MS, fact=fact, told=told)


def since(*entries: Entry, told: LastBoot = CAME_ON) -> LastBoot:
    return told._replace(wtmp=(Entry(0, "boot"), Entry(384, "shutdown"), *entries))


def test_a_power_on_of_a_machine_whose_watchdog_was_armed_is_a_power_cut() -> None:
    assert judged(CAME_ON) == Ending("power", endings.POWER_CUT)
    assert judged(since(Entry(768, "boot"))) == Ending("power", endings.POWER_CUT)


@pytest.mark.parametrize("fact", [BARE, None])
def test_without_a_watchdog_it_may_have_hung_before_and_nobody_is_excused(fact: BootFact | None) -> None:
    assert judged(CAME_ON, fact) == Ending(None, endings.POWER_ON)


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        (LastBoot(), endings.CUT),
        (LastBoot(power_on=False), endings.RESET),
        (LastBoot(reset_by_watchdog=False), endings.CUT),
        (LastBoot(power_on=True, reset_by_watchdog=True), endings.WATCHDOG),
        (CAME_ON._replace(dumps=(("dmesg-ramoops-0", LAST_MS - 59_000),)), endings.DUMP),
        (CAME_ON._replace(dumps=(("dmesg-ramoops-0", LAST_MS + 5_000),)), endings.DUMP),
        (since(Entry(768, "shutdown"), Entry(1152, "boot")), endings.SHUT_DOWN),
        (since(Entry(768, "boot"), Entry(1152, "boot")), endings.SEVERAL),
    ],
)
def test_whatever_else_is_told_names_no_cause(told: LastBoot, detail: str) -> None:
    assert judged(told) == Ending(None, detail)


def test_an_old_dump_and_an_old_shutdown_say_nothing_of_this_end() -> None:
    old = CAME_ON._replace(dumps=(("dmesg-ramoops-0", LAST_MS - 3_600_000),))
    assert judged(since(Entry(768, "boot"), told=old)).cause == "power"


def test_a_wtmp_that_was_begun_anew_or_never_measured_says_nothing() -> None:
    assert judged(CAME_ON._replace(wtmp=(Entry(0, "shutdown"), Entry(384, "boot")))).cause == "power"
    unmeasured = BootFact("b" * 32, watchdog=True)
    assert judged(since(Entry(768, "shutdown")), unmeasured).cause == "power"


def test_a_machine_that_the_agent_saw_go_down_was_shut_down_whatever_else_is_told() -> None:
    assert judged(CAME_ON, shut_down=True) == Ending(None, endings.SHUT_DOWN)


def test_every_ending_stands_on_its_page_and_fits_a_detail() -> None:
    page = Path("docs/causes.md").read_text(encoding="utf-8")
    told = [
        text for text in vars(endings).values() if isinstance(text, str) and "last sign of life to the boot" in text
    ]
    said = [text for text in told if ": dark" in text]
    assert len(said) == 8
    assert [text for text in said if f"| `{text.partition(': dark')[0]}` |" not in page] == []
    assert max(map(len, said)) <= DETAIL_CHARS
