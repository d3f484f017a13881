from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.messages import (
    MAX_BODY_BYTES,
    Ack,
    BootClock,
    Gone,
    Heartbeat,
    Hello,
    Message,
    MessageError,
    Output,
    Run,
    Runs,
    decode,
    encode,
)
from wire.states import CAUSES, PLATFORM_STATES, PLAYER_STATES, Cause, State
from wire.topics import Kind

STAMP = {"boot": "5f0c", "sent_ms": 1_772_323_200_000, "mono_ms": 60_000, "synced": True}
OPEN = {"seq": 17, "output": "main", "state": "frozen", "start_ms": 1000, "start_mono_ms": 500}
CLOSED = {**OPEN, "end_ms": 3000, "end_mono_ms": 2500, "boot": "5f0c"}


def heartbeat(**changes: object) -> bytes:
    return json.dumps({**STAMP, "spool": "9f2c", "open": [OPEN], **changes}).encode()


def runs(*changes: dict[str, object]) -> bytes:
    body = {**STAMP, "spool": "9f2c", "runs": [{**CLOSED, **change} for change in changes]}
    return json.dumps(body).encode()


def refused(kind: Kind, body: bytes) -> MessageError:
    with pytest.raises(MessageError) as error:
        decode(kind, body)
    return error.value


def test_the_run_of_the_specification_is_read() -> None:
    text = (
        b'{"spool":"9f2c","boot":"5f0c","sent_ms":1,"mono_ms":1,"synced":true,"open":[{"seq": 17, "output": "main", '
        b'"state": "frozen", "cause": null, "detail": "time-pos stood at 12.4 s", "start_ms": 1, "start_mono_ms": 1}],'
        b'"host":{"cpu_percent":3.5}}'
    )
    message = decode("heartbeat", text)
    assert isinstance(message, Heartbeat)
    assert message.open[0].detail == "time-pos stood at 12.4 s"
    assert message.host == {"cpu_percent": 3.5}


MESSAGES = [
    ("hello", Hello(**STAMP, spool="9f2c", agent="0.1.0", interval_s=15, outputs=[Output(id="main", probe="mpv")])),
    (
        "hello",
        Hello(**STAMP, spool="9", agent="", interval_s=0.5, outputs=[], clocks=[BootClock(boot="a", offset_ms=-5)]),
    ),
    ("heartbeat", Heartbeat(**STAMP, spool="9f2c", open=[Run(**OPEN)], host={"load_1m": 0.5, "model": "Pi"})),
    ("runs", Runs(**STAMP, spool="9f2c", runs=[Run(**CLOSED), Run(**{**CLOSED, "end_boot": "b", "end_mono_ms": 0})])),
    ("gone", Gone(boot="5f0c")),
    ("ack", Ack(spool="9f2c", seqs=[(18, 25), (30, 30)])),
]


@pytest.mark.parametrize(("kind", "message"), MESSAGES)
def test_what_is_encoded_is_read_back(kind: Kind, message: Message) -> None:
    assert decode(kind, encode(message)) == message


def test_keys_that_say_nothing_are_not_sent() -> None:
    assert json.loads(encode(Ack(spool="a", seqs=[(1, 2)]))) == {"spool": "a", "seqs": [[1, 2]]}
    assert b"cause" not in encode(Heartbeat(**STAMP, spool="9", open=[Run(**OPEN)]))


def test_an_unknown_key_of_a_newer_agent_is_ignored() -> None:
    assert decode("heartbeat", heartbeat(colour="red")) == decode("heartbeat", heartbeat())


@pytest.mark.parametrize("state", sorted(PLAYER_STATES | PLATFORM_STATES))
def test_every_state_is_known_to_the_wire(state: State) -> None:
    assert decode("runs", runs({"state": state}))


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_is_known_to_the_wire(cause: Cause) -> None:
    assert decode("runs", runs({"cause": cause}))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"state": "paused"}, "Invalid enum value 'paused'"),
        ({"cause": "weather"}, "Invalid enum value 'weather'"),
        ({"seq": -1}, ">= 0"),
        ({"seq": 1.5}, "Expected `int`"),
        ({"output": "Main"}, "matching regex"),
        ({"start_ms": -1}, ">= 0"),
        ({"end_ms": 10**15}, "<="),
        ({"boot": "with space"}, "matching regex"),
        ({"detail": "x" * 1001}, "length <= 1000"),
        ({"end_ms": None}, "run 17 in `runs` has no end"),
        ({"end_mono_ms": None}, "run 17 in `runs` has no end"),
        ({"boot": None}, "run 17 in `runs` names no boot"),
        ({"end_mono_ms": 499}, "run 17 ends 1 ms before it starts"),
        ({"end_mono_ms": 499, "end_boot": "5f0c"}, "run 17 ends 1 ms before it starts"),
    ],
)
def test_an_unknown_value_is_refused_and_named(change: dict[str, object], complaint: str) -> None:
    error = refused("runs", runs(change))
    assert error.reason == "invalid"
    assert complaint in error.detail


def test_a_run_that_ends_in_another_boot_may_end_at_a_lower_reading() -> None:
    assert decode("runs", runs({"end_mono_ms": 0, "end_boot": "6a1d"}))


def test_an_open_run_with_an_end_is_refused() -> None:
    error = refused("heartbeat", heartbeat(open=[{**OPEN, "end_ms": 1000, "end_mono_ms": 1}]))
    assert (error.reason, error.detail) == ("invalid", "run 17 in `open` has an end")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"x":' + b"[" * 10_000, b'{"boot":"\xc3"}', b'{"boot":"a"} x'],
    ids=lambda body: repr(body[:8]),
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    assert refused("gone", body).reason == "malformed"


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b"{}", b'{"boot":1}'])
def test_what_is_no_such_message_is_invalid(body: bytes) -> None:
    assert refused("gone", body).reason == "invalid"


def test_a_body_over_64_kib_is_refused_before_it_is_read() -> None:
    fits = b'{"boot":"a"}'.ljust(MAX_BODY_BYTES)
    assert decode("gone", fits) == Gone(boot="a")
    assert refused("gone", fits + b" ").reason == "too_large"


@given(
    st.binary(max_size=200).filter(lambda body: not body.strip().startswith(b"{")),
    st.sampled_from(["hello", "heartbeat", "runs", "gone", "ack"]),
)
def test_noise_is_never_more_than_a_refusal(body: bytes, kind: Kind) -> None:
    assert refused(kind, body).reason in {"malformed", "invalid"}
