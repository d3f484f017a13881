"""PURE. What the registry knows. Keys are `tenant/…` strings; a `Registry` is one immutable snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from wire.states import SubjectKind

ALWAYS: Final = "always"
OWN_DEVICE: Final = "_collector"  # whose checks of platforms are evidence; no device can have this name on the wire


class VoteRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose checks count besides the collector's own, and when they mean that a part is down (collector/vantage.py).

    `points`: devices of the tenant, or `*` for all of them. `quorum`: a fraction of the votes, strictly more than which
    must say down (`"1/2"`), or a number, at least so many.
    """

    points: list[str]
    quorum: str | int = "1/2"
    min_votes: int = 1
    patience_s: float = 60.0


class PortalCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is asked whether a platform part is up. Times in seconds. No `url`: the collector itself does not ask."""

    url: str = ""
    expect_status: int = 200
    expect_text: str = ""
    timeout_s: float = 10.0
    interval_s: float = 30.0
    failures: int = 2  # in a row before it is down; the down run starts at the first
    votes: VoteRule | msgspec.UnsetType = msgspec.UNSET  # unset: the collector alone tells


@dataclass(frozen=True, slots=True)
class Tenant:
    """The customer whose players are watched."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """A shop, a bar, a station."""

    tenant: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Emission hours as data (SPEC part 3); `rules` is the whole calendar table as in the file."""

    tenant: str
    id: str
    rules: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Device:
    """A machine with an agent."""

    tenant: str
    id: str
    site: str | None
    name: str
    role: Literal["player", "server"] = "player"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a contract judges. A player's `device` is where it runs; a platform has none ("")."""

    tenant: str
    device: str
    id: str
    kind: SubjectKind
    name: str
    contract: str | None
    emission: str = ALWAYS
    active_from_ms: int | None = None
    active_until_ms: int | None = None
    check: PortalCheck | None = None

    @property
    def key(self) -> str:
        """Give `tenant/device/output`, or `tenant/platform`."""
        return f"{self.tenant}/{self.device}/{self.id}" if self.device else f"{self.tenant}/{self.id}"

    @property
    def votes(self) -> VoteRule | None:
        """Who else tells of a platform part; None: the collector alone."""
        return self.check.votes or None if self.check is not None else None


@dataclass(frozen=True, slots=True)
class Registry:
    """One snapshot. Keys: tenant id; `tenant/site`; `tenant/calendar`; `tenant/device`; `Subject.key`."""

    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    subjects: Mapping[str, Subject] = field(default_factory=dict)


def player_name(subject: Subject, device: Device | None) -> str:
    """What people call a player: its device, and the output where that has a name of its own."""
    called = (device.name if device else "") or subject.device
    return called if subject.name in {"", subject.id, called} else f"{called} · {subject.name}"
