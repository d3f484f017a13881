"""Whatever is published: refused or resolved by rule, counted, kept, and the ones behind it come through.

The table is the one of docs/poison.md.
"""

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.intake.reading import REASONS, device_in
from collector.intake.senders import Intake
from collector.ledger.ledger import Ledger
from tests.collector.core import BOOT, PLAYER, SPOOL, Core
from tests.fixtures.processes import ROOT
from wire.messages import MAX_BODY_BYTES, Gone, Hello, encode
from wire.topics import KINDS, Address, topic

RUNS, HEARTBEAT, HELLO, GONE = (topic(PLAYER, kind) for kind in ("runs", "heartbeat", "hello", "gone"))  # type: ignore[arg-type]
OTHER = Address("acme", "p2")
NOW, MONO = 1_772_323_200_000, 1_000_000
YEARS_MS = 10 * 365 * 86_400_000


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger to be copied: to make one takes longer than most tests here."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    Ledger.open(path).close()
    return path


@pytest.fixture
async def core(tmp_path: Path, empty: Path) -> AsyncIterator[Core]:
    shutil.copy(empty, tmp_path)
    found = Core(tmp_path)
    await found.ingest.load()
    yield found
    found.ledger.close()


def body(**changes: Any) -> bytes:
    """A sound heartbeat with some of its keys said otherwise; `...` leaves one out."""
    run = {"seq": 1, "output": "main", "state": "playing", "start_ms": NOW - 1000, "start_mono_ms": MONO - 1000}
    said = {"spool": SPOOL, "boot": BOOT, "sent_ms": NOW, "mono_ms": MONO, "synced": True, "open": [run], **changes}
    return json.dumps({key: value for key, value in said.items() if value is not ...}).encode()


def closed(**changes: Any) -> bytes:
    """A sound message of one closed run, with some of the run's keys said otherwise."""
    run = {
        "seq": 2,
        "output": "main",
        "state": "frozen",
        "boot": BOOT,
        "start_ms": NOW - 2000,
        "end_ms": NOW - 1000,
        "start_mono_ms": MONO - 2000,
        "end_mono_ms": MONO - 1000,
        **changes,
    }
    return body(open=..., runs=[{key: value for key, value in run.items() if value is not ...}])


REFUSED = [
    pytest.param("signwatch/v1/00/acme/p1/runs", closed(), "topic", id="wrong shard"),
    pytest.param(RUNS.replace("p1", "p2"), closed(), "topic", id="another device's name under the own shard"),
    pytest.param("signwatch/v2/aa/acme/p1/runs", closed(), "topic", id="another version"),
    pytest.param("signwatch/v1", b"", "topic", id="half a topic"),
    pytest.param(RUNS + "/more", closed(), "topic", id="a longer topic"),
    pytest.param("a/" * 20_000, b"", "topic", id="an endless topic"),
    pytest.param(topic(PLAYER, "ack"), b"{}", "not_from_device", id="an ack"),
    pytest.param(RUNS, b" " * (MAX_BODY_BYTES + 1), "too_large", id="oversized"),
    pytest.param(RUNS, closed()[:-20], "malformed", id="truncated"),
    pytest.param(RUNS, b"", "malformed", id="empty"),
    pytest.param(RUNS, b'{"x":' + b"[" * 60_000, "malformed", id="deeply nested arrays"),
    pytest.param(RUNS, b'{"x":' * 12_000, "malformed", id="deeply nested objects"),
    pytest.param(RUNS, b"\xff\xfe" + closed(), "malformed", id="not UTF-8"),
    pytest.param(HEARTBEAT, body(spool="\ud800"), "malformed", id="half a surrogate pair"),
    pytest.param(HEARTBEAT, body(mono_ms=float("nan")), "malformed", id="NaN"),
    pytest.param(HEARTBEAT, body(host={"x": float("inf")}), "malformed", id="Infinity"),
    pytest.param(RUNS, b"[]", "invalid", id="no object"),
    pytest.param(HEARTBEAT, body(sent_ms="now"), "invalid", id="text for a number"),
    pytest.param(HEARTBEAT, body(sent_ms=1.5), "invalid", id="a fraction for a whole number"),
    pytest.param(HEARTBEAT, body(mono_ms=10**400), "invalid", id="a number of 400 digits"),
    pytest.param(HEARTBEAT, body(mono_ms=-1), "invalid", id="negative time"),
    pytest.param(HEARTBEAT, body(open=...), "invalid", id="a missing key"),
    pytest.param(HEARTBEAT, body(host={"x": {"y": 1}}), "invalid", id="a nested figure"),
    pytest.param(HEARTBEAT, body(boot="../../etc"), "invalid", id="a boot that is no token"),
    pytest.param(RUNS, closed(seq=2**53 + 1), "invalid", id="a seq beyond every counter"),
    pytest.param(RUNS, closed(state="asleep"), "invalid", id="an unknown state"),
    pytest.param(RUNS, closed(state="up"), "invalid", id="a platform's state"),
    pytest.param(RUNS, closed(cause="aliens"), "invalid", id="an unknown cause"),
    pytest.param(RUNS, closed(end_ms=..., end_mono_ms=...), "invalid", id="a closed run without an end"),
    pytest.param(RUNS, closed(end_mono_ms=MONO - 3000), "invalid", id="a negative duration"),
    pytest.param(RUNS, closed(boot=...), "invalid", id="a closed run of no boot"),
    pytest.param(RUNS, closed(end_mono_ms=MONO + YEARS_MS), "implausible", id="a run that ends years ahead"),
    pytest.param(HEARTBEAT, body(mono_ms=6 * YEARS_MS, open=[]), "implausible", id="a boot that has lasted 60 years"),
]


