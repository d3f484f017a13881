"""The web application behind a `Desk`: routes, and the server that carries them. docs/web.md says what each gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from collector.web import api, evidence, guard, months, pages, signin
from collector.web.auth import Gate, is_loopback
from collector.web.context import CONTEXT, Context
from collector.web.hub import Hub
from collector.web.listener import CONNECTIONS, Connections, Listener, patience
from collector.web.render import STATIC, Renderer
from collector.web.streams import API, PAGE, ApiStream, PageStream
from collector.web.texts import ENGLISH
from common.clock import SystemClock
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collector.views import Desk
    from common.clock import Clock

log = structlog.get_logger(__name__)

_HIGHEST_PORT: Final = 65535
_SHUTDOWN_S: Final = 2.0
_PLAYER: Final = r"{subject:[^/]+/[^/]+/[^/]+}"
_MONTHS: Final = "/agreements/{tenant}/{contract}/months"
_MONTH: Final = r"{month:\d{4}-\d{2}}"
_PLATFORM: Final = r"{subject:[^/]+/[^/]+}"


def build_app(
    desk: Desk, *, password: str = "", title: str = "signwatch", clock: Clock | None = None
) -> web.Application:
    """Make the application; it reads the desk's events while it runs.

    Args:
        desk: what it shows.
        password: opens everything; without one the application answers only to loopback names.
        title: stands in the head of each page.
        clock: for sessions and for the throttle of wrong passwords; the machine's own by default.
    """
    renderer = Renderer(ENGLISH)
    hub = Hub(desk, {API: ApiStream(desk), PAGE: PageStream(desk, renderer)})
    app = web.Application(
        middlewares=[guard.errors, patience, guard.check_host, guard.check_origin, guard.check_session],
        client_max_size=64 * 1024,
    )
    app[CONNECTIONS] = Connections()
    app[CONTEXT] = Context(desk, hub, Gate(password, clock or SystemClock()), renderer, title)
    app.on_response_prepare.append(guard.add_headers)
    app.cleanup_ctx.append(_run_hub)
    app.on_shutdown.append(_end_streams)
    app.add_routes(_routes())
    app.router.add_static("/static", STATIC)
    return app


def _routes() -> list[web.RouteDef]:
    return [
        web.get("/", pages.wall),
        web.get("/live", pages.live),
        web.get(f"/player/{_PLAYER}", pages.player),
        web.get(f"/platform/{_PLATFORM}", pages.platform),
        web.get("/alerts", pages.alerts),
        web.get("/newcomers", pages.newcomers),
        web.get(_MONTHS, months.months),
        web.get(f"{_MONTHS}/{_MONTH}/report", months.report),
        web.get(f"{_MONTHS}/{_MONTH}/claim", months.claim),
        web.get(f"{_MONTHS}/{_MONTH}/csv", months.csv),
        web.get(f"{_MONTHS}/{_MONTH}/json", months.frozen),
        web.get(f"{_MONTHS}/{_MONTH}/bundle", months.bundle),
        web.get("/login", signin.show),
        web.post("/login", signin.sign_in),
        web.post("/logout", signin.sign_out),
        web.get("/healthz", api.healthz),
        web.get("/metrics", api.metrics),
        web.get("/api/v1/players", api.players),
        web.get(f"/api/v1/players/{_PLAYER}", api.player),
        web.get("/api/v1/platforms", api.platforms),
        web.get(f"/api/v1/platforms/{_PLATFORM}", api.platform),
        web.get("/api/v1/figures", api.figures),
        web.get("/api/v1/alerts", api.alerts),
        web.get("/api/v1/newcomers", api.newcomers),
        web.get("/api/v1/conflicts", api.conflicts),
        web.get("/api/v1/timeline", api.timeline),
        web.get("/api/v1/outages", evidence.outages),
        web.get("/api/v1/clocks/{tenant}/{device}", evidence.clock),
        web.get("/api/v1/revisions", api.revisions),
        web.get("/api/v1/months", api.months),
        web.get("/api/v1/events", api.events),
    ]


async def _run_hub(app: web.Application) -> AsyncIterator[None]:
    hub = app[CONTEXT].hub
    hub.start()
    yield
    await hub.close()


async def _end_streams(app: web.Application) -> None:
    app[CONTEXT].hub.end_streams()


def parse_listen(listen: str, file: str = "", key: str = "web.listen") -> tuple[str, int]:
    """`127.0.0.1:8080`, `localhost:8080`, `[::1]:8080` → host and port; ConfigError for anything else."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    good_port = port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
    if not (colon and good_port and host) or (":" in host and not bracketed):
        message = f"{listen!r} is no address to listen on"
        raise ConfigError(Finding("web.listen", file, key, message, "write host:port, such as 127.0.0.1:8080"))
    return host.strip("[]"), int(port)


def check_listen(listen: str, password: str, file: str = "", key: str = "web.listen") -> tuple[str, int]:
    """Give host and port; ConfigError where others could reach the page and no password is set.

    `file` and `key` name where the address was configured, for the message.
    """
    host, port = parse_listen(listen, file, key)
    if not password and not is_loopback(host):
        message = f"{listen!r} can be reached from other machines, and no password is set"
        remedy = "set web.password, or listen on 127.0.0.1"
        raise ConfigError(Finding("web.open", file, key, message, remedy))
    return host, port


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `port` is the one it really has, where 0 was asked for."""

    host: str
    port: int
    _runner: web.AppRunner

    @property
    def url(self) -> str:
        """Give the address to open in a browser on this machine."""
        host = "localhost" if self.host in {"0.0.0.0", "::"} else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def close(self) -> None:
        """Stop listening, end the streams, and wait until all is down."""
        await self._runner.cleanup()


async def serve(
    desk: Desk, listen: str, password: str = "", *, title: str = "signwatch", clock: Clock | None = None
) -> Server:
    """Start to serve; ConfigError where the address may not or cannot be listened on."""
    host, port = check_listen(listen, password)
    app = build_app(desk, password=password, title=title, clock=clock)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await Listener(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        message = f"cannot listen on {listen!r} ({error.strerror or error})"
        raise ConfigError(
            Finding("web.bind", "", "web.listen", message, "free the port or choose another one")
        ) from None
    server = Server(host, int(runner.addresses[0][1]), runner)
    log.info("web_listening", url=server.url)
    return server
