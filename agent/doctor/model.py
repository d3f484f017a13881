"""PURE. What the doctor found, and how it is told: as text for a person, as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from common.config import Finding

Level = Literal["ok", "note", "wrong"]
About = Literal["configuration", "user", "unit", "clock", "disk", "agent", "broker", "collector", "output", "check"]
_SIGNS: Final[dict[Level, str]] = {"ok": "  ok  ", "note": " note ", "wrong": "WRONG "}


class Found(NamedTuple):
    """One thing looked at. `id` is stable; `remedy` is there where something is to be mended or to be known."""

    level: Level
    about: About
    id: str
    message: str
    remedy: str = ""


def of_finding(finding: Finding) -> Found:
    """Say a finding about the configuration in the doctor's words."""
    where = f"{finding.file}: {finding.key}: " if finding.key else f"{finding.file}: "
    level: Level = "note" if finding.level == "warning" else "wrong"
    return Found(level, "configuration", finding.id, where + finding.message, finding.remedy)


def is_fine(found: Iterable[Found]) -> bool:
    """Whether nothing is to be mended."""
    return all(one.level != "wrong" for one in found)


def as_text(found: Sequence[Found]) -> str:
    """A line each, its remedy below it, and what it comes to at the end."""
    lines = []
    for one in found:
        lines.append(f"{_SIGNS[one.level]} {one.about}: {one.message}")
        if one.remedy:
            lines.append(f"         → {one.remedy}")
    wrong = sum(one.level == "wrong" for one in found)
    lines.append("" if not wrong else f"\n{wrong} to mend.")
    return "\n".join(lines) if wrong else "\n".join([*lines[:-1], "\nNothing to mend."])


def as_json(device: str, found: Sequence[Found]) -> str:
    """One object: `ok`, `device`, and `checks` with everything found, each with its id, level, message and remedy."""
    told = {"ok": is_fine(found), "device": device, "checks": [one._asdict() for one in found]}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
