"""What stands before every handler: errors in one shape, security headers, the host check, the sign-in."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from collector.web.auth import COOKIE, RENEW_S, SESSION_S, is_loopback
from collector.web.context import context, html
from collector.web.encoding import encode
from collector.web.problems import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OPEN: Final = frozenset({"/healthz", "/login"})
_MACHINE: Final = ("/api/", "/metrics", "/healthz", "/live")
_REMEDIES: Final = {
    HTTPStatus.NOT_FOUND: "check the address; docs/web.md lists them all",
    HTTPStatus.METHOD_NOT_ALLOWED: "use one of the methods in the Allow header",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the security headers on every answer, streams and files included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-cache" if request.path.startswith("/static/") else "no-store")


def set_session(request: web.Request, response: web.StreamResponse) -> None:
    """Give the browser a new session."""
    response.set_cookie(
        COOKIE,
        context(request).gate.new_session(),
        max_age=SESSION_S,
        httponly=True,
        samesite="Lax",
        secure=request.secure,
        path="/",
    )


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into JSON for programs and a page for people."""
    try:
        return await handler(request)
    except RequestError as error:
        return _answer(request, error)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        status = HTTPStatus(error.status)
        remedy = _REMEDIES.get(status, "check the request")
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        name = status.phrase.lower().replace(" ", "_").replace("-", "_")
        return _answer(request, RequestError(status, name, f"{status.phrase}: {request.path[:200]}", remedy, headers))
    except Exception:
        log.exception("request_failed", path=request.path)
        return _answer(
            request, RequestError(500, "internal", "the collector failed to answer", "see the collector's log")
        )


def _answer(request: web.Request, error: RequestError) -> web.StreamResponse:
    if request.path.startswith(_MACHINE):
        return web.Response(
            body=encode(error.as_json()),
            status=error.status,
            content_type="application/json",
            headers=error.headers,
        )
    response = html(request, "error.html", status=error.status, message=error.message, remedy=error.remedy)
    response.headers.update(error.headers)
    return response


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without a password, answer only to loopback names: a foreign page may point its own name at 127.0.0.1."""
    if not context(request).gate.locked and request.path != "/healthz":
        host = _host_name(request.headers.get("Host", ""))
        if not is_loopback(host):
            raise RequestError(
                421,
                "host_refused",
                f"without a password this page answers only to loopback names, not to {host[:100]!r}",
                "open it as http://localhost, or set web.password",
            )
    return await handler(request)


def _host_name(header: str) -> str:
    """Give the name in a Host header without its port; "" where it is malformed."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse forms that another site sends (Fetch Metadata, else Origin)."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        site = request.headers.get("Sec-Fetch-Site", "")
        origin = request.headers.get("Origin", "")
        same_host = not origin or origin.partition("://")[2] == request.headers.get("Host", "")
        if (site and site not in {"same-origin", "none"}) or not same_host:
            raise RequestError(403, "cross_site", "this form was sent by another site", "open the page itself")
    return await handler(request)


@web.middleware
async def check_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who knows the password, by session (renewed when it ages) or by HTTP Basic."""
    gate = context(request).gate
    if not gate.locked or request.path in _OPEN or request.path.startswith("/static/"):
        return await handler(request)
    age_s = gate.session_age_s(request.cookies.get(COOKIE, ""))
    if age_s is not None:
        response = await handler(request)
        if age_s > RENEW_S and not response.prepared and COOKIE not in response.cookies:
            set_session(request, response)
        return response
    header = request.headers.get("Authorization", "")
    address = request.remote or ""
    if header and gate.try_basic(header, address):
        return await handler(request)
    if header and (wait_s := gate.wait_s(address)):
        raise too_many(wait_s)
    if request.path.startswith(_MACHINE):
        challenge = {} if request.path == "/live" else {"WWW-Authenticate": 'Basic realm="signwatch", charset="UTF-8"'}
        raise RequestError(
            401, "sign_in", "a password is needed", "send it by HTTP Basic, with any user name", challenge
        )
    raise web.HTTPFound(f"/login?next={quote(request.path_qs, safe='')}")


def too_many(wait_s: int) -> RequestError:
    """429: too many wrong passwords."""
    return RequestError(
        429,
        "too_many_failures",
        "too many wrong passwords came from this address",
        f"try again in {wait_s} s",
        {"Retry-After": str(math.ceil(wait_s))},
    )
