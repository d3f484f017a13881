"""`signwatch quarantine …`: refused messages, shown without letting them act on the terminal."""

import base64
import json
from pathlib import Path

import pytest
from sqlalchemy import insert

from collector.ledger import schema
from collector.ledger.ledger import Ledger
from collector.quarantine.texts import body_lines, escaped
from signwatch.cli import main

MARCH = 1_772_323_200_000
TOPIC = "signwatch/v1/00/acme/p1/heartbeat"
ROWS = [
    (1, "invalid", "Expected `int`, got `str` - at `$.mono_ms`", b'{"mono_ms": "x", "n": "\\u001b[2J"}'),
    (2, "malformed", "JSON is malformed\x1b[31m", b"\x1b[2Jhello\nworld"),
    (3, "malformed", "invalid UTF-8", bytes(range(250, 256)) + b"text 0123456789"),
]


@pytest.fixture
def path(ledger: Ledger) -> Path:
    rows = [
        {"id": number, "received_ms": MARCH + number, "topic": TOPIC, "reason": reason, "detail": detail, "body": body}
        for number, reason, detail, body in ROWS
    ]
    ledger.write_now(lambda connection: connection.execute(insert(schema.quarantine), rows).rowcount)
    return ledger.path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["quarantine", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_list_shows_each_message_on_a_line_and_counts_the_reasons(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "list", "--ledger", path)
    assert status == 0
    first, second, _, last = out.splitlines()
    assert first.split() == [
        "1",
        "2026-03-01T00:00:00.001Z",
        "invalid",
        "34",
        "B",
        TOPIC,
        *["Expected", "`int`,", "got", "`str`", "-", "at", "`$.mono_ms`"],
    ]
    assert second.endswith(r"JSON is malformed\x1b[31m")
    assert last == "3 shown of 3 kept (1 invalid, 2 malformed)"


def test_the_list_is_narrowed_by_reason_topic_and_number(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ids(*arguments: object) -> list[int]:
        _, out, _ = run(capsys, "list", "--ledger", path, "--json", *arguments)
        return [json.loads(line)["id"] for line in out.splitlines()]

    assert ids() == [1, 2, 3]
    assert ids("--reason", "malformed") == [2, 3]
    assert ids("--limit", 1) == [3]
    assert ids("--limit", 0) == [1, 2, 3]
    assert ids("--topic", "/p1/") == [1, 2, 3]
    assert ids("--topic", "%") == []


def test_nothing_refused_is_said_in_words(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list", "--ledger", ledger.path) == (0, "nothing was refused\n", "")


def test_a_message_is_shown_whole_with_its_json_indented(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", 1, "--ledger", path)
    assert f"topic     {TOPIC}\n" in out
    assert out.endswith('\n\n{\n  "mono_ms": "x",\n  "n": "\\u001b[2J"\n}\n')


@pytest.mark.parametrize("number", [1, 2, 3])
def test_nothing_of_a_message_reaches_the_terminal_unescaped(
    path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    for form in ([], ["--json"]):
        out = run(capsys, "show", number, "--ledger", path, *form)[1]
        assert all(char.isprintable() or char == "\n" for char in out)


def test_a_body_that_is_no_text_is_shown_as_hex() -> None:
    assert body_lines(ROWS[2][3]) == [
        "00000000  fa fb fc fd fe ff 74 65 78 74 20 30 31 32 33 34  |......text 01234|",
        "00000010  35 36 37 38 39                                   |56789|",
    ]


def test_a_body_that_is_nested_without_end_is_shown_as_text() -> None:
    assert body_lines(b"[" * 60_000) == ["[" * 60_000]
    assert escaped("a\u202eb\x07") == r"a\u202eb\x07"


def test_the_raw_body_comes_out_as_it_came_in(path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["quarantine", "show", "3", "--raw", "--ledger", str(path)]) == 0
    assert capfdbinary.readouterr().out == ROWS[2][3]


def test_a_body_that_is_no_text_comes_as_base64_in_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(run(capsys, "show", 3, "--json", "--ledger", path)[1])
    assert base64.b64decode(shown["body_base64"]) == ROWS[2][3]
    assert (shown["reason"], shown["bytes"], shown["received"]) == ("malformed", 21, "2026-03-01T00:00:00.003Z")


@pytest.mark.parametrize("number", [0, 4, 2**63 - 1])
def test_a_number_that_there_is_not_is_refused(path: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    status, out, err = run(capsys, "show", number, "--ledger", path)
    assert (status, out) == (1, "")
    assert err == (
        f"{path}: has no refused message {number}; "
        "signwatch quarantine list shows the numbers there are [quarantine.unknown]\n"
    )
