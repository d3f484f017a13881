"""The live state of the fleet, in memory. O(1) work a message; rebuilt from the ledger at start.

A `Track` holds one output's runs of the current month and knows the newest. What a player *is* now follows from its
newest run and from its device's link: a device that is silent for three intervals, or whose last will came, is
`unknown` from where its evidence ends, and stays so until evidence arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from collector.evidence import RunRow, join
from collector.registry.model import Registry, Subject
from collector.views import HostFigures, Link, Newcomer
from wire.messages import Heartbeat
from wire.topics import Address

if TYPE_CHECKING:
    from collector.ledger.evidence_store import DeviceRow, Outcome

SILENT_AFTER_INTERVALS: Final = 3
OWN_DEVICE: Final = "_collector"  # no device can have this name: it is not one of the wire's


@dataclass(slots=True)
class Track:
    """One output's runs, newest last; `runs_sorted` is in painting order."""

    runs: dict[tuple[str, int], RunRow] = field(default_factory=dict)
    newest: RunRow | None = None
    _sorted: list[RunRow] | None = None

    @property
    def evidence_ms(self) -> int | None:
        """True time up to which evidence reaches."""
        return self.newest.end_ms if self.newest else None

    def add(self, row: RunRow) -> bool:
        """Join one statement in; whether the newest run now looks different."""
        known = self.runs.get(row.name)
        if known is not None and (row.closed, row.end_mono_ms) != (known.closed, known.end_mono_ms):
            row = join(known, row)  # else it is the same statement, perhaps at another true time
        if row == known:
            return False
        self.runs[row.name] = row
        self._sort_in(known, row)
        before = self.newest
        if before is not None and before.name == row.name and _order(row) < _order(before):
            self.newest = max(self.runs.values(), key=_order)  # its boot's clock became better known
        elif before is None or _order(row) >= _order(before):
            self.newest = row
        return before is None or self.newest is None or _looks(before) != _looks(self.newest)

    def _sort_in(self, known: RunRow | None, row: RunRow) -> None:
        if self._sorted and known is self._sorted[-1] and known.start_ms == row.start_ms:
            self._sorted[-1] = row  # the usual case: the open run was extended
        else:
            self._sorted = None

    def runs_sorted(self) -> list[RunRow]:
        """Every run in painting order."""
        if self._sorted is None:
            self._sorted = sorted(self.runs.values(), key=_order)
        return self._sorted

    def prune(self, before_ms: int) -> None:
        """Forget runs that ended before an instant, but for the newest."""
        kept = {name: row for name, row in self.runs.items() if row.end_ms > before_ms or row is self.newest}
        if len(kept) < len(self.runs):
            self.runs, self._sorted = kept, None


