from __future__ import annotations

from pathlib import Path

import pytest

from collector.influx.config import InfluxConfig
from collector.influx.writer import InfluxWriter
from common.clock import ManualClock
from common.config import ConfigError, parse


def test_a_url_is_enough() -> None:
    config = parse('url = "http://127.0.0.1:8086"', InfluxConfig, "c.toml")
    assert (config.version, config.org, config.bucket) == (2, "signwatch", "signwatch")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "c.toml: url: is missing; add url = … [config.missing_key]"),
        ('url = "127.0.0.1:8086"', "expected `str` matching regex"),
        ('url = "http://x"\nversion = 3', "c.toml: version: invalid enum value 3"),
        ('url = "http://x"\nbatch = 5', "c.toml: batch: unknown key; did you mean 'batch_lines'?"),
        ('url = "http://x"\nversion = 1\ntoken = "t"', "has a token, which version = 1 does not know"),
        ('url = "http://x"\nusername = "u"', "has username or create_database, which version = 2 does not know"),
        ('url = "http://x"\ntoken = "t"\ntoken_file = "f"', "has both token and token_file: keep one of them"),
        ('url = "http://x"\nversion = 1\ndatabase = "a\\"b"', "c.toml: database: expected `str` matching regex"),
        ('url = "http://x"\nspool_max_bytes = 5', "c.toml: spool_max_bytes: expected `int` >= 65536"),
    ],
)
def test_a_wrong_table_is_refused_with_its_key_and_a_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, InfluxConfig, "c.toml")
    assert complaint in str(refused.value)


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n", encoding="utf-8")
    config = InfluxConfig(url="http://x", token_file=str(tmp_path / "token"))
    assert config.secret("token") == "abc"
    missing = InfluxConfig(url="http://x", token_file=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"influx\.token_file: cannot be read"):
        missing.secret("token")


def test_paths_are_seen_from_the_configuration_file() -> None:
    config = InfluxConfig(url="http://x", token_file="token").with_paths(lambda name: f"/etc/{name}" if name else "")
    assert (config.token_file, config.spool_dir, config.ca_file) == ("/etc/token", "/etc/influx-spool", "")


@pytest.mark.parametrize("version", [1, 2])
def test_a_certificate_authority_that_is_none_is_named(tmp_path: Path, version: int) -> None:
    config = InfluxConfig(url="https://x", version=version, ca_file=str(tmp_path / "nowhere.pem"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"influx\.ca_file: cannot be used"):
        InfluxWriter(config, ManualClock(), tmp_path)
