"""Two machines with one name, two runs with one name: what is a proof, and what is only late."""

import pytest

from collector.evidence import RunRow
from collector.intake.conflicts import OVERLAP_MS, Life, Voice, contradicts, two_machines

ROW = RunRow(1, "s", 7, "main", "frozen", None, None, True, "a", "a", 1000, 5000, 100, 500, 100, 500, "synced")
BACK, OTHER = Voice("a", "", 1000), Voice("b", "", 50)


def test_a_boot_that_speaks_on_after_another_has_begun_is_a_second_machine() -> None:
    lives = Life(0, 10**6 + OVERLAP_MS + 1000), Life(10**6, 10**7)
    assert two_machines(BACK, BACK._replace(mono_ms=2000), OTHER, lives) == (
        "boots a and b both lived for 61 s: two machines have this name"
    )


def test_a_late_message_of_the_boot_before_is_none() -> None:
    assert two_machines(BACK, BACK._replace(mono_ms=2000), OTHER, (Life(0, 10**6 - 1), Life(10**6, 10**7))) is None
    assert two_machines(BACK, BACK, OTHER, (Life(0, 10**9), Life(10**6, 10**9))) is None  # said again, word for word


def test_clocks_that_disagree_a_little_prove_nothing() -> None:
    assert (
        two_machines(BACK, BACK._replace(mono_ms=2000), OTHER, (Life(0, 10**6 + OVERLAP_MS), Life(10**6, 10**9)))
        is None
    )


def test_two_agents_in_one_boot_are_told_apart_by_their_spools() -> None:
    back, other = Voice("a", "s1", 1000), Voice("a", "s2", 1500)
    proof = two_machines(back, Voice("a", "s1", 2000), other, (Life(0, 0), Life(0, 0)))
    assert proof == "two agents in boot a: spool s1 speaks again after s2"
    assert two_machines(back, Voice("a", "s1", 1400), other, (Life(0, 0), Life(0, 0))) is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"output": "side"}, "of output 'main', and now of 'side'"),
        ({"boot": "b"}, "began in boot a, and now in b"),
        ({"state": "black"}, "closed with state 'frozen', and now with 'black'"),
        ({"end_mono_ms": 6000}, "closed with end_mono_ms 5000, and now with 6000"),
        ({"cause": "power"}, "closed with cause None, and now with 'power'"),
    ],
)
def test_two_statements_of_one_run_that_cannot_both_be_true(changes: dict[str, object], word: str) -> None:
    assert word in (contradicts(ROW, ROW._replace(**changes)) or "")  # type: ignore[arg-type]


def test_what_may_differ_is_no_contradiction() -> None:
    assert contradicts(ROW, ROW) is None
    assert contradicts(ROW, ROW._replace(detail="given up for room")) is None
    assert contradicts(ROW, ROW._replace(start_ms=7, end_ms=9, clock="received")) is None  # true time became known
    assert contradicts(ROW._replace(closed=False, end_mono_ms=4000), ROW) is None
    assert contradicts(ROW, ROW._replace(closed=False, end_mono_ms=4000, state="black")) is None
