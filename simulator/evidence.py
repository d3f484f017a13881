"""PURE. What one virtual player can prove: a run machine for each output, and a spool that `ack`s empty.

The rules are the wire's (SPEC part 4): a run's seq is given when it opens and never again; a closed run stays until an
`ack` covers its seq; a run that was cut off ends at its last sign of life, and where the machine was off until a new
boot, a run `off` says so. A virtual player knows what is on its screen, so every change is believed at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, get_args

from wire.messages import Run
from wire.outbox import Name
from wire.runs import BELIEVED_AT_ONCE, Closed, Instant, Machine, Observation, Rules, close, observe
from wire.seqs import covers
from wire.states import Cause, State


class Waiting(NamedTuple):
    """A closed run with the spool that numbered it."""

    spool: str
    run: Run


class Evidence:
    """The runs of one player since `boot`. `max_gap_ms`: a longer silence between observations is nobody's evidence."""

    def __init__(self, spool: str, outputs: Iterable[str], max_gap_ms: int, boot: str) -> None:
        self.spool = spool
        self.outputs = tuple(outputs)
        self._rules = Rules(dict.fromkeys(get_args(State), BELIEVED_AT_ONCE), max_gap_ms)
        self._machines = {output: Machine() for output in self.outputs}
        self._open_seqs: dict[str, int] = {}
        self._closed: dict[int, Run] = {}  # by seq, the oldest first
        self._next_seq = 1
        self._boot = boot

    def __len__(self) -> int:
        """Give the number of closed runs that nobody has acknowledged."""
        return len(self._closed)

    def observe(self, output: str, state: State, cause: Cause | None, detail: str | None, at: Instant) -> bool:
        """Take in what is on the screen; True where that closed a run."""
        before = self._machines[output]
        machine, closed = observe(before, Observation(state, cause, detail, at), self._rules)
        self._machines[output] = machine
        for run in closed:
            self._keep(output, run)
        if _name(machine) != _name(before):
            self._open_seqs[output] = self._seq()
        return bool(closed)

    def open_runs(self) -> list[Run]:
        """Give the open run of each output."""
        return [
            Run(
                seq=self._open_seqs[output],
                output=output,
                state=machine.open.state,
                cause=machine.open.cause,
                detail=machine.open.detail,
                start_ms=machine.open.start.wall_ms,
                start_mono_ms=machine.open.start.mono_ms,
            )
            for output, machine in self._machines.items()
            if machine.open is not None
        ]

    def sendable(self) -> Iterator[Waiting]:
        """Give the closed runs, oldest first."""
        return (Waiting(self.spool, run) for run in self._closed.values())

    def holds(self, name: Name) -> bool:
        """Whether that run still waits for its ack."""
        return name[0] == self.spool and name[1] in self._closed

    def acknowledge(self, ranges: Sequence[tuple[int, int]]) -> int:
        """Forget the runs that the ranges cover; their number."""
        covered = [seq for seq in self._closed if covers(ranges, seq)]
        for seq in covered:
            del self._closed[seq]
        return len(covered)

    def keep(self, output: str, run: Closed) -> None:
        """Take in a run that is over, of the time before this process."""
        self._keep(output, run)

    def cut_off(self) -> None:
        """The agent has died and is started again in the same boot: the open runs end at their last sign of life."""
        for output, machine in self._machines.items():
            for run in close(machine):
                self._keep(output, run)
            self._machines[output] = Machine()

    def rebooted(self, boot: str, wall_ms: int, cause: Cause | None) -> None:
        """A new boot has begun, at `wall_ms` of its own clock: the open runs end, and the machine was off since."""
        for output, machine in self._machines.items():
            for run in close(machine):
                self._keep(output, run)
            if machine.open is not None:
                self._keep_off(output, machine.open.seen, boot, wall_ms, cause)
            self._machines[output] = Machine()
        self._boot = boot

    def _keep(self, output: str, run: Closed) -> None:
        seq = self._open_seqs.pop(output, None) or self._seq()
        self._closed[seq] = Run(
            seq=seq,
            output=output,
            state=run.state,
            cause=run.cause,
            detail=run.detail,
            boot=self._boot,
            start_ms=run.start.wall_ms,
            start_mono_ms=run.start.mono_ms,
            end_ms=run.end.wall_ms,
            end_mono_ms=run.end.mono_ms,
        )

    def _keep_off(self, output: str, seen: Instant, boot: str, wall_ms: int, cause: Cause | None) -> None:
        seq = self._seq()
        self._closed[seq] = Run(
            seq=seq,
            output=output,
            state="off",
            cause=cause,
            detail="no sign of life until the next boot",
            boot=self._boot,
            end_boot=boot,
            start_ms=seen.wall_ms,
            start_mono_ms=seen.mono_ms,
            end_ms=wall_ms,
            end_mono_ms=0,
        )

    def _seq(self) -> int:
        seq = self._next_seq
        self._next_seq += 1
        return seq


def _name(machine: Machine) -> tuple[Instant, State, Cause | None] | None:
    """What makes an open run the same run as before."""
    return None if machine.open is None else (machine.open.start, machine.open.state, machine.open.cause)
