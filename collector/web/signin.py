"""Signing in and out: the only forms there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

from collector.web.auth import COOKIE
from collector.web.context import context, html
from collector.web.guard import set_session

if TYPE_CHECKING:
    from aiohttp.web import Request, Response, StreamResponse

_LOCAL: Final = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


async def show(request: Request) -> StreamResponse:
    """Show the form."""
    if not context(request).gate.locked:
        raise web.HTTPFound("/")
    return _form(request, 200, "")


async def sign_in(request: Request) -> StreamResponse:
    """Check the password; on success go where the browser wanted to go."""
    parts = context(request)
    if not parts.gate.locked:
        raise web.HTTPFound("/")
    address = request.remote or ""
    form = await request.post()
    password = form.get("password", "")
    t = parts.renderer.texts
    if not parts.gate.try_password(password if isinstance(password, str) else "", address):
        wait_s = parts.gate.wait_s(address)
        return _form(request, 429 if wait_s else 403, t.wait.format(seconds=wait_s) if wait_s else t.wrong_password)
    response = web.HTTPSeeOther(local_path(request.query.get("next", "/")))
    set_session(request, response)
    raise response


async def sign_out(_request: Request) -> StreamResponse:
    """Drop the session."""
    response = web.HTTPSeeOther("/login")
    response.del_cookie(COOKIE, path="/")
    raise response


def local_path(text: str) -> str:
    """Give a path of our own to go on to; anything that could lead elsewhere is the wall."""
    return text if _LOCAL.fullmatch(text) else "/"


def _form(request: Request, status: int, message: str) -> Response:
    following = local_path(request.query.get("next", "/"))
    return html(request, "login.html", status=status, message=message, next=following)
