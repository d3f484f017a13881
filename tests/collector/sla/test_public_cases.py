"""The published worked examples: every key, every value, and the order of the keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.sla.cli import evaluate

CASES = sorted((Path(__file__).parents[2] / "cases").glob("*.json"))


def test_the_examples_are_here() -> None:
    assert len(CASES) >= 35


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_worked_example_comes_out_byte_for_byte(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))["expect"]

    assert evaluate([str(path)]) == 0

    assert capsys.readouterr().out == json.dumps(expected) + "\n"