@pytest.mark.parametrize(("where", "said", "reason"), REFUSED)
async def test_what_is_wrong_is_refused_counted_kept_and_stops_nothing(
    core: Core, where: str, said: bytes, reason: str
) -> None:
    core.ingest.receive(where, said)
    core.ingest.receive(RUNS, closed())
    await core.settle()
    assert core.ingest.refused_total == {reason: 1}
    (kept,) = core.kept()
    assert (kept.reason, kept.body, kept.topic) == (reason, said[:MAX_BODY_BYTES], where[:1000])
    assert kept.device == device_in(where)
    assert core.acked() == {2}


def test_a_sound_message_is_what_the_table_begins_with(tmp_path: Path) -> None:
    core = Core(tmp_path)
    core.ingest.receive(HEARTBEAT, body())
    core.ingest.receive(RUNS, closed())
    assert (core.ingest.waiting, core.ingest.refused_total) == (2, {})
    core.ledger.close()


RESOLVED = [
    pytest.param(RUNS, closed().replace(b'"seq": 2', b'"seq": 9, "seq": 2'), [2], id="the same key twice: the last"),
    pytest.param(RUNS, closed(newer="x", more=[1]), [2], id="unknown keys: ignored"),
    pytest.param(RUNS, closed(seq=2**53), [2**53], id="a seq that jumps: a name"),
    pytest.param(RUNS, closed(seq=0), [0], id="a seq that goes back: a name"),
    pytest.param(RUNS, closed(start_mono_ms=MONO - 1000), [2], id="a run of no length"),
    pytest.param(RUNS, closed(end_boot="c" * 32, end_mono_ms=5), [2], id="over two boots that disagree"),
]


@pytest.mark.parametrize(("where", "said", "seqs"), RESOLVED)
async def test_what_has_a_rule_is_taken(core: Core, where: str, said: bytes, seqs: list[int]) -> None:
    core.ingest.receive(where, said)
    await core.settle()
    assert (core.ingest.refused_total, core.seqs(), core.acked()) == ({}, seqs, set(seqs))


async def test_a_clock_that_is_years_ahead_does_not_move_evidence_into_the_future(core: Core) -> None:
    said = json.loads(closed(start_ms=NOW + YEARS_MS - 2000, end_ms=NOW + YEARS_MS - 1000))
    core.ingest.receive(RUNS, json.dumps({**said, "sent_ms": NOW + YEARS_MS}).encode())
    await core.settle()
    ((_, row),) = core.outcomes[0].rows
    assert (row.start_ms, row.end_ms, row.clock) == (NOW - 2000, NOW - 1000, "received")


async def test_a_gone_that_overtakes_its_hello_and_one_of_an_older_boot(core: Core) -> None:
    hello = encode(Hello(**core.stamp(), agent="1", interval_s=15, outputs=[]))
    core.ingest.receive(GONE, encode(Gone(boot=BOOT)))
    core.ingest.receive(HELLO, hello)
    core.ingest.receive(GONE, encode(Gone(boot="c" * 32)))
    await core.settle()
    assert core.live.fleet.link(PLAYER) == "online"
    core.clock.advance(46_000)
    core.live.tick()
    assert core.live.fleet.link(PLAYER) == "silent"


