"""One bad file per mistake: what can never work is said before anything starts, with file, key and remedy."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector.config import check_contracts, load_config, load_contracts
from collector.sla.contract import check_contract_toml
from common.config import ConfigError
from signwatch.cli import main

BAD = {
    "no port": ('[mqtt]\nhost = "b"\nport = 0', "mqtt.port: is 0; write the broker's port, 1883 or 8883 as a rule"),
    "no password": ('[mqtt]\nhost = "b"\npassword_file = "gone"', "gone: no such file; check the path"),
    "no authority": ('[mqtt]\nhost = "b"\ntls = true\nca_file = "gone"', "mqtt.ca_file: cannot be used"),
    "no certificate": ('[mqtt]\nhost = "b"\ntls = true\ncert_file = "gone"', "mqtt.cert_file: cannot be used"),
    "no broker": ("", "mqtt.host: is missing and there is no [broker] table; name your broker"),
}


@pytest.mark.parametrize(("text", "complaint"), BAD.values(), ids=BAD.keys())
def test_what_can_never_work_is_said_before_anything_starts(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert complaint in str(caught.value)


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("dear diary", encoding="utf-8")
    file = tmp_path / "collector.toml"
    file.write_text('[mqtt]\nhost = "b"\ntls = true\nca_file = "ca.pem"', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"collector\.toml: mqtt\.ca_file: cannot be used \(.*\); check that"):
        load_config(file)


ADMIRA = Path(__file__).parents[2] / "contracts" / "admira.toml"


def test_what_a_contract_should_be_looked_at_for_is_logged_at_every_start() -> None:
    with capture_logs() as logged:
        assert list(load_contracts([str(ADMIRA)])) == ["admira"]
    _, findings = check_contract_toml(ADMIRA.read_text(encoding="utf-8"), str(ADMIRA))
    told = [(line["id"], line["key"], line["message"], line["log_level"]) for line in logged]
    assert told == [(each.id, each.key, each.message, "warning") for each in findings]
    assert {line["event"] for line in logged} == {"contract_caution"}
    assert "contract.bands.hole" in {line["id"] for line in logged}


def test_checking_the_configuration_prints_the_same_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(f'[mqtt]\nhost = "b"\n[contracts]\nfiles = ["{ADMIRA}"]\n', encoding="utf-8")
    assert main(["collector", "check", "--config", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "OK (contracts: admira)" in out
    assert len(err.splitlines()) == len(check_contracts([str(ADMIRA)])[1]) > 3
    assert all(line.startswith(f"warning: {ADMIRA}: ") for line in err.splitlines())


def test_a_contract_that_is_wrong_is_refused_with_every_complaint(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('name = "n"\ntimezone = "Mars/Base"\ncolour = 1\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_contracts([str(wrong)])
    assert len(caught.value.findings) > 1
