"""`signwatch sla forecast` over a real ledger: what the ledger holds is forecast as the same case would be."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.decisions.orders import Announce, DecisionRequest
from collector.forecast.source import Wish, read_source
from collector.forecast.texts import ENGLISH, SPANISH
from collector.forecast.view import as_json, as_table
from collector.ledger.decisions_store import decide
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from collector.registry.backend import apply
from collector.registry.files import SourceFile
from collector.registry.model import OWN_DEVICE
from collector.registry.plan import ApplyRequest
from collector.sla.contract import parse_contract_toml
from collector.sla.forecast import forecast
from collector.sla.instants import parse_instant
from signwatch.cli import main
from tests.collector.sla.outlooks import case_of, ms, terms, watched
from tests.fixtures.processes import ROOT
from wire.messages import Run, Runs
from wire.topics import Address

ADMIRA = ROOT / "contracts/admira.toml"
NOW = "2026-03-10T00:00:00Z"
REGISTRY = """
[[tenants]]
id = "acme"
name = "Acme"

[[platforms]]
tenant = "acme"
id = "portal"
contract = "admira"

[[devices]]
tenant = "acme"
id = "p1"
[[devices.outputs]]
id = "main"
contract = "admira"

[[devices]]
tenant = "acme"
id = "p2"
[[devices.outputs]]
id = "main"
contract = "admira"
"""


def told(device: str, output: str, runs: Sequence[tuple[str, str, str]]) -> Received:
    """A device's closed runs, as (state, start, end)."""
    made = [
        Run(
            seq=number,
            output=output,
            state=state,
            start_ms=ms(start),
            start_mono_ms=ms(start) - ms("2025-01-01T00:00"),
            end_ms=ms(end),
            end_mono_ms=ms(end) - ms("2025-01-01T00:00"),
            boot="b" * 32,
        )
        for number, (state, start, end) in enumerate(runs)
    ]
    sent = ms(runs[-1][2])
    stamp = {"boot": "b" * 32, "sent_ms": sent, "mono_ms": sent - ms("2025-01-01T00:00"), "synced": True}
    return Received(Address("acme", device), Runs(**stamp, spool="5" * 32, runs=made), sent)


def fill(path: Path, evidence: Sequence[Received], registry: str = REGISTRY) -> None:
    ledger = Ledger.open(path)
    ledger.close()
    apply(path, ApplyRequest([SourceFile("registry.toml", registry)], "me"), ms("2025-12-01T00:00"))
    ledger = Ledger.open(path)
    store = EvidenceStore()
    ledger.write_now(store.load)
    ledger.write_now(lambda connection: store.apply(connection, evidence, []))
    closes = Announce("acme", "planned", ("*",), ms("2026-03-31T10:00"), ms("2026-03-31T12:00"), "new switch")
    ledger.write_now(lambda c: decide(c, DecisionRequest(closes, "me"), ms("2026-03-01T00:00")))
    ledger.close()


USUAL = [
    told(
        "p1",
        "main",
        [
            ("playing", "2026-01-20T00:00", "2026-03-09T00:00"),
            ("stopped", "2026-03-09T00:00", "2026-03-09T03:00"),
            ("playing", "2026-03-09T03:00", "2026-03-10T00:00"),
        ],
    ),
    told("p2", "main", [("playing", "2026-01-20T00:00", "2026-03-10T00:00")]),
    told(OWN_DEVICE, "portal", [("up", "2026-01-20T00:00", "2026-03-10T00:00")]),
]


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    fill(path, USUAL)
    return path


def run(path: Path, *more: str) -> int:
    return main(["sla", "forecast", "--contract", str(ADMIRA), "--ledger", str(path), "--at", NOW, *more])


