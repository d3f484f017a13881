"""PURE. What a well-typed configuration may still get wrong. Each finding has a stable id and a remedy."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from agent.schedule import schedule_complaints
from common.config import Finding
from wire.votes import is_check

if TYPE_CHECKING:
    from agent.config import AgentConfig

_PORTS = 65_535
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LEAST_TARGETS = 2


class ListenError(ValueError):
    """The text is no `host:port`."""


class Listen(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host in _LOOPBACK:  # as nearly everybody writes it
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name may lead anywhere


def parse_listen(text: str) -> Listen:
    """`"127.0.0.1:8787"`, `"[::1]:8787"` → host and port; ListenError otherwise."""
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) <= _PORTS):
        raise ListenError(f"{text!r} is not host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        raise ListenError(f"{text!r} names no host")
    return Listen(host, int(port))


def findings(config: AgentConfig, file: str) -> list[Finding]:
    """Every complaint about the file."""
    return [Finding(name, file, key, message, remedy) for name, key, message, remedy in _complaints(config)]


_Complaint = tuple[str, str, str, str]


def _complaints(config: AgentConfig) -> Iterator[_Complaint]:
    for output, count in Counter(output.id for output in config.outputs).items():
        if count > 1:
            yield "agent.output_twice", "outputs", f"{count} outputs have the id {output!r}", "give each its own id"
        if is_check(output):
            remedy = "choose another id; to check a service, use [[checks]]"
            yield "agent.output_check", "outputs", f"{output!r} is how a check is reported", remedy
    yield from _first_aid(config)
    if not (config.outputs or config.checks):
        yield "agent.nothing", "outputs", "there is nothing to watch", "add [[outputs]], or [[checks]] on a server"
    yield from _checks(config)
    yield from _mqtt(config)
    yield from _targets(config)
    if config.schedule is not None:
        for name, key, message, remedy in schedule_complaints(config.schedule):
            yield name, f"schedule.{key}", message, remedy
    yield from _clock(config.clock.ntp_server)
    yield from _listen("health", config.health.listen, config.health.token)
    if any("push" in output.probes for output in config.outputs):
        yield from _listen("push", config.push.listen, config.push.token)
        if not (config.push.listen or config.push.socket):
            yield "agent.push_nowhere", "push", "nobody can report", "set push.listen or push.socket"


def _clock(server: str) -> Iterator[_Complaint]:
    if not server:
        return
    try:
        parse_listen(server if ":" in server else f"{server}:123")
    except ListenError as error:
        yield "agent.ntp_server", "clock.ntp_server", str(error), 'write it like "time.example.com"'


def _first_aid(config: AgentConfig) -> Iterator[_Complaint]:
    for place, output in enumerate(config.outputs):
        if output.first_aid is not None and len(output.first_aid.remedies) != 1:
            named = " and ".join(output.first_aid.remedies) or "none"
            message = f"it takes exactly one remedy (set: {named})"
            yield "agent.first_aid", f"outputs[{place}].first_aid", message, "set one of command, unit and probe"


def _checks(config: AgentConfig) -> Iterator[_Complaint]:
    for name, count in Counter(check.id for check in config.checks).items():
        if count > 1:
            yield "agent.check_twice", "checks", f"{count} checks have the id {name!r}", "give each its own id"
    for place, check in enumerate(config.checks):
        key = f"checks[{place}]"
        if len(check.kinds) != 1:
            remedy = 'write url = "https://…", tcp = "host:port", unit = "x.service", process = "x", or limits = {…}'
            named = " and ".join(check.kinds) or "nothing"
            yield "agent.check_target", key, f"needs one thing to check, and names {named}", remedy


def _mqtt(config: AgentConfig) -> Iterator[_Complaint]:
    mqtt = config.mqtt
    if mqtt.password and mqtt.password_file:
        yield "agent.password_twice", "mqtt.password", "password and password_file are both set", "keep one of them"
    if mqtt.reconnect_min_s > mqtt.reconnect_max_s:
        yield "agent.reconnect", "mqtt.reconnect_min_s", "is over reconnect_max_s", "make it the smaller one"
    if mqtt.tls and bool(mqtt.tls.cert_file) != bool(mqtt.tls.key_file):
        yield "agent.tls_pair", "mqtt.tls", "cert_file and key_file belong together", "set both or neither"


def _targets(config: AgentConfig) -> Iterator[_Complaint]:
    targets = config.connectivity.targets
    for place, text in enumerate(targets):
        key = f"connectivity.targets[{place}]"
        if text in targets[:place]:
            yield "agent.target_twice", key, f"{text!r} is named twice", "name two that can fail apart"
        try:
            parse_listen(text)
        except ListenError as error:
            yield "agent.target", key, str(error), 'write it like "192.0.2.1:443"'
    if any(output.needs_link for output in config.outputs) and len(targets) < _LEAST_TARGETS:
        message = "an output needs the link, and nobody says how to tell whether it is up"
        yield "agent.no_targets", "connectivity.targets", message, "name two that can fail apart"
    elif config.checks and 0 < len(targets) < _LEAST_TARGETS:
        message = "a target that does not answer may be ill itself"
        yield "agent.one_target", "connectivity.targets", message, "name two that can fail apart, or none"


def _listen(table: str, text: str, token: str) -> Iterator[_Complaint]:
    if not text:
        return
    try:
        listen = parse_listen(text)
    except ListenError as error:
        yield "agent.listen", f"{table}.listen", str(error), 'write it like "127.0.0.1:8787", or "" for none'
        return
    if not listen.loopback and not token:
        yield (
            "agent.listen_open",
            f"{table}.listen",
            f"{text} can be reached from other machines, and no token is set",
            f"listen on 127.0.0.1, or set {table}.token",
        )
