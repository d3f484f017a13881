"""Takes refused messages in once more, on the ledger's writing thread, and drops what nobody needs.

A message that is understood now (after an update, or a change of the registry) goes the road of every other: through
the join, with the time at which it was received. It leaves the quarantine in the same transaction. One that is refused
again stays, and its new reason is told. So trying twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, StatementError

from collector.intake.reading import MessageRefusedError, read_body, read_topic
from collector.ledger import journal
from collector.ledger.intake import Outcome, Received
from collector.ledger.quarantine_store import Choice, kept_messages
from collector.quarantine.orders import MOST_AT_ONCE, Drop, QuarantineAnswer, QuarantineRequest, Retried, Selection
from wire.messages import Gone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.ledger.evidence_store import EvidenceStore
    from collector.ledger.quarantine_store import Kept


class Done(NamedTuple):
    """What an order came to, and what it changed in the ledger."""

    answer: QuarantineAnswer
    outcome: Outcome


def carry_out(connection: Connection, store: EvidenceStore, request: QuarantineRequest, now_ms: int) -> Done:
    """Carry an order out in the caller's transaction. `now_ms` dates it."""
    if isinstance(request.order, Drop):
        return Done(_drop(connection, store, request.order, request.who, now_ms), Outcome())
    return _retry(connection, store, request.order.selection)


def choice_of(selection: Selection) -> Choice:
    """Give a selection in the ledger's terms."""
    return Choice(*(getattr(selection, name) for name in Choice._fields))


def _retry(connection: Connection, store: EvidenceStore, selection: Selection) -> Done:
    found = kept_messages(connection, choice_of(selection))
    results, outcome = [], Outcome()
    for message in found[:MOST_AT_ONCE]:
        result = _take(connection, store, message, outcome)
        results.append(result)
    return Done(QuarantineAnswer(retried=results, left=max(0, len(found) - MOST_AT_ONCE)), outcome)


def _take(connection: Connection, store: EvidenceStore, message: Kept, outcome: Outcome) -> Retried:
    try:
        received = _read(message)
        with connection.begin_nested():
            came = store.apply(connection, [received], [])
            store.quarantine.drop(connection, Choice(ids=(message.id,)))
    except MessageRefusedError as error:
        return Retried(message.id, taken=False, reason=error.reason, detail=error.detail)
    except (ValueError, OverflowError, StatementError) as error:
        if isinstance(error, DatabaseError) and not isinstance(error, (IntegrityError, DataError)):
            raise  # a full disk is not the message's fault
        store.load(connection)  # what it remembers was rolled back
        return Retried(message.id, taken=False, reason="unusable", detail=f"the ledger cannot hold it: {error}"[:1000])
    outcome.followed_by(came)
    return Retried(message.id, taken=True, reason="", detail="")


def _read(message: Kept) -> Received:
    if message.reason == "contradiction":
        raise MessageRefusedError("contradiction", "the first run of that name stands; a ruling can decide otherwise")
    address, kind = read_topic(message.topic)
    statement = read_body(kind, message.body, message.received_ms, retained=message.reason == "retained")
    if isinstance(statement, Gone):
        raise MessageRefusedError("invalid", "a last will speaks of its moment only: drop it")
    return Received(address, statement, message.received_ms, again=True)


def _drop(connection: Connection, store: EvidenceStore, order: Drop, who: str, now_ms: int) -> QuarantineAnswer:
    dropped: Counter[str] = store.quarantine.drop(connection, choice_of(order.selection))
    kept = {"dropped": dict(dropped), "selection": order.selection, "why": order.why}
    decision = journal.Decision("quarantine.drop", "quarantine", None, msgspec.to_builtins(kept))
    head = journal.append(connection, [decision] if dropped else [], who, now_ms)
    return QuarantineAnswer(dropped=dict(dropped), journal_head=str(head))
