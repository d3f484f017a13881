"""The published worked examples, lived through in a real ledger: the report must come to the same figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.ledger.ledger import Ledger
from collector.report.as_json import as_json
from collector.report.gather import Question, gather
from collector.report.judge import make_report
from collector.report.model import Report, counts
from collector.sla.contract import parse_contract
from collector.sla.instants import parse_instant
from tests.collector.report.case_ledger import CASES, CONTRACT, fill, read_case

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
        found = as_json(report(ledger, case, month))
        assert {key: found[key] for key in expected} == expected
        assert list(found)[: len(expected)] == list(expected)
        for key in ("guarantee_windows", "termination_windows", "termination_right"):
            assert found[key] == case["expect"][key]
        assert found["months_judged"] == case["expect"]["months"]
        json.dumps(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_story_adds_up_to_the_figure(ledger: Ledger, name: str) -> None:
    case = read_case(name)
    fill(ledger, case)
    for month in case["months"]:
        found = report(ledger, case, month)
        for each in (*found.platforms, *found.players):
            lengths = dict.fromkeys(("up", "down", "cause", "window", "unknown"), 0)
            for stretch in each.stretches:
                lengths[stretch.standing] += stretch.length_ms
            tally = each.tally
            assert sum(lengths.values()) == tally.counted_ms
            assert lengths["down"] == tally.accountable_ms
            assert lengths["cause"] + lengths["window"] == each.left_out_ms
        players = [incident for incident in found.incidents if incident.first.kind == "player"]
        assert sum(incident.sum_ms for incident in players) == found.figure.players_downtime_ms
        assert sum(day.players_ms for day in found.days) == found.figure.players_downtime_ms
        assert sum(day.platform_ms for day in found.days) == found.figure.platform_downtime_ms
        counted = [each for each in found.players if counts(each)]
        left_out = sum(incident.sum_ms for incident in found.left_out if incident.first.kind == "player")
        assert left_out == sum(each.left_out_ms for each in counted)
        assert left_out == sum(each.players_ms for each in (*found.causes, *found.windows))
