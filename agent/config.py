"""The agent's configuration file (TOML). docs/agent.md documents every key.

Two passes: the tables of the probes are typed by the probes themselves (`agent.probes.PROBES`), so that a new probe
brings its own keys; everything else is typed here. Nothing here opens a file but the configuration itself; what else
on this machine may stand in the way is `agent.check`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from agent.firstaid import FirstAidTable
from agent.limits import Limit
from agent.probes import PROBES
from agent.processes import COMM_CHARS
from agent.rules import findings
from agent.schedule import ScheduleTable
from common import logs
from common.config import ConfigError, Finding, Section, convert, parse_toml, read_text
from wire.messages import MAX_INTERVAL_S, Id
from wire.states import PlayerState
from wire.topics import ID_PATTERN, Address
from wire.votes import LONGEST_PLATFORM

Seconds = Annotated[float, msgspec.Meta(gt=0, le=MAX_INTERVAL_S)]
Interval = Annotated[float, msgspec.Meta(ge=0.2, le=3600)]
Timeout = Annotated[float, msgspec.Meta(ge=1, le=3600)]  # less than a first reading takes proves nothing
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
TargetText = Annotated[
    str, msgspec.Meta(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[1-9][0-9]{0,4}$")
]  # host:port
MAX_OUTPUTS: Final = 32  # so that a heartbeat always fits into 64 KiB
MAX_CHECKS: Final = 16
CHECK_KINDS: Final = ("http", "tcp", "systemd", "process", "limits")
MQTT_PORT: Final = 1883
MQTTS_PORT: Final = 8883


class Tls(Section, frozen=True):
    """`[mqtt.tls]`: its presence turns TLS on."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure: bool = False


class Mqtt(Section, frozen=True):
    """`[mqtt]`: the broker."""

    host: Text
    port: Port | None = None
    username: str = ""
    password: str = ""
    password_file: str = ""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=65_535)] = 30
    reconnect_min_s: Seconds = 1.0
    reconnect_max_s: Seconds = 120.0
    transport: Literal["tcp", "websockets"] = "tcp"
    websocket_path: str = "/mqtt"
    tls: Tls | None = None


class SpoolTable(Section, frozen=True):
    """`[spool]`: where evidence waits."""

    dir: Text = "/var/lib/signwatch/spool"
    max_bytes: Annotated[int, msgspec.Meta(ge=64 * 1024, le=2**40)] = 16 * 1024 * 1024
    max_age_days: Annotated[float, msgspec.Meta(ge=1, le=3650)] = 400.0
    sign_of_life_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0


class Health(Section, frozen=True):
    """`[health]`: where `/healthz` is answered."""

    listen: str = "127.0.0.1:8787"
    token: str = ""


class Push(Section, frozen=True):
    """`[push]`: where players report to; opened only if an output uses the probe `push`."""

    listen: str = "127.0.0.1:8788"
    socket: str = ""
    token: str = ""


class Log(Section, frozen=True):
    """`[log]`: what the agent writes to standard error."""

    level: logs.Level = "info"
    format: logs.Format = "auto"


class ConfirmTable(Section, frozen=True):
    """`[outputs.confirm.STATE]`: what it takes to believe that state."""

    samples: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    hold_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0


class Timing(Section, frozen=True):
    """What every probe's own table may hold besides the probe's keys; absent: as the output says."""

    interval_s: Interval | None = None
    timeout_s: Timeout | None = None


class Output(Section, frozen=True):
    """`[[outputs]]`: one playback output and the probe, or probes, that watch it."""

    id: Id
    probe: str | Annotated[list[str], msgspec.Meta(min_length=1)]
    interval_s: Interval = 5.0
    timeout_s: Timeout = 5.0
    confirm: dict[PlayerState, ConfirmTable] = msgspec.field(default_factory=dict)
    needs_link: bool = False
    programs: tuple[Text, ...] = ()
    first_aid: FirstAidTable | None = None

    @property
    def probes(self) -> list[str]:
        """Their names, as given."""
        return [self.probe] if isinstance(self.probe, str) else self.probe


