"""What is frozen comes back from its files exactly as it was, whatever players and people wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.decisions.model import RulingRecord
from collector.revisions.inputs import CalendarEntry, FrozenRun, Inputs, SubjectEntry
from collector.revisions.papers import from_papers, to_papers
from collector.views import ClockSource

NASTY = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["=1+1", "'quoted", '"', "a,b", "\r\n", "\n", "\x00", "@x", "-", "'", "''=", "\ufeff", "\u2028"]
)
INSTANTS = st.integers(1_772_000_000_000, 1_775_000_000_000)
CLOCKS: tuple[ClockSource, ...] = ("synced", "received", "estimated")


@st.composite
def runs(draw: st.DrawFn) -> FrozenRun:
    start = draw(INSTANTS)
    end = start + draw(st.integers(1, 10**9))
    state = draw(st.sampled_from(("playing", "frozen", "unknown")))
    cause = draw(st.none() | st.sampled_from(("power", "customer")))
    detail = draw(st.none() | NASTY.filter(bool))
    clock, off_ms = draw(st.sampled_from(CLOCKS)), draw(st.none() | st.integers(0, 10**12))
    return FrozenRun(draw(NASTY), draw(st.integers(0, 2**63)), start, end, state, cause, clock, detail, off_ms)


@given(st.lists(runs(), max_size=6), NASTY, NASTY)
def test_what_is_frozen_comes_back_as_it_was(evidence: list[FrozenRun], name: str, why: str) -> None:
    subject = SubjectEntry("acme/p1/main", "player", name, why, "shop", None, 1)
    inputs = Inputs(
        tenant="acme",
        tenant_name=name,
        contract_id="c",
        contract_text=why,
        month="2026-03",
        closed_at_ms=1,
        subjects=(subject,),
        calendars={"shop": CalendarEntry({"timezone": "Europe/Madrid"}, {"2026-03-19": name})},
        evidence={subject.subject: tuple(evidence)} if evidence else {},
        windows=(),
        rulings=(RulingRecord(1, "acme", subject.subject, 0, 1, None, "power", 2, name, why),),
        months=(),
    )
    papers = to_papers(inputs)
    assert from_papers(papers) == inputs
    assert to_papers(from_papers(papers)) == papers
