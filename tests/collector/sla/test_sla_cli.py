from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from collector.sla.cli import add_parser, evaluate

CASES = Path(__file__).parents[2] / "cases"
GOOD = CASES / "clock-01-around-the-clock.json"


def run(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["sla", "evaluate", *map(str, words)])
    return options.run(options)


def test_results_come_one_a_line_in_the_order_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(GOOD, CASES / "01-nothing-wrong.json", GOOD) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["due_at", "months", "due_at"]


def test_a_bad_case_is_told_and_the_others_are_judged_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"target": "soon"}', encoding="utf-8")
    assert run(bad, GOOD) == 1
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert f"{bad}: target: 'soon' is no target; " in told.err
    assert f"{bad}: opened_at: is missing; add opened_at [case.key.missing]" in told.err


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not JSON: Expecting value"),
        (b"{", "is not JSON: Expecting property name"),
        (b'{"a": NaN}', "is not JSON: NaN is no JSON number"),
        (b'{"a": 1, "b": 2, "a": 3}', "is not JSON: the key 'a' stands twice in one object"),
        (b"[" * 100_000, "is not JSON: it is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON: Exceeds the limit"),
        (b'{"a": 1e99999999999999999999}', "a: unknown key"),
        (b"\xff\xfe{}", "byte 0 is not UTF-8"),
        (b"null", "null is no table"),
        (b"[]", "[] is no table"),
        (b'{"target": "\\ud800"}', "is no target"),
    ],
)
def test_what_is_no_case_at_all_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, problem: str
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(content)
    assert evaluate([str(bad)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{bad}: " in told.err
    assert problem in told.err


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert evaluate([str(tmp_path / name)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf" + GOOD.read_bytes())
    assert evaluate([str(marked)]) == 0
    assert json.loads(capsys.readouterr().out)["elapsed_ms"] == 49_500_000
