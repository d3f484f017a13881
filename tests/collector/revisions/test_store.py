"""A closed month in the ledger cannot be edited unseen, and is erased with its tenant."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from collector.erasure.model import EraseRequest
from collector.ledger import erasure
from collector.ledger.audit import verify
from collector.ledger.revision_store import OvertakenError, list_revisions, store
from collector.ledger.schema import revisions
from collector.revisions.seal import pack
from tests.collector.revisions.shop import CONTRACT, MONTH, SETTLED, TENANT, Shop

KEY = f"sla.revision {TENANT}/{CONTRACT}/{MONTH}/revision-1"


def problems(shop: Shop) -> list[str]:
    return shop.ledger.read_now(verify).problems


@pytest.mark.parametrize(
    ("column", "value"), [("manifest", b"{}"), ("seal", "0" * 64), ("at_ms", 0), ("papers", b"no zlib")]
)
def test_an_edited_row_is_told(shop: Shop, column: str, value: object) -> None:
    shop.close()
    assert problems(shop) == []
    shop.ledger.write_now(lambda found: found.execute(update(revisions).values({column: value})))
    (problem,) = problems(shop)
    assert problem.startswith(f"{KEY} is not what entry ")


@pytest.mark.parametrize("field", ["papers", "result"])
def test_content_that_was_packed_anew_is_told(shop: Shop, field: str) -> None:
    shop.close()
    frozen = shop.revision()
    edited = frozen._replace(papers={**frozen.papers, "rulings.json": b"[ ]\n"}, result=frozen.result + b"\n")
    blob = getattr(pack(edited), field)
    shop.ledger.write_now(lambda found: found.execute(update(revisions).values({field: blob})))
    assert problems(shop)[0].startswith(f"{KEY} is not what entry ")


def test_a_removed_revision_is_missed(shop: Shop) -> None:
    shop.close()
    shop.ledger.write_now(lambda found: found.execute(delete(revisions)))
    assert problems(shop)[0].startswith(f"{KEY} is missing from its table, though entry ")


def test_a_number_that_is_taken_is_not_stored_again(shop: Shop) -> None:
    shop.close()
    frozen = shop.revision()
    with pytest.raises(OvertakenError):
        shop.ledger.write_now(lambda found: store(found, pack(frozen)))


def test_closed_months_are_erased_with_their_tenant(shop: Shop) -> None:
    shop.close()
    request = EraseRequest(tenant=TENANT, who="ana", why="the contract ended")
    shop.ledger.write_now(lambda found: erasure.erase(found, request, [], SETTLED))
    assert shop.ledger.read_now(list_revisions) == []
    assert problems(shop) == []
