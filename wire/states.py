"""States, causes and what follows from them (SPEC part 1)."""

from __future__ import annotations

from typing import Final, Literal, get_args

PlayerState = Literal["playing", "stopped", "frozen", "black", "error", "idle", "off", "unknown"]
PlatformState = Literal["up", "down", "unknown"]
State = Literal["playing", "stopped", "frozen", "black", "error", "idle", "off", "unknown", "up", "down"]
Cause = Literal[
    "player_software",
    "hardware",
    "power",
    "display",
    "connectivity",
    "content",
    "schedule",
    "third_party_software",
    "customer",
    "platform",
    "software_error",
    "attack",
    "dns",
    "cloud_provider",
    "force_majeure",
    "unknown",
]
SubjectKind = Literal["player", "platform"]

PLAYER_STATES: Final[frozenset[str]] = frozenset(get_args(PlayerState))
PLATFORM_STATES: Final[frozenset[str]] = frozenset(get_args(PlatformState))
CAUSES: Final[frozenset[str]] = frozenset(get_args(Cause))
UP_STATES: Final[frozenset[str]] = frozenset({"playing", "up"})

# The cause of a state that names none itself. Anything else, `off` included, is `unknown`:
# a dark player is nobody's excuse until evidence or a person says whose.
DEFAULT_CAUSE: Final[dict[str, Cause]] = {
    "stopped": "player_software",
    "frozen": "player_software",
    "black": "player_software",
    "error": "player_software",
    "idle": "content",
    "down": "platform",
}


def default_cause(state: str) -> Cause:
    """The cause of a state that names none itself."""
    return DEFAULT_CAUSE.get(state, "unknown")


def states_of(kind: SubjectKind) -> frozenset[str]:
    """The states that a subject of this kind can be in."""
    return PLAYER_STATES if kind == "player" else PLATFORM_STATES
