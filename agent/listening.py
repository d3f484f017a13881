"""Opens the agent's local doors as the configuration says: health, and where players report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.config import Settings
from agent.local import LocalServer, Routes
from agent.probes.base import Report
from agent.rules import parse_listen
from agent.status import Status
from common.config import ConfigError, Finding

HEALTH_PATH = "/healthz"
Mailboxes = Mapping[str, Callable[[Report], None]]


async def open_servers(settings: Settings, status: Status, mailboxes: Mailboxes) -> list[LocalServer]:
    """Listen wherever something is to be answered; ConfigError where a place cannot be had."""
    health: Routes = {("GET", HEALTH_PATH): status.health}
    doors = [await _open(settings, "health", settings.config.health.listen, settings.config.health.token, health)]
    if mailboxes:
        doors.append(await open_push(settings, mailboxes))
    return doors


async def open_push(settings: Settings, mailboxes: Mailboxes) -> LocalServer:
    """Listen for reports of the player's software; ConfigError where a place cannot be had."""
    from agent import reports  # most players' software reports nothing

    push = settings.config.push
    routes: Routes = {("POST", reports.PATH): reports.handler(mailboxes)}
    server = await _open(settings, "push", push.listen, push.token, routes)
    if push.socket:
        path = str(settings.path(push.socket))
        try:
            await server.listen_unix(path)
        except OSError as error:
            raise _refused(settings, "push.socket", path, error) from None
    return server


async def _open(settings: Settings, table: str, listen: str, token: str, routes: Routes) -> LocalServer:
    server = LocalServer(routes, token)
    if listen:
        place = parse_listen(listen)
        try:
            await server.listen(place.host, place.port)
        except OSError as error:
            raise _refused(settings, f"{table}.listen", listen, error) from None
    return server


def _refused(settings: Settings, key: str, place: str, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    remedy = "choose another place, or stop who holds it"
    return ConfigError(Finding("agent.door", str(settings.file), key, f"cannot listen on {place}: {reason}", remedy))
