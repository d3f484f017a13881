"""The published worked examples, lived through in a real ledger: the report must come to the same figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.ledger.ledger import Ledger
from collector.report.as_json import as_json
from collector.report.gather import Question, gather
from collector.report.judge import make_report
from collector.report.model import Report
from collector.sla.contract import parse_contract
from collector.sla.instants import parse_instant
from tests.collector.report.case_ledger import CASES, CONTRACT, fill, read_case
from tests.collector.report.samples import complaints

NAMES = sorted(path.stem for path in CASES.glob("*.json") if not path.stem.startswith("clock-"))


def report(ledger: Ledger, case: dict[str, Any], month: str) -> Report:
    contract = parse_contract(case["contract"], "case.json")
    question = Question(CONTRACT, contract, "", month, parse_instant(case["computed_at"]), case["months"])
    return make_report(ledger.read_now(lambda connection: gather(connection, question)))


def test_the_cases_are_here() -> None:
    assert len(NAMES) >= 28


@pytest.mark.parametrize("name", NAMES)
def test_a_case_comes_to_its_figures_out_of_the_ledger(ledger: Ledger, name: str) -> None:
    case = read_case(name)
    fill(ledger, case)
    for month, expected in zip(case["months"], case["expect"]["months"], strict=True):
        told = report(ledger, case, month)
        found = as_json(told)
        assert list(complaints(told)) == []
        assert {key: found[key] for key in expected} == expected
        assert list(found)[: len(expected)] == list(expected)
        for key in ("guarantee_windows", "termination_windows", "termination_right"):
            assert found[key] == case["expect"][key]
        assert found["months_judged"] == case["expect"]["months"]
        json.dumps(found)
