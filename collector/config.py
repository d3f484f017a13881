"""The collector's configuration file (docs/collector.md). Paths in it are relative to the file itself."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import structlog

from collector.alerts.config import AlertsConfig
from collector.influx.config import InfluxConfig
from collector.intake.allowance import Limits, Rate
from collector.intake.senders import Intake
from collector.portal import Outlook
from collector.sla.contract import Contract, check_contract_toml
from collector.web.app import check_listen
from common.config import ConfigError, Finding, Section, load, read_text
from common.connectivity import parse_target
from common.logs import Format, Level

log = structlog.get_logger(__name__)

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
PerSecond = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Burst = Annotated[int, msgspec.Meta(ge=100, le=100_000_000)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=3600)]


class LedgerConfig(Section, frozen=True):
    """Where the evidence is kept."""

    path: str = "ledger.db"


class BackupConfig(Section, frozen=True):
    """Backups on a schedule; no `dir`: none."""

    dir: str = ""
    every_h: Annotated[int, msgspec.Meta(ge=1, le=24 * 31)] = 24
    keep: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 7


class RetentionConfig(Section, frozen=True):
    """How long what may go is kept; evidence and decisions never go."""

    deliveries_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 90
    alerts_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 800


class MqttConfig(Section, frozen=True):
    """The broker that devices report to. No `host`: the embedded one."""

    host: str = ""
    port: Port = 1883
    username: str = ""
    password: str = ""
    password_file: str = ""
    client_id: str = ""
    keepalive_s: Seconds = 30
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def read_password(self) -> str:
        """The password, from its file where one is named; read anew at each connect."""
        return read_text(Path(self.password_file)).strip() if self.password_file else self.password

    def tls_context(self) -> ssl.SSLContext | None:
        """What TLS needs, None without; OSError where a file cannot be used. Read anew at each connect."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        return context


class BrokerConfig(Section, frozen=True):
    """The broker inside this process; the table's presence switches it on."""

    listen: str = "127.0.0.1:1883"
    credentials: str = "credentials.toml"


class IngestConfig(Section, frozen=True):
    """How much a device may send, and all those together that are not registered (docs/poison.md)."""

    messages_per_s: PerSecond = 20
    messages_burst: Burst = 2_000
    runs_per_s: PerSecond = 100
    runs_burst: Burst = 100_000
    unregistered_devices_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 5_000
    unregistered_messages_per_s: PerSecond = 1_000
    unregistered_runs_per_s: PerSecond = 2_000

    def intake(self) -> Intake:
        """What the ingest makes of it: together, unregistered devices may burst like ten registered ones."""
        device = Limits(Rate(self.messages_burst, self.messages_per_s), Rate(self.runs_burst, self.runs_per_s))
        unregistered = Limits(
            Rate(self.messages_burst * 10, self.unregistered_messages_per_s),
            Rate(self.runs_burst * 10, self.unregistered_runs_per_s),
        )
        return Intake(device, unregistered, self.unregistered_devices_max)


class WebConfig(Section, frozen=True):
    """The page, the API, /healthz and /metrics."""

    listen: str = "127.0.0.1:8080"
    password: str = ""
    password_file: str = ""
    title: str = "signwatch"

    def read_password(self) -> str:
        """The password, from its file where one is named."""
        return read_text(Path(self.password_file)).strip() if self.password_file else self.password


class ContractsConfig(Section, frozen=True):
    """Contract files; the registry names each by its file name without `.toml`."""

    files: tuple[str, ...] = ()


class ConnectivityConfig(Section, frozen=True):
    """What else the collector tries before it believes its own check of a portal (docs/vantage-points.md)."""

    targets: Annotated[tuple[str, ...], msgspec.Meta(max_length=8)] = ()
    timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 3.0

    def __post_init__(self) -> None:
        """Refuse what is no target, and a single one, which may be ill itself."""
        for text in self.targets:
            try:
                parse_target(text)
            except ValueError as error:
                raise ValueError(
                    f'names a target that cannot be tried: {error}; write it like "192.0.2.1:443"'
                ) from None
        if len(set(self.targets)) != len(self.targets) or len(self.targets) == 1:
            raise ValueError("names one target alone, or one twice; name two that fail independently, or none")

    def outlook(self) -> Outlook:
        """Give it as the checks take it."""
        return Outlook(tuple(map(parse_target, self.targets)), self.timeout_s)


