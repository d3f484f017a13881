"""PURE. Revisions in lists: a line for people, plain data for programs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from collector.report.words import Words
from collector.revisions.seal import Listed, Manifest
from collector.revisions.wording import discount_text, percent_said, tell, trigger_text
from collector.sla.instants import format_instant


def zone_of(manifest: Manifest) -> ZoneInfo:
    """The zone in which its times are told."""
    return ZoneInfo(manifest.timezone)


def line(manifest: Manifest, words: Words, seal: str) -> str:
    """One revision on a line."""
    figure = percent_said(words, manifest.outcome.percent)
    made = f"{words.stamp(manifest.at_ms)} {manifest.who}: {trigger_text(manifest, words.language)}"
    due = discount_text(words, manifest.outcome)
    whose = f"{manifest.tenant}/{manifest.contract}"
    return f"{manifest.month}  {manifest.number:>3}  {whose}  {figure}  {due}  {made}  {seal}"


def plain_revision(listed: Listed) -> dict[str, object]:
    """A revision as plain data: everything but the hashes of single files, and its changes in both languages."""
    manifest = listed.manifest
    outcome: dict[str, object] = msgspec.to_builtins(manifest.outcome)
    changes = [{"en": change.en, "es": change.es} for change in tell(manifest)]
    return {
        "tenant": manifest.tenant,
        "contract": manifest.contract,
        "month": manifest.month,
        "revision": manifest.number,
        "at": format_instant(manifest.at_ms),
        "at_ms": manifest.at_ms,
        "who": manifest.who,
        "why": manifest.why,
        "trigger": manifest.trigger,
        "seal": listed.seal,
        "previous_seal": manifest.previous,
        **outcome,
        "changes": changes,
        "versions": manifest.versions,
    }
