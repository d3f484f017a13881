"""The way to the collector, step by step: name, TCP, TLS, login, its own topics, and whether anybody answers.

The login is a real one with a client id of its own, `signwatch:TENANT:DEVICE:doctor`. A broker that knows a device by
its user name would still cut off a running agent, so where one is online its link is the proof, and is left alone.

The collector is asked with a `runs` message that holds no run and bears the spool id `doctor`: it changes no figure,
and is answered by an `ack` without ranges. A broker cannot be asked what it allows: under MQTT 3.1.1 it acknowledges a
message whose topic is forbidden, too, and drops it; mosquitto 2.0.11 then hangs up as well.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import aiomqtt

from agent.config import Settings
from agent.doctor.model import Found
from agent.doctor.running import Health, password_of
from agent.publisher import connect, make_client, tls_context
from common.clock import Clock, monotonic_s
from common.config import ConfigError
from wire.messages import Ack, MessageError, Runs, decode, encode
from wire.topics import topic

STEP_S: Final = 10.0  # for each step
ANSWER_S: Final = 10.0  # for the collector, which commits before it answers
EXPIRES_SOON_DAYS: Final = 21
SPOOL: Final = "doctor"
_DAY_MS: Final = 86_400_000
_REFUSED: Final = 0x80  # in a SUBACK (MQTT 3.1.1, section 3.9.3)
# Return codes of CONNACK: MQTT 3.1.1 (section 3.2.2.3), and as paho says them in the words of version 5.
_BAD_PASSWORD: Final = frozenset({4, 134})
_NOT_AUTHORISED: Final = frozenset({5, 135})


async def look_at_broker(settings: Settings, clock: Clock, running: Health | None) -> list[Found]:
    """Every step until one fails: what is behind a locked door cannot be seen."""
    host, port = settings.config.mqtt.host, settings.port
    found = [await _name(host, port)]
    if found[-1].level == "ok":
        found.append(await _tcp(host, port))
    if found[-1].level == "ok":
        found += await _tls(settings, clock)
    if any(one.level == "wrong" for one in found):
        return found
    if running is not None and running.link.online:
        return [*found, *_of_running(settings, running)]
    return found + await _login(settings, clock)


async def _name(host: str, port: int) -> Found:
    try:
        async with asyncio.timeout(STEP_S):
            answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or ("no answer" if isinstance(error, TimeoutError) else str(error))
        remedy = "check mqtt.host for a slip, and the name servers in /etc/resolv.conf (getent hosts NAME)"
        return Found("wrong", "broker", "broker.name", f"the name {host} has no address: {reason}", remedy)
    addresses = ", ".join(dict.fromkeys(str(answer[4][0]) for answer in answers))
    return Found("ok", "broker", "broker.name", f"{host} has the address {addresses}")


async def _tcp(host: str, port: int) -> Found:
    try:
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except TimeoutError:
        message, remedy = f"no answer within {STEP_S:g} s", f"a firewall drops it: let TCP port {port} out"
    except ConnectionRefusedError:
        message, remedy = "nobody listens there", "check mqtt.port; is the broker running, and not on loopback only?"
    except OSError as error:
        message, remedy = error.strerror or str(error), "check the cable, the WLAN and the route (ip route)"
    else:
        return Found("ok", "broker", "broker.tcp", f"port {port} is open")
    return Found("wrong", "broker", "broker.tcp", f"{host}, port {port}: {message}", remedy)


async def _tls(settings: Settings, clock: Clock) -> list[Found]:
    mqtt = settings.config.mqtt
    try:
        context = tls_context(settings)
    except ConfigError:
        return [
            Found("wrong", "broker", "broker.tls", "not tried: its files cannot be used", "see configuration above")
        ]
    if context is None:
        return _in_clear(mqtt.host)
    try:
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(mqtt.host, settings.port, ssl=context, server_hostname=mqtt.host)
        certificate = writer.get_extra_info("peercert") or {}
        writer.transport.abort()
    except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
        return [_no_tls(error, clock)]
    return [_expiry(certificate, clock)]


def _in_clear(host: str) -> list[Found]:
    if host in {"localhost", "::1"} or host.startswith("127."):
        return []
    message = "without [mqtt.tls] the password and everything else can be read on the way"
    return [Found("note", "broker", "broker.clear", message, "add an empty table [mqtt.tls] if the broker speaks TLS")]


def _no_tls(error: Exception, clock: Clock) -> Found:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, clock)
    if isinstance(error, TimeoutError):
        remedy = "does that port speak TLS? the usual one is 8883"
        return Found("wrong", "broker", "broker.tls", "the TLS handshake is not answered", remedy)
    if isinstance(error, (ssl.SSLError, ConnectionResetError)):
        remedy = "the port may speak no TLS (then remove [mqtt.tls], or use port 8883), or want cert_file and key_file"
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        return Found("wrong", "broker", "broker.tls", f"the TLS handshake fails: {reason}", remedy)
    return Found("wrong", "broker", "broker.tls", f"the TLS handshake fails: {error}", "is the broker overloaded?")


def _untrusted(error: ssl.SSLCertVerificationError, clock: Clock) -> Found:
    reason = error.verify_message
    if "expired" in reason:
        remedy = "renew it at the broker" if clock.synced() else "first set this machine's clock; then renew it"
    elif "not yet valid" in reason:
        remedy = "this machine's clock is behind: see clock"
    elif "mismatch" in reason or "doesn't match" in reason or "not valid for" in reason:
        remedy = "write into mqtt.host a name that the certificate bears"
    else:
        remedy = "set mqtt.tls.ca_file to the certificate of the authority that signed it; never insecure = true"
    return Found("wrong", "broker", "broker.certificate", f"the broker's certificate is refused: {reason}", remedy)


def _expiry(certificate: dict[str, object], clock: Clock) -> Found:
    until = certificate.get("notAfter")
    if not isinstance(until, str):
        return Found("note", "broker", "broker.insecure", "TLS stands, with anybody", "remove mqtt.tls.insecure")
    days = (round(ssl.cert_time_to_seconds(until) * 1000) - clock.wall_ms()) // _DAY_MS
    message = f"TLS stands; the broker's certificate is good for {days} more days"
    if days < EXPIRES_SOON_DAYS:
        return Found("note", "broker", "broker.expires", message, "see that it is renewed, at the broker")
    return Found("ok", "broker", "broker.tls", message)


def _of_running(settings: Settings, running: Health) -> Iterator[Found]:
    user = settings.username
    yield Found("ok", "broker", "broker.login", f"the running agent is connected as {user}; its link is left alone")
    if running.spool.runs:
        message = f"{running.spool.runs} run(s) wait for an ack"
        remedy = "if they are more in a minute, no collector answers: stop the agent, and ask the doctor again"
        yield Found("note", "collector", "collector.waiting", message, remedy)
    else:
        yield Found("ok", "collector", "collector", "everything that the agent sent was acknowledged")


async def _login(settings: Settings, clock: Clock) -> list[Found]:
    address = settings.address
    name = f"signwatch:{address.tenant}:{address.device}:doctor"
    client = make_client(settings, password_of(settings), tls_context(settings), name)
    try:
        await connect(client)
        try:
            return [
                Found("ok", "broker", "broker.login", f"logged in as {settings.username}"),
                await _conversation(settings, client, clock),
            ]
        finally:
            await client.__aexit__(None, None, None)
    except aiomqtt.MqttCodeError as error:
        return [_refusal(settings.username, error)]
    except (aiomqtt.MqttError, OSError) as error:
        remedy = "is it an MQTT broker? read its log"
        return [Found("wrong", "broker", "broker.login", f"the broker does not go on: {error}", remedy)]


async def _conversation(settings: Settings, client: aiomqtt.Client, clock: Clock) -> Found:
    acks, user = topic(settings.address, "ack"), settings.username
    if any(_refuses(code) for code in await client.subscribe(acks, qos=1)):
        remedy = f"let the user {user} read {acks} (docs/broker.md)"
        return Found("wrong", "broker", "broker.subscribe", f"{user} may not hear its acks", remedy)
    return await _answer(settings, client, clock)


def _refuses(code: object) -> bool:
    value = getattr(code, "value", code)
    return isinstance(value, int) and value >= _REFUSED


def _refusal(user: str, error: aiomqtt.MqttCodeError) -> Found:
    code = getattr(error.rc, "value", error.rc)
    if code in _BAD_PASSWORD:
        message, remedy = "wrong user name or password", "set mqtt.password_file to what the broker has for that user"
    elif code in _NOT_AUTHORISED:
        message = "it is not let in: wrong user name or password, or a rule against it"
        remedy = "compare mqtt.username (tenant/device if not set) and the password with the broker's"
    else:
        message, remedy = str(error), "read the broker's log"
    return Found("wrong", "broker", "broker.login", f"the broker refuses {user}: {message}", remedy)


async def _answer(settings: Settings, client: aiomqtt.Client, clock: Clock) -> Found:
    question = Runs(
        spool=SPOOL,
        runs=[],
        boot=clock.boot_id(),
        sent_ms=clock.wall_ms(),
        mono_ms=clock.mono_ms(),
        synced=clock.synced(),
    )
    begun_s, runs = monotonic_s(), topic(settings.address, "runs")
    try:
        await client.publish(runs, encode(question), qos=1, timeout=STEP_S)
        async with asyncio.timeout(ANSWER_S):
            await _hear_answer(client)
    except TimeoutError:
        return _silence(settings.username, runs)
    except aiomqtt.MqttError as error:
        message = f"the broker hung up when it was told something ({error})"
        return Found(
            "wrong", "broker", "broker.publish", message, f"let {settings.username} write {runs} (docs/broker.md)"
        )
    took_ms = (monotonic_s() - begun_s) * 1000
    return Found("ok", "collector", "collector", f"it answered after {took_ms:,.0f} ms")


def _silence(user: str, runs: str) -> Found:
    """PURE."""
    message = f"the broker took a message, and no collector answered within {ANSWER_S:g} s"
    remedy = (
        "is the collector running and connected to the same broker (its /healthz)? do the broker's rules let "
        f"{user} write {runs} and read its own ack, and the collector the other way round (docs/broker.md)?"
    )
    return Found("wrong", "collector", "collector.silent", message, remedy)


async def _hear_answer(client: aiomqtt.Client) -> None:
    async for message in client.messages:
        try:
            ack = decode("ack", message.payload if isinstance(message.payload, bytes) else b"")
        except MessageError:
            continue  # the agent's own matter
        if isinstance(ack, Ack) and ack.spool == SPOOL:
            return
