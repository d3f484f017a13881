"""The journal finds one changed byte, a removed entry, a cut-off tail, and content lost without a decision."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, select, update
from sqlalchemy.pool import StaticPool

from collector.ledger import chain, journal, schema
from collector.ledger.chain import ERASED, Link
from collector.ledger.journal import Decision, Head

MARCH = 1_772_323_200_000
DECISIONS = [
    Decision("registry.tenant", "acme", None, {"id": "acme", "name": "Ácme"}),
    Decision("registry.device", "acme/p1", None, {"id": "p1", "site": None}),
    Decision("registry.device", "acme/p1", {"id": "p1", "site": None}, {"id": "p1", "site": "bcn"}),
    Decision("registry.device", "acme/p10", None, {"id": "p10"}),
    Decision("registry.device", "acme/p1", {"id": "p1", "site": "bcn"}, None),
]


@pytest.fixture
def connection() -> Iterator[Connection]:
    with new_connection() as opened:
        yield opened


def new_connection() -> Connection:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    schema.metadata.create_all(engine)
    return engine.connect()


def fill(connection: Connection) -> Head:
    journal.append(connection, DECISIONS[:2], "ana", MARCH)
    return journal.append(connection, DECISIONS[2:], "Ramón", MARCH + 1)


def test_an_empty_journal_is_whole_and_has_a_head() -> None:
    with new_connection() as connection:
        assert journal.verify(connection) == []
        assert journal.head(connection) == Head(0, journal.GENESIS)
        assert journal.append(connection, [], "ana", MARCH) == Head(0, journal.GENESIS)
        assert journal.verify(connection, Head(0, journal.GENESIS)) == []


def test_entries_keep_who_when_before_and_after(connection: Connection) -> None:
    head = fill(connection)
    entries = journal.entries(connection)
    assert [(entry.kind, entry.key, entry.before, entry.after) for entry in entries] == DECISIONS
    assert [(entry.id, entry.who, entry.at_ms) for entry in entries] == [
        (1, "ana", MARCH),
        (2, "ana", MARCH),
        (3, "Ramón", MARCH + 1),
        (4, "Ramón", MARCH + 1),
        (5, "Ramón", MARCH + 1),
    ]
    assert head == journal.head(connection) == Head(5, entries[-1].hash)


def test_entries_are_found_by_key_and_by_number(connection: Connection) -> None:
    fill(connection)
    assert [entry.id for entry in journal.entries(connection, key="acme/p1")] == [2, 3, 5]
    assert [entry.id for entry in journal.entries(connection, key="acme")] == [1, 2, 3, 4, 5]
    assert [entry.id for entry in journal.entries(connection, limit=2)] == [4, 5]


def test_the_hash_of_an_entry_of_revision_0001_is_the_documented_one() -> None:
    text = '{"id":"acme","name":"Ácme"}'
    link = Link(1, MARCH, "ana", "registry.tenant", "acme", None, text, journal.GENESIS, "", 1, None, None, None)
    # printf '%s' '[1,1772323200000,"ana","registry.tenant","acme",null,
    #   "{\"id\":\"acme\",\"name\":\"Ácme\"}","000…000"]' | sha256sum
    assert chain.entry_hash(link) == "d64a7c387706c57240ffd010da1581f0eee5a891f61d4ea08653e39ab615fcea"


def test_the_hash_of_a_new_entry_is_the_documented_one(connection: Connection) -> None:
    journal.append(connection, DECISIONS[:1], "ana", MARCH)
    (link,) = journal.links(connection)
    assert link.salt is not None
    assert len(link.salt) == 32
    content = f'["{link.salt}","ana","acme",null,"{{\\"id\\":\\"acme\\",\\"name\\":\\"Ácme\\"}}"]'
    content_hash = hashlib.sha256(content.encode()).hexdigest()
    entry = f'[2,1,{MARCH},"registry.tenant","{content_hash}","{journal.GENESIS}"]'
    assert journal.head(connection).hash == hashlib.sha256(entry.encode()).hexdigest()


def test_two_entries_that_say_the_same_have_other_hashes(connection: Connection) -> None:
    journal.append(connection, [DECISIONS[0], DECISIONS[0]], "ana", MARCH)
    one, other = journal.links(connection)
    assert one.content_hash != other.content_hash


def test_a_whole_journal_has_no_problems(connection: Connection) -> None:
    noted = journal.append(connection, DECISIONS[:2], "ana", MARCH)
    head = journal.append(connection, DECISIONS[2:], "ana", MARCH)
    assert journal.verify(connection) == []
    assert journal.verify(connection, head) == []
    assert journal.verify(connection, noted) == []


TEXTS = ("who", "kind", "key", "before", "after", "previous_hash", "hash", "salt", "content_hash")


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5), st.sampled_from(TEXTS), st.data())
def test_one_changed_byte_is_found(number: int, column: str, data: st.DataObject) -> None:
    with new_connection() as connection:
        fill(connection)
        text = connection.execute(select(schema.journal.c[column]).where(schema.journal.c.id == number)).scalar_one()
        if text is None:
            return
        position = data.draw(st.integers(0, len(text) - 1))
        byte = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda char: char != text[position]))
        change(connection, number, {column: text[:position] + byte + text[position + 1 :]})
        assert journal.verify(connection) != []


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "values",
    [
        *({"at_ms": MARCH + 2}, {"id": 77}, {"before": "null"}, {"after": "null"}, {"form": 1}, {"form": 3}),
        *({"salt": None}, {"content_hash": None}, {"redacted_by": 5}, {"key": ""}),
    ],
)
def test_a_changed_number_or_a_null_that_became_text_is_found(
    connection: Connection, number: int, values: dict[str, Any]
) -> None:
    fill(connection)
    change(connection, number, values)
    assert journal.verify(connection) != []


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_removed_entry_is_found(connection: Connection, number: int) -> None:
    fill(connection)
    connection.execute(delete(schema.journal).where(schema.journal.c.id == number))
    assert journal.verify(connection) != []


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_cut_off_tail_is_found_by_the_remembered_head(connection: Connection, kept: int) -> None:
    fill(connection)
    connection.execute(delete(schema.journal).where(schema.journal.c.id > kept))
    assert journal.verify(connection) == [f"the journal ends with entry {kept}, but its head says 5: cut off"]


def test_a_tail_cut_off_together_with_its_head_is_found_by_a_noted_head(connection: Connection) -> None:
    fill(connection)
    noted = journal.head(connection)
    connection.execute(delete(schema.journal).where(schema.journal.c.id > 3))
    rewind_head(connection)
    assert journal.verify(connection) == []
    assert journal.verify(connection, noted) == [
        "entry 5 is not the one whose hash was noted: the journal was rewritten"
    ]


def test_a_journal_that_was_written_anew_is_found_by_a_noted_head(connection: Connection) -> None:
    noted = fill(connection)
    connection.execute(delete(schema.journal))
    connection.execute(delete(schema.journal_head))
    journal.append(connection, [*DECISIONS[:4], Decision("registry.device", "acme/p2", None, {})], "eve", MARCH)
    assert journal.verify(connection) == []
    assert len(journal.verify(connection, noted)) == 1


def test_a_damaged_journal_stops_no_work_and_stays_damaged(connection: Connection) -> None:
    fill(connection)
    connection.execute(delete(schema.journal).where(schema.journal.c.id > 3))
    assert journal.append(connection, DECISIONS[:1], "ana", MARCH).entries == 6
    assert "entry 4 is missing" in journal.verify(connection)[0]
    connection.execute(delete(schema.journal_head))
    assert journal.append(connection, DECISIONS[:1], "ana", MARCH).entries == 7
    assert journal.verify(connection) != []


def erase_p1(connection: Connection) -> Head:
    """Erase what is said of acme/p1, as the erasure of a tenant does: the entry first, then what it lists."""
    erased = journal.about(connection, "acme/p1", but={ERASED})
    number = journal.head(connection).entries + 1
    listed = {"redacted": [[link.id, chain.stub(link)] for link in erased]}
    head = journal.append(connection, [Decision(ERASED, "acme/p1", None, listed)], "ana", MARCH + 2)
    journal.redact(connection, erased, number)
    return head


def test_an_erased_content_leaves_the_chain_whole(connection: Connection) -> None:
    noted = fill(connection)
    head = erase_p1(connection)
    assert journal.verify(connection, noted) == journal.verify(connection, head) == []
    assert [(entry.id, entry.redacted_by) for entry in journal.entries(connection)] == [
        *((1, None), (2, 6), (3, 6), (4, None), (5, 6), (6, None)),
    ]
    redacted = journal.entries(connection)[1]
    assert (redacted.who, redacted.key, redacted.before, redacted.after) == ("", "", None, None)
    assert journal.append(connection, DECISIONS[:1], "ana", MARCH + 3).entries == 7
    assert journal.verify(connection, noted) == []


def test_an_entry_that_somebody_emptied_is_not_taken_for_an_erased_one(connection: Connection) -> None:
    fill(connection)
    erase_p1(connection)
    change(connection, 4, {"who": "", "key": "", "before": None, "after": None, "salt": None, "redacted_by": 6})
    assert journal.verify(connection) == ["entry 4 lost its content, and entry 6 does not say that it was to be erased"]


@pytest.mark.parametrize("number", [2, 3, 5, 6])
@pytest.mark.parametrize(
    "values",
    [
        *({"at_ms": 1}, {"kind": "x"}, {"hash": "0" * 64}, {"previous_hash": "0" * 64}, {"content_hash": "0" * 64}),
        *({"form": 1}, {"who": "eve"}, {"key": "acme"}, {"after": "{}"}, {"redacted_by": 5}, {"redacted_by": 7}),
    ],
)
def test_what_is_left_of_an_erased_entry_cannot_be_changed(
    connection: Connection, number: int, values: dict[str, Any]
) -> None:
    fill(connection)
    erase_p1(connection)
    change(connection, number, values)
    assert journal.verify(connection) != []


@pytest.mark.parametrize("values", [{"at_ms": 1}, {"kind": "x"}, {"hash": "0" * 64}, {"redacted_by": None}])
def test_an_erased_entry_of_revision_0001_cannot_be_changed_either(
    connection: Connection, values: dict[str, Any]
) -> None:
    link = Link(1, MARCH, "ana", "registry.device", "acme/p1", None, "{}", journal.GENESIS, "", 1, None, None, None)
    link = link._replace(hash=chain.entry_hash(link) or "")
    connection.execute(schema.journal.insert(), link._asdict())
    connection.execute(schema.journal_head.insert(), {"id": 1, "entries": 1, "hash": link.hash})
    erase_p1(connection)
    assert journal.verify(connection) == []
    change(connection, 1, values)
    assert journal.verify(connection) != []


def test_a_head_is_noted_and_read_again(connection: Connection) -> None:
    head = fill(connection)
    assert journal.parse_head(f" {head}\n") == head
    for wrong in ("", "5", "5:abc", f"x:{head.hash}", f"-1:{head.hash}"):
        with pytest.raises(ValueError, match="is no head of a journal"):
            journal.parse_head(wrong)


def change(connection: Connection, number: int, values: dict[str, Any]) -> None:
    connection.execute(update(schema.journal).where(schema.journal.c.id == number).values(**values))


def rewind_head(connection: Connection) -> None:
    last = journal.entries(connection)[-1]
    connection.execute(update(schema.journal_head).values(entries=last.id, hash=last.hash))
