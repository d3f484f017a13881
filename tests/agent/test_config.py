"""One wrong file per complaint; file, key and remedy asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import AgentConfig, Watched, load, parse
from agent.probes import PROBES
from agent.probes.mpv import MpvOptions
from agent.probes.process import ProcessOptions
from agent.rules import Listen, ListenError, parse_listen
from agent.station import rules_of
from common.config import ConfigError, documented_keys
from wire.runs import Confirm

FILE = Path("/etc/signwatch/agent.toml")
DOCS = Path(__file__).resolve().parents[2] / "docs"
HEAD = 'tenant = "acme"\ndevice = "p1"\n'
MQTT = '[mqtt]\nhost = "broker"\n'
CHECK = HEAD + MQTT + '[[checks]]\nid = "portal"\n'
MPV = '[[outputs]]\nid = "main"\nprobe = "mpv"\nmpv.socket = "/run/mpv.sock"\n'
GOOD = HEAD + MQTT + MPV


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse(text, FILE)
    return str(error.value).splitlines()


def test_a_short_file_is_enough() -> None:
    settings = parse(GOOD, FILE)
    assert (settings.config.interval_s, settings.port, settings.username) == (15.0, 1883, "acme/p1")
    assert settings.watched == {"main": [Watched("mpv", MpvOptions(socket="/run/mpv.sock"), 5.0, 5.0)]}
    assert settings.password() is None


def test_tls_changes_the_port_unless_one_is_given() -> None:
    assert parse(GOOD + "[mqtt.tls]\n", FILE).port == 8883
    assert parse(GOOD.replace('"broker"', '"broker"\nport = 9000') + "[mqtt.tls]\n", FILE).port == 9000


def test_confirm_rules_reach_the_run_machine_and_other_states_keep_its_own() -> None:
    text = GOOD + "interval_s = 2\ntimeout_s = 1\n[outputs.confirm.frozen]\nsamples = 3\nhold_s = 7.5\n"
    settings = parse(text, FILE)
    rules = rules_of(settings.config.outputs[0], settings.watched["main"])
    assert rules.for_state("frozen") == Confirm(3, 7500)
    assert rules.for_state("stopped") == Confirm(2, 0)
    assert rules.max_gap_ms == 9000


def test_several_probes_watch_one_output_each_with_its_own_keys_and_timing() -> None:
    several = GOOD.replace('probe = "mpv"', 'probe = ["mpv", "process"]')
    text = several + 'interval_s = 4\ntimeout_s = 3\nprocess.name = "mpv"\nprocess.interval_s = 30\n'
    settings = parse(text, FILE)
    assert settings.watched["main"] == [
        Watched("mpv", MpvOptions(socket="/run/mpv.sock"), 4.0, 3.0),
        Watched("process", ProcessOptions(name="mpv"), 30.0, 3.0),
    ]
    assert rules_of(settings.config.outputs[0], settings.watched["main"]).max_gap_ms == 21_000  # the quickest probe's


def test_the_players_own_programs_are_known_from_probes_and_from_the_table_or_not_at_all() -> None:
    assert parse(GOOD, FILE).own_programs() == {"mpv"}
    more = GOOD.replace('id = "main"', 'id = "main"\nprograms = ["signage-player-wrapper"]')
    assert parse(more, FILE).own_programs() == {"mpv", "signage-player-"}  # as the kernel cuts it
    assert parse(GOOD + '[[outputs]]\nid = "menu"\nprobe = "push"\n', FILE).own_programs() is None


def test_relative_paths_start_where_the_file_is() -> None:
    assert parse(GOOD, FILE).path("spool") == Path("/etc/signwatch/spool")
    assert parse(GOOD, FILE).path("/var/spool") == Path("/var/spool")


def test_the_password_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesam\n", encoding="utf-8")
    file = tmp_path / "agent.toml"
    file.write_text(GOOD.replace('"broker"', '"broker"\npassword_file = "secret"'), encoding="utf-8")
    assert load(file).password() == "sesam"


WRONG = [
    (
        GOOD + '[outputs.first_aid]\nunit = "player.service"\ncommand = ["true"]\n',
        "outputs[0].first_aid: it takes exactly one remedy (set: command and unit); set one of command, unit and probe",
    ),
    (GOOD + "[outputs.first_aid]\n", "outputs[0].first_aid: it takes exactly one remedy (set: none); set one of"),
    (
        GOOD + '[outputs.first_aid]\nprobe = "vlc"\n',
        "outputs[0].first_aid.probe: 'vlc' is no probe of this output that can make its player play again",
    ),
    (GOOD + '[outputs.first_aid]\nunit = "x"\nstates = ["off"]\n', "outputs[0].first_aid.states[0]: invalid enum"),
    (
        GOOD.replace('id = "main"', 'id = "main"\nneeds_link = true') + '[connectivity]\ntargets = ["192.0.2.1:443"]\n',
        "connectivity.targets: an output needs the link, and nobody says how to tell whether it is up; name two that",
    ),
    (
        GOOD + '[connectivity]\ntargets = ["192.0.2.1:443", "192.0.2.1:443"]\n',
        "connectivity.targets[1]: '192.0.2.1:443' is named twice; name two that can fail apart [agent.target_twice]",
    ),
    (
        GOOD + '[connectivity]\ntargets = ["192.0.2.1:99999"]\n',
        "connectivity.targets[0]: '192.0.2.1:99999' is not host:port; write it like",
    ),
    (
        GOOD + '[connectivity]\ntargets = ["192.0.2.1"]\n',
        "connectivity.targets[0]: expected `str` matching regex",
    ),
    (MQTT + MPV, "tenant: is missing; add tenant = … [config.missing_key]"),
    (GOOD.replace('"acme"', '"Acme"'), "tenant: expected `str` matching regex"),
    (HEAD + MPV, "mqtt: is missing; add mqtt = … [config.missing_key]"),
    (HEAD + MQTT, "outputs: there is nothing to watch; add [[outputs]], or [[checks]] on a server [agent.nothing]"),
    (GOOD.replace('id = "main"', 'id = "check.main"'), "outputs: 'check.main' is how a check is reported; choose"),
    (CHECK, "checks[0]: needs one thing to check, and names nothing; write url"),
    (CHECK + 'tcp = "a:1"\nprocess = "a"', "checks[0]: needs one thing to check, and names tcp and process; write url"),
    (CHECK + 'unit = "nginx"', "checks[0].unit: names no kind of unit; write nginx.service [agent.check_unit]"),
    (CHECK + "limits.cpu_percent = {}", "checks[0].limits.cpu_percent: limits nothing; write { at_most = 90 }"),
    (GOOD + '[clock]\nntp_server = "time:x"\n', "clock.ntp_server: 'time:x' is not host:port; write it like"),
    (CHECK + 'url = "portal"', "checks[0].url: is 'portal', which does not begin with http:// or https://; write"),
    (CHECK + 'tcp = "portal"', "checks[0].tcp: 'portal' is not host:port; write it like \"192.0.2.1:443\""),
    (CHECK + 'tcp = "a:1"\n[[checks]]\nid = "portal"\ntcp = "b:1"', "checks: 2 checks have the id 'portal'; give"),
    (CHECK + 'tcp = "a:1"\n[connectivity]\ntargets = ["b:1"]', "connectivity.targets: a target that does not answer"),
    ("outputs = [1]\n" + HEAD + MQTT, "outputs[0]: expected `object`, got `int`"),
    ("outputs = 1\n" + HEAD + MQTT, "outputs: expected `array`, got `int`"),
    (GOOD.replace("host", "hosts"), "mqtt.hosts: unknown key; did you mean 'host'? [config.unknown_key]"),
    (GOOD.replace('"broker"', '""'), "mqtt.host: expected `str` of length >= 1"),
    (GOOD.replace('"broker"', '"broker"\nport = 0'), "mqtt.port: expected `int` >= 1"),
    (
        GOOD.replace('"broker"', '"broker"\npassword = "a"\npassword_file = "b"'),
        "mqtt.password: password and password_file are both set; keep one of them [agent.password_twice]",
    ),
    (
        GOOD.replace('"broker"', '"broker"\nreconnect_min_s = 60\nreconnect_max_s = 5'),
        "mqtt.reconnect_min_s: is over reconnect_max_s; make it the smaller one [agent.reconnect]",
    ),
    (
        GOOD + '[mqtt.tls]\ncert_file = "a"\n',
        "mqtt.tls: cert_file and key_file belong together; set both or neither [agent.tls_pair]",
    ),
    (GOOD + MPV, "outputs: 2 outputs have the id 'main'; give each its own id [agent.output_twice]"),
    (
        GOOD.replace('"mpv"', '"omxplayer"'),
        f"outputs[0].probe: no probe 'omxplayer'; use one of: {', '.join(sorted(PROBES))} [agent.probe]",
    ),
    (
        GOOD.replace('"mpv"', '["mpv", "mpv"]'),
        "outputs[0].probe: 'mpv' is named twice; name it once [agent.probe_twice]",
    ),
    (GOOD.replace('"mpv"', "[]"), "outputs[0].probe: expected `array` of length >= 1"),
    (GOOD.replace('"mpv"', '["mpv", 1]'), "outputs[0].probe"),
    (GOOD + "mpv.interval_s = 0\n", "outputs[0].mpv.interval_s: expected `float` >= 0.2"),
    (GOOD.replace('probe = "mpv"\n', ""), "outputs[0].probe: is missing"),
    (GOOD.replace("mpv.socket", "mpv.sockett"), "outputs[0].mpv.sockett: unknown key; did you mean 'socket'?"),
    (
        GOOD.replace('mpv.socket = "/run/mpv.sock"\n', ""),
        "outputs[0].mpv.socket: is missing; add socket = … [config.missing_key]",
    ),
    (
        GOOD.replace("/run/mpv.sock", "/run/" + "x" * 200),
        "outputs[0].mpv.socket: is over 107 bytes; use a shorter path [agent.mpv_socket]",
    ),
    (GOOD + "process.name = 'x'\n", "outputs[0].process: unknown key; did you mean 'probe'? [config.unknown_key]"),
    (
        HEAD + MQTT + '[[outputs]]\nid = "main"\nprobe = "process"\n',
        "outputs[0].process: names no process; set name, cmdline or pidfile [agent.process_nobody]",
    ),
    (
        HEAD + MQTT + '[[outputs]]\nid = "main"\nprobe = "process"\nprocess.cmdline = "("\n',
        "outputs[0].process.cmdline: is no pattern",
    ),
    (GOOD + "[outputs.confirm.paused]\n", "outputs[0].confirm"),
    (GOOD + "[outputs.confirm.frozen]\nsamples = 0\n", "outputs[0].confirm"),
    (
        GOOD + '[health]\nlisten = "8787"\n',
        'health.listen: \'8787\' is not host:port; write it like "127.0.0.1:8787", or "" for none [agent.listen]',
    ),
    (
        GOOD + '[health]\nlisten = "0.0.0.0:8787"\n',
        (
            "health.listen: 0.0.0.0:8787 can be reached from other machines, and no token is set; "
            "listen on 127.0.0.1, or set health.token [agent.listen_open]"
        ),
    ),
    (
        HEAD + MQTT + '[push]\nlisten = "[::]:1"\n[[outputs]]\nid = "main"\nprobe = "push"\n',
        "push.listen: [::]:1 can be reached from other machines, and no token is set",
    ),
    (
        HEAD + MQTT + '[push]\nlisten = ""\n[[outputs]]\nid = "main"\nprobe = "push"\n',
        "push: nobody can report; set push.listen or push.socket [agent.push_nowhere]",
    ),
    ("tenant = ", "is not TOML"),
]


@pytest.mark.parametrize(("text", "complaint"), WRONG, ids=[complaint[:50] for _, complaint in WRONG])
def test_a_wrong_file_is_refused_with_file_key_and_remedy(text: str, complaint: str) -> None:
    lines = complaints(text)
    assert any(line.startswith(f"{FILE}: {complaint}") for line in lines), lines


def test_every_complaint_is_told_at_once() -> None:
    text = GOOD.replace('"broker"', '"broker"\nreconnect_min_s = 60\nreconnect_max_s = 5') + MPV
    assert len(complaints(text)) == 2


def test_a_token_opens_the_door_to_other_machines() -> None:
    assert parse(GOOD + '[health]\nlisten = "0.0.0.0:8787"\ntoken = "sesam"\n', FILE).config.health.token == "sesam"


@pytest.mark.parametrize(
    ("text", "place", "loopback"),
    [
        ("127.0.0.1:8787", Listen("127.0.0.1", 8787), True),
        ("localhost:1", Listen("localhost", 1), True),
        ("[::1]:80", Listen("::1", 80), True),
        ("10.0.0.1:80", Listen("10.0.0.1", 80), False),
        ("player.local:80", Listen("player.local", 80), False),
    ],
)
def test_where_to_listen_is_read(text: str, place: Listen, loopback: bool) -> None:
    assert parse_listen(text) == place
    assert place.loopback == loopback


@pytest.mark.parametrize("text", ["", ":80", "host", "host:", "host:x", "host:65536", "host:-1", "host:\uff18\uff10"])
def test_what_is_no_place_to_listen_is_refused(text: str) -> None:
    with pytest.raises(ListenError):
        parse_listen(text)


def every_key() -> set[str]:
    keys = documented_keys(AgentConfig)
    for name, kind in PROBES.items():
        keys |= documented_keys(kind.options, f"outputs.{name}.")
    return keys


@pytest.mark.parametrize("key", sorted(every_key()))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in (DOCS / "agent.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(PROBES))
def test_every_probe_has_a_page_with_its_keys_and_states(name: str) -> None:
    page = (DOCS / "probes" / f"{name}.md").read_text(encoding="utf-8")
    for key in documented_keys(PROBES[name].options):
        assert f"`{key}`" in page
    assert "`unknown`" in page


def test_the_example_is_a_file_that_works() -> None:
    settings = load(DOCS / "examples" / "agent.toml")
    assert settings.address == ("acme", "player-0001")
