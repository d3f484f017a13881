"""PURE. How a check of a platform part travels: as an output of the device that makes it, under a name of its own.

The output `check.portal` of any device says what that device thinks of the platform part `portal`. Its runs are `up`,
`down` or `unknown` (no vote: the device could reach nothing else either); no other output may say `up` or `down`.
"""

from __future__ import annotations

from typing import Final

from wire.states import PLATFORM_STATES, PLAYER_STATES

PREFIX: Final = "check."
LONGEST_PLATFORM: Final = 57  # characters of a platform part's id, so that the output's name has at most 63
_ANY: Final = PLAYER_STATES | PLATFORM_STATES


def output_of(platform: str) -> str:
    """The output under which a device reports its check of a platform part."""
    return PREFIX + platform


def certificate_ends(output: str) -> str:
    """The host figure that says when the certificate which a check met ends, in milliseconds since 1970."""
    return f"{output}.certificate_ends_ms"


def certificate_of(output: str) -> str:
    """The host figure that says whose certificate that is."""
    return f"{output}.certificate_host"


def is_check(output: str) -> bool:
    """Whether an output is a check, and nothing that plays."""
    return output.startswith(PREFIX)


def states_of_output(output: str) -> frozenset[str]:
    """The states that a device may say of an output: a check may be `off` too, where the machine was."""
    return _ANY if is_check(output) else PLAYER_STATES