class ConnectivityTable(Section, frozen=True):
    """`[connectivity]`: whom to reach, to tell a link that is down from a player that is."""

    targets: Annotated[tuple[TargetText, ...], msgspec.Meta(max_length=8)] = ()


class CheckTable(Section, frozen=True):
    """`[[checks]]`: a service that is asked whether it is up; `id` is the platform part of the registry."""

    id: Annotated[str, msgspec.Meta(pattern=rf"^{ID_PATTERN}\Z", max_length=LONGEST_PLATFORM)]
    url: str = ""
    tcp: str = ""
    unit: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9:_.\\@-]{0,255}$")] = ""
    process: str = ""
    limits: Annotated[dict[Text, Limit], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    expect_status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    expect_text: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 5
    ca_file: str = ""
    certificate_days_min: Annotated[int, msgspec.Meta(ge=0, le=365)] = 14
    interval_s: Annotated[float, msgspec.Meta(ge=0.2, le=3600)] = 30.0
    timeout_s: Annotated[float, msgspec.Meta(ge=0.5, le=600)] = 10.0
    failures: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2

    @property
    def kinds(self) -> list[str]:
        """What is checked: one of CHECK_KINDS, unless the file is mistaken."""
        named = (self.url, self.tcp, self.unit, self.process, self.limits)
        return [kind for kind, value in zip(CHECK_KINDS, named, strict=True) if value]

    @property
    def kind(self) -> str:
        """The one of them."""
        return self.kinds[0]


class ClockTable(Section, frozen=True):
    """`[clock]`: who is asked how far this machine's clock is from true time, before the machine's own service."""

    ntp_server: str = ""


class AgentConfig(Section, frozen=True):
    """The whole file, but for the probes' own tables."""

    tenant: Id
    device: Id
    mqtt: Mqtt
    outputs: Annotated[list[Output], msgspec.Meta(max_length=MAX_OUTPUTS)] = msgspec.field(default_factory=list)
    checks: Annotated[list[CheckTable], msgspec.Meta(max_length=MAX_CHECKS)] = msgspec.field(default_factory=list)
    role: Literal["player", "server"] = "player"
    interval_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 15.0
    host_interval_s: Annotated[float, msgspec.Meta(ge=1, le=MAX_INTERVAL_S)] = 240.0
    spool: SpoolTable = SpoolTable()
    health: Health = Health()
    push: Push = Push()
    log: Log = Log()
    schedule: ScheduleTable | None = None
    clock: ClockTable = ClockTable()
    connectivity: ConnectivityTable = ConnectivityTable()


@dataclass(frozen=True, slots=True)
class Watched:
    """One probe of an output: its name, its own table, and how often and how long it is asked."""

    probe: str
    options: Section
    interval_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration that can be used: the file, and the probes of each output."""

    file: Path
    config: AgentConfig
    watched: dict[str, list[Watched]]  # by output

    @property
    def address(self) -> Address:
        """Who this agent is."""
        return Address(self.config.tenant, self.config.device)

    @property
    def port(self) -> int:
        """The broker's port: as given, or what MQTT is usually found on."""
        return self.config.mqtt.port or (MQTTS_PORT if self.config.mqtt.tls else MQTT_PORT)

    @property
    def username(self) -> str:
        """The name to log in with: as given, or "tenant/device"."""
        return self.config.mqtt.username or str(self.address)

    def own_programs(self) -> frozenset[str] | None:
        """Names of the programs that play, as the kernel cuts them; None where an output's are not known."""
        names: set[str] = set()
        for output in self.config.outputs:
            of_probes = {name for one in self.watched[output.id] for name in PROBES[one.probe].processes(one.options)}
            if not (of_probes or output.programs):
                return None
            names |= of_probes | set(output.programs)
        return frozenset(name[:COMM_CHARS] for name in names)

    def path(self, text: str) -> Path:
        """A path from the file: relative ones start where the file is."""
        return self.file.parent / text

    def password(self) -> str | None:
        """The password to log in with, None for none; ConfigError where its file cannot be read."""
        if not self.config.mqtt.password_file:
            return self.config.mqtt.password or None
        return read_text(self.path(self.config.mqtt.password_file)).strip()


def load(file: Path) -> Settings:
    """Read and check the file; ConfigError with every finding otherwise."""
    return parse(read_text(file), file)


def parse(text: str, file: Path) -> Settings:
    """TOML text → settings; ConfigError with findings otherwise."""
    data = parse_toml(text, str(file))
    tables = _take_out_probe_tables(data, str(file))
    config = convert(data, AgentConfig, str(file))
    if found := [*findings(config, str(file)), *_check_findings(config, file)]:
        raise ConfigError(*found)
    if wrong := [finding for place, output in enumerate(config.outputs) for finding in _unhealing(place, output, file)]:
        raise ConfigError(*wrong)
    watched = {
        output.id: [_watched(place, output, name, tables[place], str(file)) for name in output.probes]
        for place, output in enumerate(config.outputs)
    }
    return Settings(file, config, watched)


def _check_findings(config: AgentConfig, file: Path) -> Iterator[Finding]:
    if config.checks:
        from agent.checks import check_findings  # it speaks HTTP, which most players never do

        yield from check_findings(config.checks, str(file))


def _take_out_probe_tables(data: dict[str, object], file: str) -> list[dict[str, object]]:
    """Take each output's probe tables out of the plain data, so that the rest is strictly typed without them."""
    outputs = data.get("outputs")
    tables: list[dict[str, object]] = []
    for place, output in enumerate(outputs if isinstance(outputs, list) else []):
        if not isinstance(output, dict):
            continue  # the strict pass complains
        probe = output.get("probe")
        names = [probe] if isinstance(probe, str) else probe
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            _known(place, names, file)
            tables.append({name: output.pop(name, {}) for name in dict.fromkeys(names)})
        else:  # the strict pass complains of that, and shall not of what follows from it
            for name in PROBES:
                output.pop(name, None)
    return tables


def _unhealing(place: int, output: Output, file: Path) -> Iterator[Finding]:
    """First aid by a probe that does not watch the output, or cannot heal."""
    name = output.first_aid.probe if output.first_aid is not None else ""
    if name and (name not in output.probes or not PROBES[name].heals):
        able = ", ".join(sorted(known for known, kind in PROBES.items() if kind.heals))
        message = f"{name!r} is no probe of this output that can make its player play again (these can: {able})"
        key = f"outputs[{place}].first_aid.probe"
        yield Finding("agent.first_aid_probe", str(file), key, message, "set unit or command instead")


def _known(place: int, names: list[str], file: str) -> None:
    key = f"outputs[{place}].probe"
    for name, count in Counter(names).items():
        if name not in PROBES:
            remedy = f"use one of: {', '.join(sorted(PROBES))}"
            raise ConfigError(Finding("agent.probe", file, key, f"no probe {name!r}", remedy))
        if count > 1:
            raise ConfigError(Finding("agent.probe_twice", file, key, f"{name!r} is named twice", "name it once"))


def _watched(place: int, output: Output, name: str, tables: dict[str, object], file: str) -> Watched:
    prefix, kind, table = f"outputs[{place}].{name}", PROBES[name], tables[name]
    timing: dict[str, object] = {}
    if isinstance(table, dict):  # else the probe's own pass complains
        timing = {key: table.pop(key) for key in Timing.__struct_fields__ if key in table}
    try:
        said, options = convert(timing, Timing, file), convert(table, kind.options, file)
    except ConfigError as error:
        raise ConfigError(*(_under(prefix, finding) for finding in error.findings)) from None
    wrong = [Finding(one.id, file, one.key, one.message, one.remedy) for one in kind.complaints(options)]
    if wrong:
        raise ConfigError(*(_under(prefix, finding) for finding in wrong))
    interval_s = said.interval_s or max(output.interval_s, kind.least_interval_s)
    return Watched(name, options, interval_s, said.timeout_s or output.timeout_s)


def _under(prefix: str, finding: Finding) -> Finding:
    key = f"{prefix}.{finding.key}" if finding.key else prefix
    return Finding(finding.id, finding.file, key, finding.message, finding.remedy, finding.level)
