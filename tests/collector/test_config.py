"""One bad file per mistake: what can never work is said before anything starts, with file, key and remedy."""

from pathlib import Path

import pytest

from collector.config import load_config
from common.config import ConfigError

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