@dataclass(slots=True)
class DeviceState:
    """A device's link and what it last said of itself."""

    row: DeviceRow
    host: HostFigures = field(default_factory=dict)
    last_heard_ms: int = 0
    link: Link = "online"

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
        self._outputs: dict[Address, set[str]] = {}  # registered ones
        self._devices: dict[Address, DeviceState] = {}
        self._tracks: dict[tuple[Address, str], Track] = {}

    def take_registry(self, registry: Registry) -> None:
        """Go on with another snapshot of the registry."""
        self.registry = registry
        self._outputs = {}
        for subject in registry.subjects.values():
            address, output = place_of(subject)
            self._outputs.setdefault(address, set()).add(output)

    def load(self, devices: Iterable[DeviceRow], rows: Iterable[tuple[Address, RunRow]]) -> None:
        """Start from what the ledger knows."""
        for device in devices:
            self._devices[device.address] = DeviceState(device, last_heard_ms=device.last_received_ms)
        for address, row in rows:
            self._track(address, row.output).add(row)

    def heard(self, address: Address, heartbeat: Heartbeat, received_ms: int) -> None:
        """Note a heartbeat's host figures at once, before the ledger has it."""
        device = self._devices.get(address)
        if device is not None:
            device.last_heard_ms = max(device.last_heard_ms, received_ms)
            if heartbeat.host:
                device.host = heartbeat.host

    def changed(self, outcome: Outcome, now_ms: int) -> set[tuple[Address, str]]:
        """Take in a committed batch; which outputs now look different."""
        different: set[tuple[Address, str]] = set()
        for address, row in outcome.rows:
            if self._track(address, row.output).add(row):
                different.add((address, row.output))
        for address, device in outcome.devices.items():
            state = self._devices.setdefault(address, DeviceState(device))
            state.row = device
            state.last_heard_ms = max(state.last_heard_ms, device.last_received_ms)
            if self._relink(state, now_ms):
                different.update(self._outputs_of(address))
        return different

    def tick(self, now_ms: int) -> set[tuple[Address, str]]:
        """Let silence be noticed; which outputs now look different."""
        different: set[tuple[Address, str]] = set()
        for address, device in self._devices.items():
            if self._relink(device, now_ms):
                different.update(self._outputs_of(address))
        return different

    def prune(self, before_ms: int) -> None:
        """Forget runs that ended before an instant; the ledger keeps them."""
        for track in self._tracks.values():
            track.prune(before_ms)

    def track(self, subject: Subject) -> Track:
        """The runs of a registered subject; empty where it never reported."""
        return self._tracks.get(place_of(subject), _EMPTY)

    def device(self, address: Address) -> DeviceState | None:
        """A device's state, None where it never reported."""
        return self._devices.get(address)

    def link(self, address: Address) -> Link:
        """A device's link."""
        device = self._devices.get(address)
        return device.link if device else "never"

    def newcomers(self) -> Iterator[Newcomer]:
        """Devices that report but are not registered, each with the text that registers it."""
        outputs: dict[Address, set[str]] = {}
        for address, output in self._tracks:
            outputs.setdefault(address, set()).add(output)
        for address, state in sorted(self._devices.items()):
            if str(address) in self.registry.devices or address.device == OWN_DEVICE:
                continue
            found = outputs.get(address, set()) | _greeted_outputs(state.row)
            names = tuple(sorted(found))
            text = registry_toml(address, names)
            yield Newcomer(*address, names, state.row.first_seen_ms, state.last_heard_ms, text)

    def _relink(self, device: DeviceState, now_ms: int) -> bool:
        link = device.link_at(now_ms)
        changed = link != device.link
        device.link = link
        return changed

    def _outputs_of(self, address: Address) -> set[tuple[Address, str]]:
        return {(address, output) for output in self._outputs.get(address, ())}

    def _track(self, address: Address, output: str) -> Track:
        key = (address, output)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = Track()
        return track


_EMPTY: Final = Track()


def place_of(subject: Subject) -> tuple[Address, str]:
    """Which device's output a subject's evidence comes from; a platform's from the collector's own check."""
    return Address(subject.tenant, subject.device or OWN_DEVICE), subject.id


def registry_toml(address: Address, outputs: tuple[str, ...]) -> str:
    """A ready text for `signwatch registry apply`."""
    lines = ["[[devices]]", f'tenant = "{address.tenant}"', f'id = "{address.device}"']
    for output in outputs or ("main",):
        lines += ["", "  [[devices.outputs]]", f'  id = "{output}"', '  # contract = "…"   # which contract judges it']
    return "\n".join(lines) + "\n"


def _greeted_outputs(row: DeviceRow) -> set[str]:
    outputs = (row.hello or {}).get("outputs")
    if not isinstance(outputs, list):
        return set()
    return {str(output["id"]) for output in outputs if isinstance(output, dict) and "id" in output}


def _order(row: RunRow) -> tuple[int, str, int]:
    return row.start_ms, row.spool, row.seq


def _looks(row: RunRow) -> tuple[object, ...]:
    return row.state, row.cause, row.detail, row.start_ms, row.closed
