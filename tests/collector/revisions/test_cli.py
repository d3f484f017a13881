"""Closing, listing, exporting and proving a month as an operator and a customer meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.ledger.ledger import Ledger
from signwatch.cli import main
from tests.collector.revisions.shop import CONTRACT, MONTH, TEXT, Shop, all_month, run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger in which March is long over, its contract, and a collector's configuration."""
    ledger = Ledger.open(tmp_path / "ledger.db")
    shop = Shop(ledger)
    shop.register()
    shop.send(*all_month("p1", "p2", "portal"))
    shop.send(run("p3", "02-28T12:00", "03-20T00:00", "playing"))
    ledger.close()
    (tmp_path / f"{CONTRACT}.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "collector.toml").write_text(
        f'[mqtt]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[contracts]\nfiles = ["{CONTRACT}.toml"]\n',
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def sla(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(command: str, *more: object, month: bool = True) -> tuple[int, str, str]:
        options: list[object] = [command, "--contract", CONTRACT, "--config", folder / "collector.toml"]
        status = main(["sla", *map(str, [*options, *(["--month", MONTH] if month else []), *more])])
        return status, *capsys.readouterr()

    return call


def late(folder: Path) -> None:
    ledger = Ledger.open(folder / "ledger.db")
    Shop(ledger, next_seq=50).send(run("p3", "03-20T00:00", "03-22T00:00", "frozen"))
    ledger.close()


def test_a_report_says_whether_the_month_is_closed_and_which_revision_it_is(folder: Path, sla: Run) -> None:
    assert "Not closed yet" in sla("report")[1]
    status, out, _ = sla("close", "--who", "ana")
    assert status == 0
    assert "ana: the time for late evidence was over" in out
    assert "the journal ends at" in out
    assert "FINAL: Revision 1, closed on" in sla("report")[1]
    late(folder)
    assert "DEFINITIVO: Revisión 1" in sla("report", "--lang", "es")[1]
    assert "Since revision 1: evidence of 1 player came late." in " ".join(sla("report")[1].split())
    assert "p3: 1 run came late; 48 h unknown became frozen." in sla("close")[1]
    told = sla("report")[1]
    assert "REVISED: Revision 2 of" in told
    assert "What changed since revision 1:\n- The figure was" in told
    assert "nothing has changed since" in sla("close")[1]
    assert "came late. The next" not in " ".join(sla("report")[1].split())


def test_an_old_revision_is_printed_exactly_as_it_was(folder: Path, sla: Run) -> None:
    sla("close")
    before = {form: sla("report", "--format", form)[1] for form in ("json", "csv", "html")}
    late(folder)
    sla("close")
    for form in ("json", "csv"):
        again = sla("report", "--format", form, "--revision", 1)[1]
        assert again.replace('"latest": 2', '"latest": 1') == before[form]
    html = sla("report", "--format", "html", "--revision", 1)[1]
    note = " This revision has been replaced since: the latest is revision 2."
    assert html.replace(note, "") == before["html"]
    assert sla("report", "--revision", "now", "--format", "json")[1].count('"revision": null') == 1


def test_html_says_what_changed_in_both_languages(folder: Path, sla: Run) -> None:
    sla("close")
    late(folder)
    sla("close")
    english, spanish = (sla("report", "--format", "html", "--lang", lang)[1] for lang in ("en", "es"))
    assert "<b>REVISED</b> Revision 2 of" in english
    assert "<li>p3: 1 run came late; 48 h unknown became frozen.</li>" in english
    assert "<b>REVISADO</b> Revisión 2 del" in spanish
    assert "<li>p3: 1 intervalo llegó tarde; 48 h de «desconocido» pasaron a «congelado».</li>" in spanish


def test_revisions_are_listed_as_a_table_and_as_json(folder: Path, sla: Run) -> None:
    assert sla("revisions", month=False) == (0, "", "no month of it is closed\n")
    sla("close")
    late(folder)
    sla("close")
    lines = sla("revisions", month=False)[1].splitlines()
    assert lines[0].startswith(f"{MONTH}    1  acme/{CONTRACT}  100.00%  0% (the level was reached)")
    assert lines[1].startswith(f"{MONTH}    2  acme/{CONTRACT}")
    assert lines[2].startswith("    - The figure was 100.00% and is ")
    found = json.loads(sla("revisions", "--format", "json")[1])["revisions"]
    assert [(each["month"], each["revision"], each["trigger"]) for each in found] == [
        (MONTH, 1, "settled"),
        (MONTH, 2, "evidence"),
    ]
    assert found[1]["previous_seal"] == found[0]["seal"]


def test_a_bundle_is_proved_without_a_ledger(
    folder: Path, sla: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sla("close")
    bundle = tmp_path / "march.zip"
    status, out, _ = sla("export", "-o", bundle)
    assert status == 0
    seal = out.split()[-1]
    (folder / "ledger.db").unlink()
    assert main(["sla", "verify", str(bundle), "--seal", seal]) == 0
    told = capsys.readouterr().out
    assert f"acme/{CONTRACT} {MONTH}, revision 1, seal {seal}" in told
    assert "equal: availability 100.00 %, discount 0 % (met)" in told
    bundle.write_bytes(bundle.read_bytes()[:-40])
    assert main(["sla", "verify", str(bundle)]) == 1
    err = capsys.readouterr().err
    assert f"{bundle}: is no readable bundle" in err
    assert "[bundle.unreadable]" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "--revision", "7"), "2026-03 of 'case' is not closed"),
        (("report", "--revision", "x"), "--revision: 'x' is no revision; write a number such as 1"),
        (("export", "-o", "b.zip"), "2026-03 of 'case' is not closed"),
        (("close", "--now"), "--why: is needed with --now"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_remedy(sla: Run, arguments: tuple[str, ...], message: str) -> None:
    status, _, err = sla(*arguments)
    assert status == 1
    assert message in err


def test_a_revision_that_does_not_exist_is_told_with_those_that_do(sla: Run) -> None:
    sla("close")
    assert "2026-03 has no revision 2; use one of: 1" in sla("report", "--revision", "2")[2]


def test_a_bundle_that_is_not_there_is_no_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["sla", "verify", str(tmp_path / "none.zip")]) == 1
    assert "none.zip: cannot be read (No such file or directory); check path" in capsys.readouterr().err


def test_a_claim_for_a_closed_month_is_drafted_from_what_was_published(
    folder: Path, sla: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    sla("close")
    late(folder)
    options = ["--contract", CONTRACT, "--config", str(folder / "collector.toml"), "--month", MONTH, "--format", "json"]

    def drafted() -> str:
        assert main(["claim", "draft", *options]) == 0
        return capsys.readouterr().out

    assert '"frozen"' not in drafted()
    sla("close")
    assert '"frozen"' in drafted()


@pytest.mark.parametrize("name", ["ledger.db", "backup.db", "ledger.db-wal"])
def test_no_output_overwrites_a_ledger(folder: Path, sla: Run, name: str) -> None:
    sla("close")
    target = folder / name
    target.write_bytes((folder / "ledger.db").read_bytes())
    before = target.read_bytes()
    for command, option in (("export", "-o"), ("report", "--output")):
        status, _, errors = sla(command, option, target)
        assert status == 1
        assert f"{target}: is a ledger, or belongs to one: it is not overwritten; name a file in a folder" in errors
    assert target.read_bytes() == before


def test_a_seal_may_be_noted_by_its_first_sixteen_digits_and_by_no_fewer(folder: Path, sla: Run) -> None:
    sla("close")
    bundle = folder / "march.zip"
    seal = sla("export", "-o", bundle)[1].split()[-1]
    assert f"  {seal[:16]}\n" in sla("revisions", month=False)[1]

    def verify(noted: str) -> int:
        return main(["sla", "verify", str(bundle), "--seal", noted])

    other = "0" if seal[15] != "0" else "1"
    assert [verify(noted) for noted in (seal, seal[:16], seal[:16].upper(), seal[:15] + other)] == [0, 0, 0, 1]
    for noted in (seal[:15], "x" * 64, seal + "0"):
        assert verify(noted) == 1


@pytest.mark.parametrize("command", ["report", "forecast", "close", "revisions", "export"])
@pytest.mark.parametrize("month", ["2026-3", "", "2026-13", "March", "٢٠٢٦-٠٣"])
def test_a_month_that_is_none_is_refused_before_anything_is_looked_at(
    capsys: pytest.CaptureFixture[str], command: str, month: str
) -> None:
    more = ["-o", "bundle.zip"] if command == "export" else []
    assert main(["sla", command, "--contract", "nowhere", "--ledger", "nowhere.db", "--month", month, *more]) == 1
    told = f"--month: {month!r} is no month; write it as YYYY-MM, such as 2026-03 [month.invalid]\n"
    assert capsys.readouterr().err == told


def test_a_customer_that_the_ledger_does_not_know_is_refused_everywhere(folder: Path, sla: Run) -> None:
    sla("close")
    told = "--tenant: there is no tenant 'acne'; did you mean 'acme'? [tenant.unknown]\n"
    assert sla("revisions", "--tenant", "acne", month=False) == (1, "", told)
    assert sla("export", "--tenant", "acne", "-o", folder / "bundle.zip") == (1, "", told)


@pytest.mark.parametrize("command", [["device", "list"], ["window", "list"], ["ruling", "list"]])
def test_lists_of_a_customer_that_is_none_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--ledger", str(folder / "ledger.db"), "--tenant", "acne"]) == 1
    assert "there is no tenant 'acne'; did you mean 'acme'?" in capsys.readouterr().err
