"""The demonstration's second customer: what is written of it is read here by those who will read it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest

from collector.registry.toml_files import read_toml
from collector.sla.cautions import cautions
from collector.sla.contract import check_contract_toml
from demo import chain
from signwatch.cli import main
from simulator.past import Offline, past_of

AN_EVENING_IN_JANUARY = datetime(2027, 1, 31, 22, 59, tzinfo=UTC)  # where the agreement is, one minute of January left


def test_the_month_before_is_that_of_the_agreements_own_zone() -> None:
    month = chain.last_month(AN_EVENING_IN_JANUARY)
    assert (month.name, month.start.isoformat(), month.end.isoformat()) == (
        "2026-12",
        "2026-12-01T00:00:00+01:00",
        "2027-01-01T00:00:00+01:00",
    )
    assert chain.last_month(AN_EVENING_IN_JANUARY + timedelta(minutes=2)).name == "2027-01"


@pytest.mark.parametrize("now", [AN_EVENING_IN_JANUARY, datetime(2026, 11, 1, 0, 5, tzinfo=UTC)])
def test_its_evidence_begins_before_it_counts_and_is_calm_since_the_month_is_over(now: datetime) -> None:
    month = chain.last_month(now)  # of the second there is an hour more than the clock shows: summer time has ended
    offline = Offline(month.offline_days, chain.CHANGES_PER_DAY, chain.TROUBLE_PERCENT / 100, month.calm_days)
    runs = list(past_of(random.Random(0), offline, round(now.timestamp() * 1000)))
    begins = datetime.fromtimestamp(runs[0].start_ms / 1000, UTC)
    assert timedelta(minutes=9) < month.active_from - begins < timedelta(minutes=11)
    assert max(run.end_ms for run in runs if run.state != "playing") < month.end.timestamp() * 1000
    assert runs[-1].end_ms == round(now.timestamp() * 1000)


def test_the_registry_has_its_players_from_the_months_first_morning() -> None:
    entries = read_toml(chain.registry("2026-12-01T08:00:00+01:00"), "registry.toml")
    outputs = [entry for entry in entries if entry.kind == "output"]
    assert len(outputs) == chain.PLAYERS == len(chain.users()) == len(chain.players())
    assert {entry.values["contract"] for entry in outputs} == {chain.CONTRACT}
    assert "active_from" not in chain.registry(None)


def test_nobody_has_to_be_warned_of_its_agreement() -> None:
    terms, findings = check_contract_toml(
        resources.files("demo").joinpath("chain.toml").read_text("utf-8"), "norte.toml"
    )
    assert findings == []
    assert terms is not None
    assert [caution.id for caution in cautions(terms, "norte.toml")] == []


@pytest.mark.parametrize("what", ["ruling", "closing"])
def test_what_is_ordered_of_the_month_is_a_command_that_exists(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    month = chain.last_month(AN_EVENING_IN_JANUARY)
    order = {"ruling": chain.ruling, "closing": chain.closing}[what](month)
    assert main(order) == 1  # there is no collector.toml here
    assert "collector.toml" in capsys.readouterr().err
