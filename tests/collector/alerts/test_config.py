from __future__ import annotations

from fractions import Fraction

import pytest

from collector.alerts.config import AlertmanagerChannel, AlertsConfig, LogChannel, WebhookChannel
from collector.alerts.desk import build_channel
from collector.alerts.rules import KINDS
from common.config import ConfigError, parse


def test_without_a_word_alerts_go_to_the_log_with_sensible_numbers() -> None:
    config = parse("", AlertsConfig, "c.toml")
    assert config.channels == (LogChannel(),)
    rules = config.rules_for("acme/admira")
    assert (rules.hold_ms, rules.release_ms, rules.unknown_hold_ms) == (60_000, 60_000, 300_000)
    assert rules.close_margin == Fraction(1, 20)
    assert rules.kinds == frozenset(KINDS)


def test_the_first_table_that_fits_an_agreement_changes_what_it_names() -> None:
    config = parse(
        """
        hold_s = 30
        close_margin = 0.1
        [[agreements]]
        agreement = "acme/*"
        hold_s = 0.5
        kinds = ["breach"]
        [[agreements]]
        agreement = "*"
        hold_s = 7
        """,
        AlertsConfig,
        "c.toml",
    )
    acme, other = config.rules_for("acme/admira"), config.rules_for("bar/admira")
    assert (acme.hold_ms, acme.kinds, acme.close_margin) == (500, frozenset({"breach"}), Fraction(1, 10))
    assert (other.hold_ms, other.kinds) == (7_000, frozenset(KINDS))


def test_every_kind_of_channel_can_be_asked_for() -> None:
    config = parse(
        """
        [[channels]]
        kind = "webhook"
        url = "https://hooks.example/x"
        secret = "s"
        headers = { Authorization = "Bearer t" }
        [[channels]]
        kind = "alertmanager"
        url = "http://127.0.0.1:9093"
        labels = { team = "noc" }
        [[channels]]
        kind = "log"
        name = "journal"
        """,
        AlertsConfig,
        "c.toml",
    )
    assert [type(channel) for channel in config.channels] == [WebhookChannel, AlertmanagerChannel, LogChannel]
    assert [channel.name for channel in config.channels] == ["webhook", "alertmanager", "journal"]


def test_paths_are_seen_from_the_configuration_file() -> None:
    channels = (
        WebhookChannel(url="http://x", secret_file="s", ca_file="c"),
        AlertmanagerChannel(url="http://x", ca_file="c"),
        LogChannel(),
    )
    config = AlertsConfig(channels=channels).with_paths(lambda name: f"/etc/{name}" if name else "")
    hook, alertmanager, log = config.channels
    assert isinstance(hook, WebhookChannel)
    assert isinstance(alertmanager, AlertmanagerChannel)
    assert (hook.secret_file, hook.ca_file, alertmanager.ca_file, log) == ("/etc/s", "/etc/c", "/etc/c", LogChannel())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            '[[channels]]\nkind = "webhok"\nurl = "http://x"',
            "c.toml: channels[0].kind: invalid value 'webhok'; use one of alertmanager, log, webhook [config.value]",
        ),
        ("[[channels]]\n", "c.toml: channels[0].kind: is missing; add kind = … [config.missing_key]"),
        ('[[channels]]\nkind = "webhook"', "c.toml: channels[0].url: is missing; add url = … [config.missing_key]"),
        (
            '[[channels]]\nkind = "log"\nurll = "http://x"',
            "c.toml: channels[0].urll: unknown key; did you mean 'url'? [config.unknown_key]",
        ),
        (
            '[[channels]]\nkind = "log"\n[[channels]]\nkind = "log"',
            "c.toml: has two channels named 'log': give each channel its own name; correct the value [config.value]",
        ),
        (
            '[[channels]]\nkind = "webhook"\nurl = "http://x"\nsecret = "a"\nsecret_file = "b"',
            "c.toml: channels[0]: has both secret and secret_file: keep one of them; correct the value [config.value]",
        ),
        (
            "close_margin = 5",
            "c.toml: has close_margin = 5: it is a share, write 0.05 for 5 %; correct the value [config.value]",
        ),
        (
            '[[channels]]\nkind = "webhook"\nurl = "http://x"\nheaders = { X-A = "a\\nb" }',
            "c.toml: channels[0].headers.X-A: expected `str` matching regex",
        ),
        (
            '[[channels]]\nkind = "alertmanager"\nurl = "http://x"\nlabels = { my-team = "noc" }',
            "c.toml: channels[0].labels: expected `str` matching regex",
        ),
        ("hold = 5", "c.toml: hold: unknown key; did you mean 'hold_s'? [config.unknown_key]"),
        ("hold_s = -1", "c.toml: hold_s: expected `float` >= 0.0; correct the value [config.value]"),
        (
            '[[agreements]]\nagreement = "*"\nkinds = ["breech"]',
            (
                "c.toml: agreements[0].kinds[0]: invalid enum value 'breech'; "
                "use one of players_down, breach, players_unknown, burn_rate, burn_rate_slow [config.value]"
            ),
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_key_and_a_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, AlertsConfig, "c.toml")
    assert str(refused.value).startswith(complaint)


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: object) -> None:
    channel = WebhookChannel(url="http://x", secret_file=f"{tmp_path}/nowhere")
    with pytest.raises(ConfigError, match=r"channels\.webhook\.secret_file: cannot be read .*No such file"):
        build_channel(channel, "")


def test_a_secret_that_is_not_what_its_prefix_says_is_refused() -> None:
    channel = WebhookChannel(url="http://x", secret="whsec_not base64!")
    with pytest.raises(ConfigError, match="begins with whsec_ but the rest is not base64"):
        build_channel(channel, "")


def test_a_certificate_authority_that_is_none_is_named(tmp_path: object) -> None:
    channel = AlertmanagerChannel(url="https://x", ca_file=f"{tmp_path}/nowhere.pem")
    with pytest.raises(ConfigError, match=r"channels\.alertmanager\.ca_file: cannot be used"):
        build_channel(channel, "")