async def test_a_gone_of_the_old_connection_behind_the_new_hello_lasts_until_the_next_word(core: Core) -> None:
    said = core.stamp()
    for where, message in ((HELLO, Hello(**said, agent="1", interval_s=15, outputs=[])), (GONE, Gone(boot=BOOT))):
        core.ingest.receive(where, encode(message))
    await core.settle()
    assert core.live.fleet.link(PLAYER) == "gone"
    core.ingest.receive(HEARTBEAT, body())
    await core.settle()
    assert core.live.fleet.link(PLAYER) == "online"


async def test_a_retained_leftover_is_refused(core: Core) -> None:
    core.ingest.receive(RUNS, closed(), retained=True)
    await core.settle()
    assert (core.ingest.refused_total, core.seqs()) == ({"retained": 1}, [])


async def test_a_run_that_says_otherwise_than_the_ledger_is_counted_kept_and_told(core: Core) -> None:
    core.ingest.receive(RUNS, closed())
    core.ingest.receive(RUNS, closed(state="black"))
    await core.settle()
    assert core.ingest.refused_total == {"contradiction": 1}
    assert [kept.reason for kept in core.kept()] == ["contradiction"]
    assert [row.kind for row in core.live.conflicts.values()] == ["contradiction"]


async def test_one_unknown_device_too_many_is_refused_and_keeps_its_evidence(tmp_path: Path) -> None:
    core = Core(tmp_path, Intake(unregistered_max=3))
    await core.ingest.load()
    for number in range(10):
        core.ingest.receive(topic(Address("acme", f"x{number}"), "runs"), closed())
    core.ingest.receive(RUNS, closed())
    await core.settle()
    assert core.ingest.refused_total == {"unregistered": 7}
    assert (core.count("devices"), len(core.acks), core.acked()) == (4, 4, {2})
    core.register("p1", "x9")
    core.ingest.receive(topic(Address("acme", "x9"), "runs"), closed())
    await core.settle()
    assert core.acked(Address("acme", "x9")) == {2}
    core.ledger.close()


def test_every_reason_is_told_in_the_documentation_and_proved_here() -> None:
    page = (ROOT / "docs/poison.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\|[^|]*\|[^|]*\| `([a-z_]+)` \|", page, re.MULTILINE))
    assert told == set(REASONS)
    proved = {str(case.values[2]) for case in REFUSED}
    assert set(REASONS) - proved == {"retained", "contradiction", "unregistered", "unusable"}  # by tests of their own


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
SOUND = [json.loads(body()), json.loads(closed())]


@st.composite
def nearly_sound(draw: st.DrawFn) -> bytes:
    """A sound message with one of its values, at any depth, replaced by anything."""
    said = json.loads(json.dumps(draw(st.sampled_from(SOUND))))
    place = said
    while True:
        key = draw(st.sampled_from(sorted(place)))
        value = place[key]
        if isinstance(value, list) and value and draw(st.booleans()):
            place = value[0]
            continue
        place[key] = draw(ANY_JSON | st.integers(-(2**70), 2**70) | st.just(value))
        return json.dumps(said).encode()


BODIES = st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode()) | nearly_sound()
TOPICS = (
    st.sampled_from([topic(PLAYER, kind) for kind in sorted(KINDS)])  # type: ignore[arg-type]
    | st.text(max_size=60)
    | st.builds("signwatch/v1/{}/{}/{}/{}".format, *[st.text(max_size=8)] * 4)
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.tuples(TOPICS, BODIES, st.booleans()), min_size=1, max_size=30))
async def test_nothing_that_anybody_publishes_stops_the_message_behind_it(
    core: Core, messages: list[tuple[str, bytes, bool]]
) -> None:
    """One collector meets all examples, one after the other."""
    ingest = core.ingest
    core.clock.advance(200_000)  # or the device would be over its allowance in the end
    seq = core.clock.wall
    behind = encode(core.runs(seq))
    for where, said, retained in messages:
        ingest.receive(where, said, retained=retained)
    ingest.receive(topic(OTHER, "runs"), behind)
    await core.settle()
    assert seq in core.acked(OTHER)
    assert seq in core.seqs(OTHER)
    later = ingest.refused_total["contradiction"] + ingest.refused_total["unusable"]
    seen = ingest.refused_total.total() - later + ingest.received_total.total() + ingest.shed_total.total()
    core.published += len(messages) + 1
    assert seen == core.published
