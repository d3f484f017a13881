"""The closed runs that the collector does not have yet: in memory, within bounds. `agent.spool` brings them to disk.

Waiting runs take at most `max_bytes`. When that is reached room is made, down to four fifths of it, as `agent.thinning`
says: first details go, then runs become coarser ones `unknown`. Runs older than `max_age_ms` go the same way. What was
given up is counted in `given_up`. Weeks offline fit (a run takes about 300 bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from agent.records import Kept, Turn, line
from agent.restart import Now, covered, given_up, stand_in
from agent.thinning import Item, by_output, expired, merges, wordy
from wire.outbox import Name

log = structlog.get_logger(__name__)

MAX_AGE_MS: Final = 400 * 86_400_000
_AGED_EVERY_MS: Final = 3_600_000


class Bounds(NamedTuple):
    """What waiting runs may take, and how old they may grow."""

    max_bytes: int
    max_age_ms: int = MAX_AGE_MS


class Waiting(NamedTuple):
    """A run that waits. `ticket`: what must be on disk before it is (`agent.disk`)."""

    kept: Kept
    size_bytes: int
    ticket: int

    def item(self, name: Name) -> Item:
        """As the thinning looks at it."""
        return Item(name, self.kept.run, self.size_bytes, self.kept.stated)


class Backlog:
    """The runs by name, oldest first. `issue` gives the name of a new one, `ticket` that of the disk's next write."""

    def __init__(self, bounds: Bounds, issue: Callable[[], Name], ticket: Callable[[], int]) -> None:
        self._bounds = bounds
        self._issue = issue
        self._ticket = ticket
        self._aged_ms: int | None = None  # when ages were looked at last
        self._runs: dict[Name, Waiting] = {}
        self.size_bytes = 0
        """What they take."""
        self.given_up = 0
        """Runs given up because there were too many, or they too old."""

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, name: object) -> bool:
        return name in self._runs

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._runs.values())

    def add(self, kept: Kept) -> None:
        """One more, or another word on one that is there."""
        name = (kept.spool, kept.run.seq)
        known = self._runs.get(name)
        size = len(line(Turn([kept], [])))
        self.size_bytes += size - (known.size_bytes if known else 0)
        self._runs[name] = Waiting(kept, size, self._ticket())

    def drop(self, spool: str, seqs: Sequence[tuple[int, int]]) -> int:
        """The collector has these; how many of them waited."""
        names = covered(self._runs, spool, seqs)
        for name in names:
            self.size_bytes -= self._runs.pop(name).size_bytes
        return len(names)

    def make_room(self) -> bool:
        """Where they take too much: give up details, then as little time as may be. Whether that was so."""
        if self.size_bytes <= self._bounds.max_bytes:
            return False
        target = self._bounds.max_bytes * 4 // 5
        for name in wordy(self._items(), self.size_bytes - target):
            kept = self._runs[name].kept
            self.add(msgspec.structs.replace(kept, run=msgspec.structs.replace(kept.run, detail=None)))
        if self.size_bytes > target:
            self._merge(merges(self._items(), self.size_bytes - target))
        log.error("spool_full", max_bytes=self._bounds.max_bytes, given_up_runs=self.given_up)
        return True

    def give_up_expired(self, now: Now, offsets: Mapping[str, int], *, synced: bool) -> bool:
        """Look once an hour for those that have grown too old. Whether there were any."""
        if self._aged_ms is not None and now.mono_ms - self._aged_ms < _AGED_EVERY_MS:
            return False
        self._aged_ms = now.mono_ms
        old = expired(self._items(), offsets, now, self._bounds.max_age_ms, synced=synced)
        groups = [group for group in by_output(old) if given_up([item.run for item in group])]
        if not groups:
            return False
        self._merge(groups)
        log.error("evidence_too_old", max_age_ms=self._bounds.max_age_ms, given_up_runs=self.given_up)
        return True

    def _items(self) -> list[Item]:
        return [waiting.item(name) for name, waiting in self._runs.items()]

    def _merge(self, groups: Iterable[Sequence[Item]]) -> None:
        """Let one run `unknown` stand where the first of each group stood."""
        first, gone = {group[0].name: group for group in groups}, set[Name]()
        before, self._runs = self._runs, {}
        for name, waiting in before.items():
            if name in first:
                runs = [item.run for item in first[name]]
                gone |= {item.name for item in first[name]}
                self.given_up += given_up(runs)
                spool, seq = self._issue()
                self.add(Kept(spool, stand_in(runs, seq)))
            if name in gone:
                self.size_bytes -= waiting.size_bytes
            else:
                self._runs[name] = waiting
