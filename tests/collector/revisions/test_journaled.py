"""A stored revision is what the journal sealed; whatever is changed in its row is found and named."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update

from collector.ledger import audit
from collector.ledger.schema import revisions
from tests.collector.revisions.shop import CONTRACT, MONTH, SETTLED, TENANT, Shop

NAME = f"sla.revision {TENANT}/{CONTRACT}/{MONTH}/revision-1"


@pytest.fixture
def closed(shop: Shop) -> Shop:
    shop.close(SETTLED)
    assert shop.ledger.read_now(audit.verify).problems == []
    return shop


def problems_after(shop: Shop, statement: Any) -> list[str]:
    shop.ledger.write_now(lambda found: found.execute(statement))
    return shop.ledger.read_now(audit.verify).problems


@pytest.mark.parametrize("column", ["manifest", "papers", "result"])
def test_one_changed_byte_of_a_published_month_is_found(closed: Shop, column: str) -> None:
    blob = closed.ledger.read_now(lambda found: found.execute(revisions.select()).one())._mapping[column]
    for place in range(0, len(blob), max(1, len(blob) // 12)):
        changed = blob[:place] + bytes([blob[place] ^ 4]) + blob[place + 1 :]
        (problem,) = problems_after(closed, update(revisions).values({column: changed}))
        assert problem.startswith(f"{NAME} is not what entry ")


@pytest.mark.parametrize("values", [{"seal": "0" * 64}, {"at_ms": 1}, {"substance": "0" * 64}])
def test_a_changed_word_about_a_published_month_is_found(closed: Shop, values: dict[str, Any]) -> None:
    (problem,) = problems_after(closed, update(revisions).values(**values))
    assert problem.startswith(f"{NAME} is not what entry ")


def test_a_removed_and_a_renamed_month_are_found(closed: Shop) -> None:
    assert len(problems_after(closed, update(revisions).values(month="2026-02"))) == 2  # one missing, one too many
    assert problems_after(closed, delete(revisions))[0].startswith(f"{NAME} is missing from its table, though entry ")