class LogConfig(Section, frozen=True):
    """Log lines on standard error."""

    level: Level = "info"
    format: Format = "auto"


class CollectorConfig(Section, frozen=True):
    """The whole file."""

    ledger: LedgerConfig = LedgerConfig()
    backup: BackupConfig = BackupConfig()
    retention: RetentionConfig = RetentionConfig()
    mqtt: MqttConfig = MqttConfig()
    ingest: IngestConfig = IngestConfig()
    broker: BrokerConfig | None = None
    web: WebConfig = WebConfig()
    contracts: ContractsConfig = ContractsConfig()
    alerts: AlertsConfig = AlertsConfig()
    influx: InfluxConfig | None = None
    connectivity: ConnectivityConfig = ConnectivityConfig()
    log: LogConfig = LogConfig()


def load_config(path: Path) -> CollectorConfig:
    """Read and check the file; ConfigError with every complaint's file, key and remedy."""
    config = load(path, CollectorConfig)
    check_listen(config.web.listen, config.web.read_password(), str(path))
    if not config.mqtt.host and config.broker is None:
        raise ConfigError(
            Finding(
                "collector.no_broker",
                str(path),
                "mqtt.host",
                "is missing and there is no [broker] table",
                "name your broker, or add a [broker] table for the embedded one",
            )
        )
    resolved = resolve(config, path.parent)
    check_mqtt(resolved.mqtt, str(path))
    return resolved


def check_mqtt(mqtt: MqttConfig, file: str) -> None:
    """ConfigError where the link to the broker could never be made: no such port, files that cannot be used."""
    if mqtt.host and mqtt.port == 0:
        finding = Finding(
            "collector.port", file, "mqtt.port", "is 0", "write the broker's port, 1883 or 8883 as a rule"
        )
        raise ConfigError(finding)
    mqtt.read_password()
    try:
        mqtt.tls_context()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        where = "mqtt.cert_file" if mqtt.cert_file else "mqtt.ca_file"
        finding = Finding("collector.tls", file, where, f"cannot be used ({error})", "check that the files are there")
        raise ConfigError(finding) from None


def resolve(config: CollectorConfig, base: Path) -> CollectorConfig:
    """Make every path absolute, seen from the configuration file's folder."""

    def at(name: str) -> str:
        return str((base / name).resolve()) if name else ""

    mqtt = msgspec.structs.replace(
        config.mqtt,
        password_file=at(config.mqtt.password_file),
        ca_file=at(config.mqtt.ca_file),
        cert_file=at(config.mqtt.cert_file),
        key_file=at(config.mqtt.key_file),
    )
    broker = config.broker
    if broker is not None:
        broker = msgspec.structs.replace(broker, credentials=at(broker.credentials))
    influx = config.influx
    if influx is not None:
        influx = influx.with_paths(at)
    return msgspec.structs.replace(
        config,
        ledger=msgspec.structs.replace(config.ledger, path=at(config.ledger.path)),
        backup=msgspec.structs.replace(config.backup, dir=at(config.backup.dir)),
        mqtt=mqtt,
        broker=broker,
        web=msgspec.structs.replace(config.web, password_file=at(config.web.password_file)),
        contracts=msgspec.structs.replace(config.contracts, files=tuple(at(name) for name in config.contracts.files)),
        alerts=config.alerts.with_paths(at),
        influx=influx,
    )


def load_contracts(files: Iterable[str]) -> dict[str, Contract]:
    """Contract files → contracts by name, each warning about them in the log; ConfigError as `check_contracts`."""
    contracts, warnings = check_contracts(files)
    for each in warnings:
        log.warning(
            "contract_caution", file=each.file, key=each.key, id=each.id, message=each.message, remedy=each.remedy
        )
    return contracts


def check_contracts(files: Iterable[str]) -> tuple[dict[str, Contract], list[Finding]]:
    """Contract files → contracts by name, and every warning; ConfigError for a wrong one, or two of one name."""
    contracts: dict[str, Contract] = {}
    warnings: list[Finding] = []
    for name in files:
        path = Path(name)
        if path.stem in contracts:
            finding = Finding(
                "collector.contract_twice", name, "contracts.files", f"a second contract {path.stem!r}", "rename one"
            )
            raise ConfigError(finding)
        contract, findings = check_contract_toml(read_text(path), name)
        if contract is None:
            raise ConfigError(*findings)
        contracts[path.stem] = contract
        warnings += findings
    return contracts, warnings