def test_the_ledger_gives_the_same_forecast_as_a_case_that_says_the_same(
    ledger_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ledger_file, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    contract = parse_contract_toml(ADMIRA.read_text(encoding="utf-8"), "admira.toml")
    since = "2026-01-20T00:00"
    case = case_of(
        contract,
        ["2026-01", "2026-02", "2026-03"],
        "2026-03-10T00:00",
        [
            watched("platform", since=since),
            watched("p1", since=since, down=[("2026-03-09T00:00", "2026-03-09T03:00")]),
            watched("p2", since=since),
        ],
        [],
    )
    expected = as_json(forecast(case), "acme", "admira")
    window_ms = 2 * 3_600_000
    open_ms = expected["open"]
    assert isinstance(open_ms, dict)
    assert found.pop("open") == {
        "platform_ms": open_ms["platform_ms"] - window_ms,
        "players_ms": open_ms["players_ms"] - 2 * window_ms,
    }
    for key in ("month", "players", "affected", "to_date", "best", "pace", "burn", "timezone", "start", "end"):
        assert found[key] == json.loads(json.dumps(expected[key])), key
    for mine, others in zip(found["levels"], expected["levels"], strict=True):
        assert {**mine, "crews": 0} == {**json.loads(json.dumps(others)), "crews": 0}


def test_months_before_the_first_evidence_are_not_taken_for_perfect(ledger_file: Path) -> None:
    contract = parse_contract_toml(ADMIRA.read_text(encoding="utf-8"), "admira.toml")
    ledger = Ledger.open_read_only(ledger_file)
    wish = Wish("admira", contract, "", "", 6, parse_instant(NOW))
    _, case = ledger.read_now(lambda connection: read_source(connection, wish))
    assert case.months == ["2026-01", "2026-02", "2026-03"]
    before = wish._replace(month="2025-12")
    _, early = ledger.read_now(lambda connection: read_source(connection, before))
    assert early.months == ["2025-12"]
    ledger.close()


def test_a_ledger_without_evidence_says_what_it_cannot_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "empty.db", [])
    assert run(tmp_path / "empty.db") == 0
    out = capsys.readouterr().out
    assert "of the last 3 days nothing is known" in out
    assert "evidence: players 0%, platform 0%" in out
    assert "not known without 2025-10" in out


