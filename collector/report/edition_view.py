"""PURE. Which revision of a closed month a report shows, in words: final or revised, when, why, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.report.model import Report
from collector.report.words import Words


@dataclass(frozen=True, slots=True)
class EditionText:
    """The revision as it is told. `changes`: since the one before."""

    title: str
    sentences: Sequence[str]
    changes_title: str
    changes: Sequence[str]
    seal: str


def tell_edition(report: Report, words: Words) -> EditionText | None:
    """The revision in words; None where the report is of the ledger as it is."""
    edition = report.edition
    if edition is None:
        return None
    times = {"at": words.moment(edition.at_ms), "first": words.moment(edition.first_at_ms)}
    title, told = ("final", "final_told") if edition.number == 1 else ("revised", "revised_told")
    sentences = [words.say(told, n=edition.number, why=words.phrase(edition.why), **times)]
    if edition.latest > edition.number:
        sentences.append(words.say("replaced_told", latest=edition.latest))
    if edition.waiting is not None:
        sentences.append(words.phrase(edition.waiting))
    return EditionText(
        title=words.say(title),
        sentences=sentences,
        changes_title=words.say("revised_what", n=edition.number - 1),
        changes=[words.phrase(change) for change in edition.changes],
        seal=edition.seal,
    )
