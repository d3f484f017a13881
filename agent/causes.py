"""PURE. Why an output does not play, from what was wrong with its machine when it began. docs/causes.md has the table.

A probe sees *that* nothing plays, seldom why. So when the first bad reading comes, the machine is looked at
(`agent.lookout`), and the first line of `RULES` whose symptom was there, and whose states hold the output's, names the
cause. What no line explains has no cause of its own: it is the player's software (SPEC part 1).

Three rules keep this honest:

- A cause that a probe names itself stands.
- A cause is what was true when it began: symptoms count from a minute before the first bad reading up to the reading
  by which the run is believed (or up to the first look after the first bad reading, where that ends later). A hog that
  comes up an hour later explains nothing, and a cause once found is kept as long as the output stays in that state.
- Only what changed is a symptom where the state may be normal: a kiosk's root is read-only by design, an old card has
  old errors. `agent.symptoms` says what each of them takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from agent.probes.base import DETAIL_CHARS, Reading, tidy
from wire.runs import Instant
from wire.states import Cause, PlayerState, State

SymptomName = Literal[
    "display_disconnected",
    "under_voltage",
    "over_temperature",
    "storage_error",
    "root_read_only",
    "throttled",
    "disk_full",
    "memory_hog",
    "cpu_hog",
    "link_down",
]


class Rule(NamedTuple):
    """One line of the table: that symptom explains these states."""

    symptom: SymptomName
    cause: Cause
    states: frozenset[PlayerState]
    why: str


_TROUBLE: Final[frozenset[PlayerState]] = frozenset({"stopped", "frozen", "black", "error"})
_SLOW: Final[frozenset[PlayerState]] = frozenset({"frozen", "black", "error"})

RULES: Final[tuple[Rule, ...]] = (
    Rule("display_disconnected", "display", _TROUBLE | {"off"}, "a connector lost its display since the agent started"),
    Rule("under_voltage", "hardware", _TROUBLE, "the board says that its supply was too weak"),
    Rule("over_temperature", "hardware", _TROUBLE, "a sensor stands at its critical trip point"),
    Rule("storage_error", "hardware", _TROUBLE, "a file system counted new errors since the agent started"),
    Rule("root_read_only", "hardware", _TROUBLE, "the root file system turned read-only since the agent started"),
    Rule("throttled", "hardware", _SLOW, "the board slows its clock down to protect itself"),
    Rule("disk_full", "third_party_software", _TROUBLE, "no room is left on the disk"),
    Rule("memory_hog", "third_party_software", _TROUBLE, "memory ran out and another program holds most of it"),
    Rule("cpu_hog", "third_party_software", _SLOW, "no processor is idle and another program takes most of it"),
    Rule("link_down", "connectivity", _SLOW | {"idle"}, "what is shown comes over the link, and nothing is reached"),
)
"""The first line that fits decides: first what strikes the whole machine, last what only makes it slow or alone."""

BEFORE_MS: Final = 60_000  # how long before the first bad reading a symptom may have been seen
LATEST_MS: Final = 30_000  # after which the look that was asked for is no longer waited for
_EXPLAINED: Final[frozenset[PlayerState]] = frozenset(state for rule in RULES for state in rule.states)
_LOOKS: Final = 64


class Symptom(NamedTuple):
    """Something wrong with the machine, and the words and figures that show it."""

    name: SymptomName
    evidence: str


class Look(NamedTuple):
    """What was wrong with the machine at one moment (mono ms, when the look began)."""

    at_ms: int
    symptoms: tuple[Symptom, ...]


class Verdict(NamedTuple):
    """A cause and what speaks for it."""

    cause: Cause
    evidence: str


def needs_a_reason(reading: Reading) -> bool:
    """Whether the table has anything to say about such a reading."""
    return reading.cause is None and reading.state in _EXPLAINED


def explain(state: State, symptoms: Iterable[Symptom], *, needs_link: bool) -> Verdict | None:
    """The first line of the table that fits; None: nothing here explains it.

    `needs_link`: whether what the output shows comes over the link. A file on the disk plays without one.
    """
    seen: dict[str, str] = {}
    for symptom in symptoms:
        seen.setdefault(symptom.name, symptom.evidence)
    for rule in RULES:
        if rule.symptom in seen and state in rule.states and (needs_link or rule.symptom != "link_down"):
            return Verdict(rule.cause, f"{rule.symptom}: {seen[rule.symptom]}")
    return None


def told(detail: str | None, evidence: str) -> str | None:
    """A reading's detail with the evidence behind it; where both do not fit, the detail is cut, not the evidence."""
    said = tidy(evidence) or ""
    room = DETAIL_CHARS - len(said) - 3
    if not detail or room <= 1:
        return said
    cut = detail if len(detail) <= room else detail[: room - 1] + "…"
    return tidy(f"{cut} [{said}]")


class Looks:
    """The looks of the last minutes, oldest first."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=_LOOKS)

    def add(self, look: Look) -> None:
        """Take in the newest."""
        self._looks.append(look)

    def since(self, start_ms: int) -> list[Look]:
        """Those that began then or later."""
        return [look for look in self._looks if look.at_ms >= start_ms]


class Inquest:
    """Why one output is in the state that it is in: asked anew whenever that changes."""

    def __init__(self, looks: Looks, *, needs_link: bool = False) -> None:
        self._looks = looks
        self._needs_link = needs_link
        self._state: State | None = None
        self._since_ms = 0
        self._verdict: Verdict | None = None
        self._closed = True

    def begins_with(self, reading: Reading) -> bool:
        """Whether this reading is the first of its state, and the machine should be looked at."""
        return needs_a_reason(reading) and reading.state != self._state

    def judge(self, reading: Reading, at: Instant, *, believed: bool) -> Reading:
        """The reading, with the cause that was found and its evidence.

        `believed`: whether the output's open run is already of that state.
        """
        if reading.state != self._state or not needs_a_reason(reading):
            self._begin(reading, at)
        if not self._closed:
            self._look_into(reading.state, at, believed=believed)
        return self._with_verdict(reading)

    def _look_into(self, state: State, at: Instant, *, believed: bool) -> None:
        looks = self._looks.since(self._since_ms - BEFORE_MS)
        overdue = at.mono_ms - self._since_ms > LATEST_MS
        if not overdue and not any(look.at_ms >= self._since_ms for look in looks):
            return  # a cause that is named too early would have to be taken back
        # The newest first: its words are those of the moment itself.
        symptoms = (symptom for look in reversed(looks) for symptom in look.symptoms)
        self._verdict = explain(state, symptoms, needs_link=self._needs_link)
        self._closed = believed or overdue or self._verdict is not None

    def _begin(self, reading: Reading, at: Instant) -> None:
        self._state = reading.state if needs_a_reason(reading) else None
        self._since_ms, self._verdict = at.mono_ms, None
        self._closed = self._state is None

    def _with_verdict(self, reading: Reading) -> Reading:
        if self._verdict is None or reading.cause is not None:
            return reading
        return Reading(reading.state, self._verdict.cause, told(reading.detail, self._verdict.evidence))
