"""What waits in a spool for the collector, for a person: before a release is taken back, or the agent taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from agent.config import Settings
from agent.disk import SLACK_BYTES
from agent.journal import Journal
from agent.restart import Recalled, recall
from common.clock import iso
from common.config import ConfigError, Finding

_FACTOR: Final = 4  # a file longer than that many spools is damage, as for the agent itself


class Waiting(NamedTuple):
    """`lines` for a person; `whole`: this release reads all of it."""

    lines: list[str]
    whole: bool


def look(settings: Settings) -> Waiting:
    """Read the spool without taking it, so that an agent may be at work there; ConfigError where it cannot be read."""
    journal = Journal(settings.path(settings.config.spool.dir))
    try:
        contents = journal.read(_FACTOR * settings.config.spool.max_bytes + SLACK_BYTES)
        asides = [*journal.asides(), *_of_others(journal.directory)]
    except OSError as error:
        message = f"{journal.path} cannot be read: {error.strerror or error}"
        finding = Finding(
            "agent.spool", str(settings.file), "spool.dir", message, "ask as root, or as the agent's user"
        )
        raise ConfigError(finding) from None
    if not contents.records and not contents.damage:
        said = [f"{journal.directory}: no evidence waits here"]
        return Waiting([*said, *map(_aside, asides)], whole=True)
    recalled = recall(contents, str(settings.address))
    said = [f"{journal.path}: {told(recalled)}"]
    said += [f"  {damage}" for damage in recalled.damage[:5]]
    return Waiting([*said, *map(_aside, asides)], whole=not recalled.damage)


def told(recalled: Recalled) -> str:
    """PURE. How many runs wait, and since when."""
    starts = [kept.run.start_ms for kept in recalled.runs.values()]
    count = f"{len(starts)} closed run{'s' * (len(starts) != 1)} that the collector has not acknowledged"
    since = f", the oldest of {iso(min(starts))}" if starts else ""
    return f"{count}{since}; {len(recalled.open)} open"


def _of_others(directory: Path) -> Iterator[Path]:
    """Spools that came on the card from another machine (`signwatch-identity`)."""
    yield from sorted(directory.parent.glob(f"{directory.name}.of-*"))


def _aside(path: Path) -> str:
    return f"{path}: set aside before"
