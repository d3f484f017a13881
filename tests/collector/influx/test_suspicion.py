from __future__ import annotations

from collector.influx.suspicion import FAILURES, Suspicion


def search(poison: set[int], lines: int, *, server: bool = True) -> tuple[list[int], list[int]]:
    """Let a suspicion work through lines of which some always fail: what landed, and what was condemned."""
    suspicion, left = Suspicion(patience_ms=1_000), list(range(lines))
    landed: list[int] = []
    condemned: list[int] = []
    for now_ms in range(0, 3_000_000, 500):
        if not left:
            break
        if suspicion.is_due(now_ms):
            if not server:
                continue
            if suspicion.control_landed(len(left)):
                condemned.append(left.pop(0))
                continue
        tried = left[: suspicion.size(1_000) or len(left)]
        if server and not poison.intersection(tried):
            landed += tried
            left = left[len(tried) :]
            suspicion.landed()
        else:
            suspicion.failed(now_ms)
    return landed, condemned


def test_lines_that_fail_while_others_land_are_found_and_condemned_and_nothing_else_is() -> None:
    for poison in ({0}, {999}, {500}, {0, 1, 2}, {17, 18, 400, 999}):
        landed, condemned = search(poison, 1_000)
        assert condemned == sorted(poison)
        assert landed == [number for number in range(1_000) if number not in poison]


def test_while_nothing_lands_at_all_nothing_is_condemned() -> None:
    assert search({5}, 10, server=False) == ([], [])


def test_patience_needs_both_time_and_failures() -> None:
    suspicion = Suspicion(patience_ms=1_000)
    for _ in range(FAILURES + 3):
        suspicion.failed(0)
    assert not suspicion.is_due(999)
    assert suspicion.is_due(1_000)
    few = Suspicion(patience_ms=1_000)
    few.failed(0)
    assert not few.is_due(1_000_000)


def test_a_landing_ends_the_count() -> None:
    suspicion = Suspicion(patience_ms=0)
    for _ in range(FAILURES - 1):
        suspicion.failed(0)
    suspicion.landed()
    suspicion.failed(0)
    assert not suspicion.is_due(10)