def test_what_needs_months_before_the_first_evidence_is_told_with_the_remedy(
    ledger_file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(ledger_file, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["unwatched"] == ["2025-10", "2025-11", "2025-12"]
    run(ledger_file)
    told = "nothing is known before 2026-01: what needs those months stays open until evidence of them arrives"
    assert told in capsys.readouterr().out
    run(ledger_file, "--lang", "es")
    assert "nada se sabe antes de 2026-01: lo que necesita esos meses" in capsys.readouterr().out
    begun = tmp_path / "admira.toml"
    begun.write_text(ADMIRA.read_text(encoding="utf-8") + '\n[life]\nfrom = "2026-01"\n', encoding="utf-8")
    again = ["sla", "forecast", "--contract", str(begun), "--ledger", str(ledger_file), "--at", NOW]
    assert main([*again, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["unwatched"] == []
    assert main(again) == 0
    assert "nothing is known before" not in capsys.readouterr().out


def test_the_table_tells_it_in_english(ledger_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ledger_file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ADmira availability guarantee (acme), 2026-03, as of 2026-03-10 01:00 (Europe/Madrid)"
    (expected,) = [line for line in lines if line.startswith("  If it goes on like this")]
    assert expected.split("  ")[-1] == (
        "like the last 3 days: 2.08% of the players' time failed, and nothing of the platform's"
    )
    assert [line.split()[-2:] for line in lines[-3:]] == [["critical", "no"], ["critical", "no"], ["warning", "no"]]
    (committed,) = [line for line in lines if line.startswith("  committed ")]
    assert re.split(r"\s{2,}", committed.strip()) == [
        "committed", "99.00%", "5%", "31 h 12 min", "15 h 36 min", "15 h 36 min", "7 h 48 min", "2026-03-25",
    ]  # fmt: skip


def test_the_table_tells_it_in_spanish(ledger_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ledger_file, "--lang", "es", "--players", "2") == 0
    out = capsys.readouterr().out
    assert "2 players, cada uno" in out
    assert "comprometido" in out
    assert "99,00\N{NO-BREAK SPACE}%" in out
    assert not re.search(r"\d\.\d", out.partition("\n")[2])


def test_both_languages_say_everything_with_the_same_names() -> None:
    assert ENGLISH.keys() == SPANISH.keys()
    for key, text in ENGLISH.items():
        assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(re.findall(r"\{(\w+)\}", SPANISH[key])), key


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("now", "down"),
    [
        ("2026-03-10T00:00", [("2026-03-01T00:00", "2026-03-09T00:00")]),  # lost
        ("2026-03-31T21:00", []),  # safe
        ("2026-04-10T00:00", []),  # over
        ("2026-02-10T00:00", []),  # not begun
    ],
)
def test_every_situation_can_be_told(language: str, now: str, down: list[tuple[str, str]]) -> None:
    contract = terms(guarantee={"committed": "99.00", "window_months": 6})
    fleet = [watched("p1", down=down), watched("platform", down=down)]
    found = forecast(case_of(contract, ["2026-03"], now, fleet))
    assert "committed" in as_table(found, "acme", "en")
    assert len(as_table(found, "acme", language).splitlines()) > 10
    plain = forecast(case_of(terms(guarantee={}), ["2026-03"], now, [*fleet, watched("p2")]))
    assert "level" in as_table(plain, "acme", "en") or "nivel" in as_table(plain, "acme", "es")


def test_a_forecast_by_a_collectors_configuration_finds_the_contract_by_name(
    ledger_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ledger_file.with_name("collector.toml")
    text = f'[ledger]\npath = "ledger.db"\n[mqtt]\nhost = "localhost"\n[contracts]\nfiles = ["{ADMIRA}"]\n'
    config.write_text(text, encoding="utf-8")
    assert main(["sla", "forecast", "--contract", "admira", "--config", str(config), "--month", "2026-03"]) == 0
    assert "ADmira availability guarantee (acme), 2026-03" in capsys.readouterr().out
    assert main(["sla", "forecast", "--contract", "admire", "--config", str(config)]) == 1
    assert "--contract: the collector has no contract 'admire'; use one of: admira" in capsys.readouterr().err
    config.write_text('[ledger]\npath = "ledger.db"\n[mqtt]\nhost = "localhost"\n', encoding="utf-8")
    assert main(["sla", "forecast", "--contract", "admira", "--config", str(config)]) == 1
    assert "add admira.toml to `contracts.files` in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--tenant", "bar"], "--tenant: 'bar' has no subject under 'admira'; use one of: acme [report.tenant]"),
        (["--month", "2026-3"], "--month: '2026-3' is no month; write it as YYYY-MM, such as 2026-03 [month.invalid]"),
        (["--at", "today"], "--at: 'today' is no ISO 8601 instant; write it with its offset"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_remedy(
    ledger_file: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    assert run(ledger_file, *words) == 1
    assert capsys.readouterr().err.startswith(complaint)


def test_a_contract_that_judges_nobody_is_told(ledger_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ROOT / "contracts/mapal.toml"
    assert main(["sla", "forecast", "--contract", str(other), "--ledger", str(ledger_file)]) == 1
    assert "no subject of the registry is judged by 'mapal'" in capsys.readouterr().err
    assert main(["sla", "forecast", "--contract", "mapal", "--ledger", str(ledger_file)]) == 1
    assert "'mapal' is no contract file" in capsys.readouterr().err


def test_two_customers_under_one_contract_must_be_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = (
        REGISTRY
        + '[[tenants]]\nid = "bar"\nname = "Bar"\n[[platforms]]\ntenant = "bar"\nid = "p"\ncontract = "admira"\n'
    )
    fill(tmp_path / "two.db", USUAL, two)
    assert run(tmp_path / "two.db") == 1
    assert capsys.readouterr().err.startswith("--tenant: is needed: there are several; use one of: acme, bar")
    assert run(tmp_path / "two.db", "--tenant", "bar") == 0


@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_a_number_of_players_that_is_none_is_wrong_usage(
    ledger_file: Path, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    with pytest.raises(SystemExit):
        run(ledger_file, "--players", number)
    assert f"{number!r} is no number of one or more" in capsys.readouterr().err
