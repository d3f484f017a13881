"""The live state of the fleet, in memory. O(1) work a message; rebuilt from the ledger at start.

What a player *is* now follows from its device's link and from its open runs (collector/track.py): while the device is
`online`, neither silent for three intervals nor gone by its last will, it is what its evidence says of this moment;
else it is `unknown`.

Of devices and outputs that are not registered only the names are kept: their evidence is in the ledger, and comes into
memory when they are registered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from collector.clocks.clock_view import Statement
from collector.evidence import RunRow
from collector.kept_runs import KeptRun
from collector.ledger.intake import DeviceRow, Outcome
from collector.places import Place, judged_now, judging_runs, place_of, places_of, points_of
from collector.registry.model import OWN_DEVICE, Registry, Subject, VoteRule
from collector.registry.newcomers import Stranger, to_newcomers
from collector.steps import to_the_end
from collector.track import SILENT_AFTER_INTERVALS, Track
from collector.views import HostFigures, Link, Newcomer
from wire.messages import Heartbeat
from wire.topics import Address
from wire.votes import is_check

__all__ = ["OWN_DEVICE", "Place", "place_of"]  # others know them from here

AT_ONCE: Final = 300  # votes on a platform part that are judged within a few milliseconds
STRANGE_OUTPUTS_MAX: Final = 64  # names kept of one device, as many as a hello may have


@dataclass(slots=True)
class DeviceState:
    """A device's link and what it last said of itself. `last_heard_ms`, `host_ms`: the collector's clock.

    `stated`: what its newest heartbeat said of its clocks; None: there was none since the start.
    """

    row: DeviceRow
    host: HostFigures = field(default_factory=dict)
    host_ms: int | None = None  # when those came: most heartbeats state none
    stated: Statement | None = None
    last_heard_ms: int = 0
    link: Link = "never"

    def link_at(self, now_ms: int) -> Link:
        """The link as it stands: its last will, or three intervals of silence, end it."""
        if self.row.gone:
            return "gone"
        silent = now_ms - self.last_heard_ms > SILENT_AFTER_INTERVALS * self.row.interval_ms
        return "silent" if silent else "online"


class Fleet:
    """Everything that reports, registered or not."""

    def __init__(self) -> None:
        self.registry = Registry()
        self._outputs: dict[Address, dict[str, Track]] = {}  # of registered subjects
        self._strange: dict[Address, set[str]] = {}  # outputs that reported and are not registered
        self._devices: dict[Address, DeviceState] = {}
        self._strangers: dict[Address, Newcomer | None] = {}  # None: its text is not made yet
        self._points: dict[str, dict[str, Place]] = {}  # vantage points of each subject that is voted on
        self._voted: dict[Place, str] = {}  # on which subject a place votes
        self._judged: dict[str, tuple[int, Track]] = {}  # of each subject that is voted on, as it was judged last,
        self._votes_changed: Counter[str] = Counter()  # and how often its votes had changed then; and until now

    def take_registry(self, registry: Registry) -> set[Place]:
        """Go on with another snapshot of the registry; the places whose evidence is now missing here."""
        before, self._outputs = self._outputs, {}
        self.registry = registry
        missing: set[Place] = set()
        self._take_votes(registry)
        for address, output in (place for each in registry.subjects.values() for place in places_of(registry, each)):
            track = before.get(address, {}).get(output)
            if track is None:
                missing.add((address, output))
            known = self._outputs.setdefault(address, {})
            known[output] = Track(detailed=_votes((address, output))) if track is None else track
        for address, tracks in before.items():
            for output in tracks.keys() - self._outputs.get(address, {}).keys():
                self._note_strange(address, output)
        self._strangers.clear()
        for address in self._devices:
            self._greet(address)
        return missing

    def load(self, devices: Iterable[DeviceRow], now_ms: int) -> None:
        """Start from the devices that the ledger knows."""
        for row in devices:
            state = DeviceState(row, last_heard_ms=min(row.last_received_ms, now_ms))
            state.link = state.link_at(now_ms)
            self._devices[row.address] = state
            self._greet(row.address)

    def forget(self, tenant: str) -> None:
        """Forget every device of a tenant and its runs; one that speaks again is a newcomer."""
        self._judged.clear()
        for known in (self._devices, self._outputs, self._strange, self._strangers):
            for address in [each for each in known if each.tenant == tenant]:
                del known[address]

    def remember(self, rows: Iterable[tuple[Address, RunRow]]) -> set[Place]:
        """Take in runs as the ledger has them, of registered places; which of those now look different."""
        places: set[Place] = set()
        for address, row in rows:
            track = self._outputs.get(address, {}).get(row.output)
            if track is not None:
                track.remember(row)
                self._unjudge((address, row.output))
                places.add((address, row.output))
        return {place for place in places if self._looks_different(*place)}

    def heard(self, address: Address, heartbeat: Heartbeat, received_ms: int) -> None:
        """Note a heartbeat's host figures at once, before the ledger has it."""
        device = self._devices.get(address)
        if device is not None:
            device.last_heard_ms = received_ms
            device.stated = Statement(
                heartbeat.boot, heartbeat.sent_ms, heartbeat.mono_ms, heartbeat.synced, received_ms
            )
            if heartbeat.host:
                device.host, device.host_ms = heartbeat.host, received_ms

    def alive(self, address: Address, received_ms: int) -> None:
        """Note that a device spoke, though nothing of it is taken in: who is shed must not be called silent."""
        device = self._devices.get(address)
        if device is not None:
            device.last_heard_ms = received_ms

    def changed(self, outcome: Outcome, now_ms: int) -> set[Place]:
        """Take in a committed batch; which outputs now look different."""
        for address, row in outcome.rows:
            track = self._outputs.get(address, {}).get(row.output)
            if track is not None:
                track.add(row)
                self._unjudge((address, row.output))
            else:
                self._note_strange(address, row.output)
        different: set[Place] = set()
        for address, device in outcome.devices.items():
            state = self._devices.get(address)
            if state is None:
                state = self._devices[address] = DeviceState(device)
                self._greet(address)
            before, state.row = state.row, device
            if before.hello is not device.hello and before.outputs != device.outputs:
                self._greet(address)
            state.last_heard_ms = min(now_ms, max(state.last_heard_ms, device.last_received_ms))
            state.link = state.link_at(now_ms)
            different.update(self._different_of(address))
        return different

    def tick(self, now_ms: int) -> set[Place]:
        """Let silence be noticed; which outputs now look different."""
        different: set[Place] = set()
        for address, device in self._devices.items():
            link = device.link_at(now_ms)
            if link != device.link:
                device.link = link
                different.update(self._different_of(address))
        return different

    def clock_stepped(self, by_ms: int) -> None:
        """The collector's wall clock was set: how long ago each device was heard has not changed."""
        for device in self._devices.values():
            device.last_heard_ms += by_ms
            device.host_ms = device.host_ms and device.host_ms + by_ms

    def pruning(self, before_ms: int) -> Generator[None, None, None]:
        """Forget runs that ended before an instant, an output a step; the ledger keeps them."""
        for tracks in list(self._outputs.values()):
            for track in list(tracks.values()):
                track.prune(before_ms)
                yield
        self._votes_changed.update(self._points.keys())

    def outputs_of(self, address: Address) -> Iterable[str]:
        """The registered outputs of a device."""
        return self._outputs.get(address, {}).keys()

    def track(self, subject: Subject) -> Track:
        """The runs of a registered subject; empty where it never reported. Those of a voted one are judged anew."""
        return to_the_end(self.judging(subject))

    def judging(self, subject: Subject) -> Generator[None, None, Track]:
        """Do what `track` does in steps of a few milliseconds: thousands of vantage points take seconds."""
        if subject.votes is not None:
            judged = yield from self._judging(subject, subject.votes)
            return judged
        address, output = place_of(subject)
        return self._outputs.get(address, {}).get(output, _EMPTY)

    def glance(self, subject: Subject) -> Track:
        """The runs of a registered subject, at once: those of one with many votes as the last figure judged them."""
        if subject.votes is None:
            return self.track(subject)
        changes, known = self._judged.get(subject.key, (-1, _EMPTY))
        if changes == self._votes_changed[subject.key] or self._votes_of(subject) > AT_ONCE:
            return known
        return self.track(subject)

    def current(self, subject: Subject) -> RunRow | None:
        """The open run that says what a subject is at this moment; None: it is unknown."""
        if subject.votes is not None:
            said = self.ballots(subject)
            if not any(run is not None for run in said.values()):
                return None
            return judged_now(subject, subject.votes, said, self.glance(subject).last(2))
        return self._current(*place_of(subject))

    def points(self, subject: Subject) -> dict[str, Place]:
        """The vantage points of a platform part by name; empty where nobody votes."""
        return self._points.get(subject.key, {})

    def ballots(self, subject: Subject) -> dict[str, RunRow | None]:
        """What each vantage point says of a platform part at this moment; None: nothing."""
        return {point: self._current(*place) for point, place in self.points(subject).items()}

    def newest(self, place: Place) -> RunRow | KeptRun | None:
        """The run of an output whose evidence reaches furthest; None where there is none."""
        address, output = place
        return self._outputs.get(address, {}).get(output, _EMPTY).newest

    def device(self, address: Address) -> DeviceState | None:
        """A device's state, None where it never reported."""
        return self._devices.get(address)

    def link(self, address: Address) -> Link:
        """A device's link."""
        device = self._devices.get(address)
        return device.link if device else "never"

    def newcomers(self) -> Iterator[Newcomer]:
        """Devices and outputs that report but are not registered, each with the text that registers them."""
        untold = [address for address, known in self._strangers.items() if known is None]
        strangers = [
            Stranger(*address, self._spoken_of(address), self._devices[address].row.first_seen_ms, 0)
            for address in untold
        ]
        for newcomer in to_newcomers(strangers, self.registry) if strangers else ():
            self._strangers[Address(newcomer.tenant, newcomer.device)] = newcomer
        for address, known in sorted(self._strangers.items()):
            if known is not None:
                yield replace(known, last_seen_ms=self._devices[address].row.last_received_ms)

    def _spoken_of(self, address: Address) -> tuple[str, ...]:
        spoken = {*self._strange.get(address, ()), *self._devices[address].row.outputs}
        return tuple(sorted(output for output in spoken if not is_check(output)))

    def _greet(self, address: Address) -> None:
        """Find out whether a device is a newcomer, when it first reports and when what it says of itself changes."""
        if address.device == OWN_DEVICE:
            return
        registered = self._outputs.get(address, {})
        if str(address) in self.registry.devices and all(name in registered for name in self._spoken_of(address)):
            self._strangers.pop(address, None)
        else:
            self._strangers[address] = None  # its text is made when somebody asks

    def _note_strange(self, address: Address, output: str) -> None:
        names = self._strange.setdefault(address, set())
        if output not in names and len(names) < STRANGE_OUTPUTS_MAX:
            names.add(output)
            if address in self._devices:
                self._greet(address)

    def _take_votes(self, registry: Registry) -> None:
        voted = [subject for subject in registry.subjects.values() if subject.votes is not None]
        self._points = {subject.key: points_of(registry, subject) for subject in voted}
        self._voted = {place: key for key, points in self._points.items() for place in points.values()}
        self._judged.clear()

    def _unjudge(self, place: Place) -> None:
        if (key := self._voted.get(place)) is not None:
            self._votes_changed[key] += 1

    def _votes_of(self, subject: Subject) -> int:
        places = self._points.get(subject.key, {}).values()
        return sum(self._outputs.get(address, {}).get(output, _EMPTY).size for address, output in places)

    def _judging(self, subject: Subject, votes: VoteRule) -> Generator[None, None, Track]:
        changes = self._votes_changed[subject.key]
        known = self._judged.get(subject.key)
        if known is not None and known[0] == changes:
            return known[1]
        points = self._points.get(subject.key, {})
        said = {name: self._outputs.get(address, {}).get(output, _EMPTY) for name, (address, output) in points.items()}
        spans = [span for track in said.values() if (span := track.span_ms) is not None]
        start_ms, end_ms = min((begin for begin, _ in spans), default=0), max((end for _, end in spans), default=0)
        runs = {name: track.painted() for name, track in said.items()}
        judged = Track()
        for row in (yield from judging_runs(subject, votes, runs, start_ms, end_ms)):
            judged.add(row)
        if self._points.get(subject.key) is points:  # else another registry came meanwhile, with other rules
            self._judged[subject.key] = changes, judged
        return judged

    def _current(self, address: Address, output: str) -> RunRow | None:
        device = self._devices.get(address)
        track = self._outputs.get(address, {}).get(output)
        if track is None or device is None or device.link != "online":
            return None
        return track.current(device.row)

    def _different_of(self, address: Address) -> set[Place]:
        outputs = self._outputs.get(address, ())
        return {(address, output) for output in outputs if self._looks_different(address, output)}

    def _looks_different(self, address: Address, output: str) -> bool:
        track = self._outputs[address][output]
        current = self._current(address, output)
        looks = (self.link(address), _looks(current) if current else track.evidence_ms)
        if current and is_check(output):
            looks = (looks[0], (current.state, current.start_ms))  # a vote; its latency changes with every heartbeat
        if looks == track.shown:
            return False
        track.shown = looks
        return True


_EMPTY: Final = Track()


def _votes(place: Place) -> bool:
    """Whether what is said there may be a vote, whose reason is told."""
    address, output = place
    return address.device == OWN_DEVICE or is_check(output)


def _looks(row: RunRow) -> tuple[object, ...]:
    return row.state, row.cause, row.detail, row.start_ms
