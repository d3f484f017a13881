from simulator.evidence import Evidence
from wire.messages import Run
from wire.runs import Instant

BOOT, NEXT_BOOT = "a" * 32, "b" * 32
WALL = 1_772_323_200_000


def at(mono_ms: int) -> Instant:
    return Instant(mono_ms, WALL + mono_ms)


def made(*outputs: str) -> Evidence:
    return Evidence("5" * 32, outputs or ("main",), max_gap_ms=60_000, boot=BOOT)


def closed(evidence: Evidence) -> list[Run]:
    return [waiting.run for waiting in evidence.sendable()]


def test_an_open_run_keeps_its_seq_when_it_closes() -> None:
    evidence = made()
    assert not evidence.observe("main", "playing", None, None, at(1000))
    [opened] = evidence.open_runs()
    assert evidence.observe("main", "frozen", None, "stood still", at(5000))
    assert closed(evidence) == [
        Run(
            seq=opened.seq,
            output="main",
            state="playing",
            boot=BOOT,
            start_ms=WALL + 1000,
            start_mono_ms=1000,
            end_ms=WALL + 5000,
            end_mono_ms=5000,
        )
    ]
    [now] = evidence.open_runs()
    assert (now.seq, now.state, now.detail, now.start_mono_ms) == (opened.seq + 1, "frozen", "stood still", 5000)


def test_each_output_has_runs_of_its_own_in_one_spool() -> None:
    evidence = made("left", "right")
    evidence.observe("left", "playing", None, None, at(0))
    evidence.observe("right", "playing", None, None, at(0))
    evidence.observe("right", "black", None, None, at(1000))
    evidence.observe("left", "black", None, None, at(2000))
    assert [(run.seq, run.output) for run in closed(evidence)] == [(2, "right"), (1, "left")]
    assert [(run.seq, run.output) for run in evidence.open_runs()] == [(4, "left"), (3, "right")]


def test_a_closed_run_stays_until_an_ack_covers_it() -> None:
    evidence = made()
    for number in range(5):
        evidence.observe("main", "playing" if number % 2 else "black", None, None, at(number * 1000))
    assert [run.seq for run in closed(evidence)] == [1, 2, 3, 4]
    assert evidence.acknowledge([(2, 3), (7, 9)]) == 2
    assert [run.seq for run in closed(evidence)] == [1, 4]
    assert evidence.acknowledge([(2, 3)]) == 0


def test_a_silence_longer_than_the_gap_is_nobodys_evidence() -> None:
    evidence = made()
    evidence.observe("main", "playing", None, None, at(0))
    evidence.observe("main", "playing", None, None, at(10_000))
    evidence.observe("main", "playing", None, None, at(90_000))
    assert [(run.seq, run.end_mono_ms) for run in closed(evidence)] == [(1, 10_000)]
    assert [(run.seq, run.start_mono_ms) for run in evidence.open_runs()] == [(2, 90_000)]


def test_a_run_seen_only_once_before_a_silence_is_closed_where_it_began() -> None:
    evidence = made()
    evidence.observe("main", "playing", None, None, at(0))
    evidence.observe("main", "playing", None, None, at(90_000))
    assert [(run.seq, run.start_mono_ms, run.end_mono_ms) for run in closed(evidence)] == [(1, 0, 0)]
    assert [(run.seq, run.start_mono_ms) for run in evidence.open_runs()] == [(2, 90_000)]


def test_an_agent_that_died_closes_its_run_at_its_last_sign_of_life() -> None:
    evidence = made()
    evidence.observe("main", "playing", None, None, at(0))
    evidence.observe("main", "playing", None, None, at(4000))
    evidence.cut_off()
    assert [(run.state, run.end_mono_ms) for run in closed(evidence)] == [("playing", 4000)]
    assert evidence.open_runs() == []
    evidence.observe("main", "playing", None, None, at(20_000))
    assert [(run.seq, run.start_mono_ms) for run in evidence.open_runs()] == [(2, 20_000)]


def test_a_new_boot_says_that_the_machine_was_off_since_its_last_sign_of_life() -> None:
    evidence = made()
    evidence.observe("main", "playing", None, None, at(0))
    evidence.observe("main", "playing", None, None, at(4000))
    evidence.rebooted(NEXT_BOOT, 77, "power")
    playing, off = closed(evidence)
    assert (playing.state, playing.boot, playing.end_boot, playing.end_mono_ms) == ("playing", BOOT, None, 4000)
    assert (off.state, off.cause, off.boot, off.end_boot) == ("off", "power", BOOT, NEXT_BOOT)
    assert (off.start_mono_ms, off.start_ms, off.end_mono_ms, off.end_ms) == (4000, WALL + 4000, 0, 77)
    evidence.observe("main", "playing", None, None, Instant(0, 77))
    evidence.observe("main", "black", None, None, Instant(10, 87))
    assert closed(evidence)[-1].boot == NEXT_BOOT


def test_of_changes_within_a_millisecond_only_the_last_has_a_length() -> None:
    evidence = made()
    for state in ("playing", "black", "frozen"):
        evidence.observe("main", state, None, None, at(0))  # type: ignore[arg-type]
    evidence.observe("main", "playing", None, None, at(10))
    with_length = [run for run in closed(evidence) if run.end_mono_ms != run.start_mono_ms]
    assert [(run.seq, run.state, run.start_mono_ms, run.end_mono_ms) for run in with_length] == [(3, "frozen", 0, 10)]
    assert [(run.seq, run.state) for run in evidence.open_runs()] == [(4, "playing")]
