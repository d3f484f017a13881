"""A cause is what was true when it began: the table by example, and the moments at which a symptom counts."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from agent.causes import BEFORE_MS, LATEST_MS, RULES, Inquest, Look, Looks, Symptom, SymptomName, explain, told
from agent.probes.base import DETAIL_CHARS, Reading
from tests.fixtures.processes import ROOT
from wire.runs import Confirm, Instant, Machine, Observation, Rules, observe
from wire.states import PlayerState

STOPPED, FROZEN, PLAYING = Reading("stopped", None, "gone"), Reading("frozen", None, "stands"), Reading("playing")
WEAK = Symptom("under_voltage", "the supply is too weak")
HOG = Symptom("cpu_hog", "stress takes 90 % of the CPU")
LINK = Symptom("link_down", "broker: no answer")


def at(seconds: float) -> Instant:
    return Instant(round(seconds * 1000), 1_772_323_200_000 + round(seconds * 1000))


# --- the table --------------------------------------------------------------------------------------------------------


def test_each_symptom_has_one_line_and_each_line_its_symptom() -> None:
    assert sorted(rule.symptom for rule in RULES) == sorted(get_args(SymptomName))


def test_the_page_for_customers_has_the_same_table() -> None:
    order: tuple[PlayerState, ...] = get_args(PlayerState)
    ours = [
        f"| `{rule.symptom}` | `{rule.cause}` | {' '.join(s for s in _LISTED if s in rule.states)} | {rule.why} |"
        for rule in RULES
    ]
    page = (ROOT / "docs/causes.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `.*$", page, re.MULTILINE) == ours
    assert set(_LISTED) < set(order)


_LISTED = ("stopped", "frozen", "black", "error", "off", "idle")


def test_the_first_line_that_fits_decides() -> None:
    verdict = explain("frozen", [HOG, WEAK], needs_link=False)
    assert verdict is not None
    assert verdict == ("hardware", "under_voltage: the supply is too weak")


@pytest.mark.parametrize("state", ["playing", "unknown"])
def test_what_needs_no_reason_gets_none(state: PlayerState) -> None:
    every = [Symptom(rule.symptom, "so") for rule in RULES]
    assert explain(state, every, needs_link=True) is None


def test_a_busy_processor_stops_no_player() -> None:
    assert explain("stopped", [HOG], needs_link=False) is None
    assert explain("frozen", [HOG], needs_link=False) is not None


def test_a_link_that_is_down_explains_only_what_comes_over_it() -> None:
    assert explain("error", [LINK], needs_link=False) is None
    verdict = explain("error", [LINK], needs_link=True)
    assert verdict is not None
    assert verdict.cause == "connectivity"


def test_a_long_detail_is_cut_and_its_evidence_is_not() -> None:
    said = told("x" * 500, "under_voltage: the supply is too weak") or ""
    assert len(said) <= DETAIL_CHARS
    assert said.endswith("… [under_voltage: the supply is too weak]")
    assert told(None, "link_down: no answer") == "link_down: no answer"


# --- when it counts ---------------------------------------------------------------------------------------------------


class Case:
    """One output whose readings and looks come as the test says."""

    def __init__(self) -> None:
        self.looks = Looks()
        self.inquest = Inquest(self.looks)

    def look(self, second: float, *symptoms: Symptom) -> None:
        self.looks.add(Look(at(second).mono_ms, symptoms))

    def read(self, reading: Reading, second: float, *, believed: bool = False) -> str | None:
        return self.inquest.judge(reading, at(second), believed=believed).cause


def test_the_first_bad_reading_asks_for_a_look_and_the_confirming_one_knows() -> None:
    case = Case()
    assert case.inquest.begins_with(FROZEN)
    assert case.read(FROZEN, 100) is None
    case.look(100.1, WEAK)
    assert not case.inquest.begins_with(FROZEN)
    assert case.read(FROZEN, 105) == "hardware"


def test_what_was_wrong_a_minute_before_counts_and_what_was_wrong_earlier_does_not() -> None:
    for before_s, cause in ((BEFORE_MS / 1000, "hardware"), (BEFORE_MS / 1000 + 0.001, None)):
        case = Case()
        case.look(100 - before_s, WEAK)
        case.read(FROZEN, 100)
        case.look(100.1)
        assert case.read(FROZEN, 105) == cause


def test_a_hog_that_comes_up_after_the_run_is_believed_explains_nothing() -> None:
    case = Case()
    case.read(FROZEN, 100)
    case.look(100.1)
    assert case.read(FROZEN, 105, believed=True) is None
    case.look(120, HOG)
    assert case.read(FROZEN, 125, believed=True) is None


def test_a_cause_is_kept_as_long_as_the_state_lasts_and_forgotten_with_it() -> None:
    case = Case()
    case.read(FROZEN, 100)
    case.look(100.1, WEAK)
    assert [case.read(FROZEN, 100 + n * 600, believed=True) for n in range(1, 4)] == ["hardware"] * 3
    case.read(PLAYING, 3000)
    case.read(FROZEN, 3005)
    case.look(3005.1)
    assert case.read(FROZEN, 3010) is None


def test_no_cause_is_named_before_the_look_that_was_asked_for() -> None:
    case = Case()
    case.look(80, HOG)
    assert case.read(FROZEN, 100) is None
    case.look(101, WEAK)
    assert case.read(FROZEN, 105) == "hardware"


def test_a_look_that_never_comes_is_not_waited_for_for_ever() -> None:
    case = Case()
    case.look(80, HOG)
    case.read(FROZEN, 100)
    assert case.read(FROZEN, 100 + LATEST_MS / 1000, believed=True) is None
    assert case.read(FROZEN, 100.1 + LATEST_MS / 1000, believed=True) == "third_party_software"


def test_what_a_probe_says_itself_stands() -> None:
    case = Case()
    case.look(99, WEAK)
    said = Reading("frozen", "connectivity", "waits for data")
    assert not case.inquest.begins_with(said)
    case.look(100.1, WEAK)
    assert [case.inquest.judge(said, at(second), believed=True) for second in (100, 105)] == [said, said]


def test_another_state_is_asked_about_anew() -> None:
    case = Case()
    case.read(FROZEN, 100)
    case.look(100.1, HOG)
    assert case.read(FROZEN, 105) == "third_party_software"
    assert case.inquest.begins_with(STOPPED)
    assert case.read(STOPPED, 110) is None
    case.look(110.1)
    assert case.read(STOPPED, 115) is None


# --- in the run machine -----------------------------------------------------------------------------------------------


def played(*steps: tuple[float, Reading, bool], rules: Rules | None = None) -> tuple[Machine, list[object]]:
    machine, closed = Machine(), list[object]()
    for second, reading, found_out in steps:
        observation = Observation(*reading, at(second), found_out=found_out)
        machine, ended = observe(machine, observation, rules or Rules())
        closed += ended
    return machine, closed


KNOWN = Reading("frozen", "hardware", "stands [so]")


def test_a_doubt_adopts_the_cause_that_is_found_out_and_stays_one_run() -> None:
    machine, closed = played((0, PLAYING, False), (5, FROZEN, False), (10, KNOWN, True))
    assert machine.open is not None
    assert (machine.open.cause, machine.open.start, len(closed)) == ("hardware", at(5), 1)


def test_a_run_that_was_believed_at_once_adopts_it_too() -> None:
    rules = Rules({"frozen": Confirm()})
    machine, closed = played((0, PLAYING, False), (5, FROZEN, False), (10, KNOWN, True), rules=rules)
    assert machine.open is not None
    assert (machine.open.cause, machine.open.start, len(closed)) == ("hardware", at(5), 1)


def test_a_cause_that_the_probe_saw_itself_begins_a_run_of_its_own() -> None:
    steps = ((0, PLAYING, False), (5, FROZEN, False), (10, FROZEN, False), (15, KNOWN, False), (20, KNOWN, False))
    machine, closed = played(*steps)
    assert machine.open is not None
    assert (machine.open.cause, machine.open.start, len(closed)) == ("hardware", at(15), 2)


def test_a_run_with_a_cause_never_takes_another() -> None:
    other = Reading("frozen", "display", "stands [so]")
    machine, closed = played((0, PLAYING, False), (5, KNOWN, True), (10, KNOWN, True), (15, other, True))
    assert machine.open is not None
    assert (machine.open.cause, len(machine.doubts), len(closed)) == ("hardware", 1, 1)
