"""How long work tells how far it has come: nothing at first, then not too often."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from collector.report.judge import make_report
from collector.report.progress import Progress, counted, quietly
from tests.collector.report.samples import dossier, platform, player


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ticking(*instants_s: float) -> Callable[[], float]:
    """A clock that is read so often, and no more."""
    return iter(instants_s).__next__


def test_short_work_tells_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        with Progress(stream, ticking(0, 1, 1.9)) as tell:
            tell("judging", 1, 3)
            tell("judging", 2, 3)
        assert stream.getvalue() == ""


def test_on_a_terminal_one_line_is_written_over_and_wiped() -> None:
    stream = Terminal()
    with Progress(stream, ticking(0, 2, 2.1, 2.3)) as tell:
        for done in (1, 2, 3000):
            tell("judging", done, 3000)
    assert stream.getvalue() == "\r\x1b[Kjudging: 1 of 3,000\r\x1b[Kjudging: 3,000 of 3,000\r\x1b[K"


def test_elsewhere_there_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with Progress(stream, ticking(0, 2, 3, 11.9, 12)) as tell:
        for done in (20_000, 40_000, 60_000, 80_000):
            tell("reading", done)
    assert stream.getvalue() == "reading: 20,000\nreading: 80,000\n"


def test_rows_that_are_counted_stay_as_they_are() -> None:
    told: list[int] = []

    def tell(_what: str, done: int, _whole: int | None = None) -> None:
        told.append(done)

    assert list(counted(range(50_000), tell, "reading")) == list(range(50_000))
    assert told == [20_000, 40_000]
    assert list(counted("abc", quietly, "reading")) == ["a", "b", "c"]


@pytest.mark.parametrize("players", [0, 2])
def test_judging_tells_each_subject(players: int) -> None:
    told: list[tuple[int, int]] = []
    members = [player(f"p{number}") for number in range(players)]
    make_report(dossier(*members, platform("portal")), lambda *pair: told.append(pair))
    assert told == [(number, players + 1) for number in range(players + 1)]
