"""PURE. A revision as the report that it is shown as; what does not come out as it was frozen is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec

from collector.report.as_json import edition_json
from collector.report.model import Edition, Report
from collector.revisions.papers import from_papers
from collector.revisions.recompute import recompute
from collector.revisions.seal import Frozen, result_bytes
from collector.revisions.wording import tell, trigger_text
from collector.sla.service import Phrase
from common.config import ConfigError, Finding
from signwatch import __version__


def edition_of(frozen: Frozen, latest: int, first_at_ms: int, waiting: Phrase | None = None) -> Edition:
    """What a report says of its revision. `waiting`: what the next one already waits for, where somebody looked."""
    manifest = frozen.manifest
    return Edition(
        number=manifest.number,
        latest=latest,
        at_ms=manifest.at_ms,
        first_at_ms=first_at_ms,
        seal=frozen.seal,
        why=Phrase(trigger_text(manifest, "en"), trigger_text(manifest, "es")),
        changes=tell(manifest),
        waiting=waiting,
    )


def report_of(frozen: Frozen, latest: int, first_at_ms: int, waiting: Phrase | None = None) -> Report:
    """The report as it was; ConfigError where this signwatch would tell another result than was frozen."""
    judged = recompute(from_papers(frozen.papers))
    if result_bytes(judged.result) != frozen.result:
        made, number = frozen.manifest.versions.get("signwatch", "?"), frozen.manifest.number
        message = f"revision {number} was made by signwatch {made}; {__version__} here comes to another result"
        remedy = "use --format json, which prints what was frozen, or the version that made it; `sla verify` tells more"
        raise ConfigError(Finding("revision.differs", "--revision", "", message, remedy))
    return replace(judged.report, edition=edition_of(frozen, latest, first_at_ms, waiting))


def frozen_json(frozen: Frozen, latest: int, first_at_ms: int, waiting: Phrase | None = None) -> str:
    """The result as it was frozen, to the last digit, with the revision beside it."""
    result = msgspec.json.decode(frozen.result, type=dict[str, Any])
    edition = edition_json(edition_of(frozen, latest, first_at_ms, waiting))
    return json.dumps({"revision": edition, **result}, ensure_ascii=False, indent=1) + "\n"
