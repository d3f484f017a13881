"""The collector says whether its own clock is disciplined: once at the start, then at every change."""

from structlog.testing import capture_logs

from collector.clocks.discipline import Discipline
from common.clock import ManualClock


def test_only_the_first_look_and_changes_are_logged() -> None:
    clock = ManualClock(is_synced=False)
    discipline = Discipline(clock)
    told = []
    for synced in (False, False, True, True, False):
        clock.is_synced = synced
        with capture_logs() as logs:
            discipline.look()
        assert discipline.synced is synced
        told.append([(entry["event"], entry["log_level"]) for entry in logs])
    lost, found = ("clock_not_disciplined", "warning"), ("clock_disciplined", "info")
    assert told == [[lost], [], [found], [], [lost]]
