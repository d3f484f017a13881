"""docs/decisions.md names every finding, docs/report.md every key of the JSON."""

from __future__ import annotations

import re

from collector.report.as_json import as_json
from tests.collector.report.samples import platform, player, report
from tests.fixtures.processes import ROOT

CODE = re.compile(r"`([^`\n]+)`")
FINDING = re.compile(r"\"((?:window|subject|ruling|state|cause|interval|instant|why|tenant|ical)\.[a-z_.]+)\"")


def told(page: str) -> set[str]:
    return set(CODE.findall((ROOT / "docs" / page).read_text(encoding="utf-8")))


def test_every_finding_about_a_decision_is_documented_and_no_other() -> None:
    sources = (ROOT / "collector" / "decisions").glob("*.py")
    made = {name for source in sources for name in FINDING.findall(source.read_text(encoding="utf-8"))}
    assert len(made) > 25
    listed = {name for name in told("decisions.md") if FINDING.fullmatch(f'"{name}"')}
    assert sorted(made ^ listed) == []


def test_every_key_of_a_report_s_json_is_documented() -> None:
    found = as_json(report(player("p1"), platform("portal")))
    keys = [key for key in found if key not in found["months_judged"][0]]  # type: ignore[index]
    assert sorted(set(keys) - told("report.md")) == []
