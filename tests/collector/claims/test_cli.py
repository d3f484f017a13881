"""`signwatch claim draft` as an account manager meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli_w

from collector.ledger.ledger import Ledger
from signwatch.cli import main
from tests.collector.report.case_ledger import CONTRACT, fill, read_case
from tests.collector.revisions.shop import TEXT, Shop, all_month
from tests.collector.revisions.shop import run as outage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger with a public case, and its contract with a rule for claims."""
    case = read_case("04-over-20-percent-affected")
    ledger = Ledger.open(tmp_path / "ledger.db")
    fill(ledger, case)
    ledger.close()
    claims = {"claim": {"within": "30 days", "after": "month_end"}, "names": ["dates", "players"]}
    terms = {**case["contract"], "claims": claims}
    (tmp_path / f"{CONTRACT}.toml").write_text(tomli_w.dumps(terms), encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], folder: Path, *more: object) -> tuple[int, str, str]:
    options = ["--contract", folder / f"{CONTRACT}.toml", "--ledger", folder / "ledger.db", "--month", "2026-03", *more]
    status = main(["claim", "draft", *(str(option) for option in options)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_draft_comes_out_of_a_ledger_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, folder, "--format", "json", "--fee", "100", "--currency", "EUR")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert (told["tenant"], told["month"], told["rules"]["claim"]) == (
        "acme",
        "2026-03",
        {"within": "30 days", "after": "month_end"},
    )
    assert told["month_claim_by"]["due_at"] == "2026-04-30T22:00:00.000Z"
    assert told["incidents"]


@pytest.mark.parametrize(
    ("form", "language", "begins"), [("text", "es", "Borrador de reclamación: Acme"), ("html", "en", "<!doctype")]
)
def test_a_draft_is_written_to_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str, language: str, begins: str
) -> None:
    target = folder / "draft"
    status, out, _ = run(capsys, folder, "--format", form, "--lang", language, "--output", target)
    assert (status, out) == (0, "")
    assert target.read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--fee", "100"], "--currency: is needed beside --fee; give both, such as 12345.67 and EUR [claim.fee]"),
        (["--currency", "EUR"], "--fee: is needed beside --currency"),
        (["--fee", "1.234", "--currency", "EUR"], "--fee: '1.234' is finer than EUR can be paid; write at most 2"),
        (["--month", "2999-01"], "--month: 2999-01 has not begun"),
        (["--tenant", "acne"], "--tenant: 'acne' has no subject under 'case'; use one of: acme"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    status, out, err = run(capsys, folder, *options)
    assert (status, out) == (1, "")
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_a_closed_month_is_claimed_as_it_was_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    shop = Shop(ledger)
    shop.register()
    shop.send(*all_month("p1", "p2", "p3", "portal"))
    shop.send(outage("p2", "03-10T00:00", "03-20T00:00", "black"))
    ledger.close()
    (tmp_path / "case.toml").write_text(TEXT, encoding="utf-8")
    where = ["--contract", str(tmp_path / "case.toml"), "--ledger", str(tmp_path / "ledger.db"), "--month", "2026-03"]
    assert main(["sla", "close", *where]) == 0
    ledger = Ledger.open(tmp_path / "ledger.db")
    Shop(ledger, next_seq=50).send(outage("p3", "03-10T00:00", "03-20T00:00", "frozen"))
    ledger.close()
    capsys.readouterr()
    found = []
    for revision in ("latest", "now"):
        assert main(["claim", "draft", *where, "--revision", revision, "--format", "json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    closed, now = found
    assert (closed["revision"], now["revision"]) == (1, None)
    assert (len(closed["incidents"][0]["subjects"]), len(now["incidents"][0]["subjects"])) == (1, 2)
    assert main(["claim", "draft", *where]) == 0
    assert "The month is closed: these are the figures of revision 1, frozen on" in capsys.readouterr().out
