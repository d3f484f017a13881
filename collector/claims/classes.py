"""PURE. Which failure class an incident belongs to, as far as a number tells.

An agreement defines its classes in words, and some of them by a share of the players. Evidence knows the share and
nothing of the words; so what comes out is a proposal, and more than one class where no number decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from collector.sla.service import Severity
from wire.states import SubjectKind


def find_classes(
    severities: Sequence[Severity], kind: SubjectKind, affected: int, players: int
) -> tuple[Severity, ...]:
    """The classes that an incident of so many of the players may belong to; of one kind of subject.

    The gravest class whose share is reached; where none is, those that are defined by words alone. Without a share to
    go by (a platform's incident, or classes in words only), every class.
    """
    by_share = [each for each in severities if _threshold(each) is not None]
    if kind != "player" or not by_share or players == 0:
        return tuple(severities)
    share = Fraction(affected, players)
    by_gravity = sorted(by_share, key=lambda each: (_threshold(each), each.players_over is not None), reverse=True)
    reached = next((each for each in by_gravity if _reaches(each, share)), None)
    return (reached,) if reached else tuple(each for each in severities if _threshold(each) is None)


def _threshold(severity: Severity) -> Fraction | None:
    return severity.players_from if severity.players_over is None else severity.players_over


def _reaches(severity: Severity, share: Fraction) -> bool:
    if severity.players_over is not None:
        return share > severity.players_over
    return severity.players_from is not None and share >= severity.players_from
