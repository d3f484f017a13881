"""The page of an agreement's months, and what is handed out of each revision: ask the desk, arrange, draw.

Reports and claims are whole documents with their own inline style, of names that customers chose. They are served into
a sandbox that runs nothing, sends nothing and has no origin, whatever a name may hold.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

from collector.month_views import PaperRequest, PressBusyError
from collector.web.api import only
from collector.web.context import context, html_in_thread
from collector.web.format import Times, plain
from collector.web.monthcards import month_card
from collector.web.problems import RequestError, bad_request, not_found
from common.config import ConfigError

if TYPE_CHECKING:
    from aiohttp.web import Request, Response, StreamResponse

    from collector.month_views import Paper, PaperForm
    from collector.sla.service import Language

_REVISION: Final = re.compile(r"[0-9]{1,6}")
_LANGUAGES: Final[dict[str, Language]] = {"en": "en", "es": "es"}
_RETRY_S: Final = 5
_SANDBOX: Final = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # A browser refuses a sandboxed document that wants an opener policy (HTML, "obtain a cross-origin opener policy").
    "Cross-Origin-Opener-Policy": "unsafe-none",
}


async def months(request: Request) -> StreamResponse:
    """Every month of one agreement."""
    only(request)
    key = f"{request.match_info['tenant']}/{request.match_info['contract']}"
    parts = context(request)
    desk, t = parts.desk, parts.renderer.texts
    found = await desk.months(key)
    if found is None:
        raise not_found(f"No agreement {key[:200]!r} is known.", "The wall shows every agreement.")
    figure = next((view for view in desk.figures() if view.key == key), None)
    times, now_ms = Times(figure.timezone if figure else None), desk.now_ms()
    title = plain(figure.title if figure else key, 80)

    def values() -> dict[str, object]:
        return {
            "heading": t.months_title.format(title=title),
            "agreement": plain(key, 200),
            "zone": times.name,
            "months": [month_card(view, key, times, now_ms, t) for view in found],
        }

    return await html_in_thread(request, "months.html", values)


async def report(request: Request) -> StreamResponse:
    """One revision's report as a document of its own."""
    only(request, "revision", "lang")
    return _document(await _paper(request, "report"))


async def claim(request: Request) -> StreamResponse:
    """The claim that could be made by one revision, as the customer would write it now."""
    only(request, "revision", "lang")
    return _document(await _paper(request, "claim"))


async def csv(request: Request) -> StreamResponse:
    """One revision as a table."""
    only(request, "revision")
    return _file(await _paper(request, "csv"))


async def frozen(request: Request) -> StreamResponse:
    """One revision's result as it was frozen."""
    only(request, "revision")
    return _file(await _paper(request, "json"))


async def bundle(request: Request) -> StreamResponse:
    """Everything that one revision was judged from, for `signwatch sla verify`."""
    only(request, "revision")
    return _file(await _paper(request, "bundle"))


async def _paper(request: Request, form: PaperForm) -> Paper:
    place = request.match_info
    wanted = PaperRequest(
        place["tenant"], place["contract"], place["month"], _revision(request), form, _language(request)
    )
    try:
        return await context(request).desk.paper(wanted)
    except PressBusyError:
        headers = {"Retry-After": str(_RETRY_S)}
        raise RequestError(
            503, "busy", "Others wait for their reports already.", f"Try again in {_RETRY_S} s.", headers
        ) from None
    except ConfigError as error:
        finding = error.findings[0]
        if finding.id in {"revision.none", "revision.unknown"}:
            raise not_found(finding.message, finding.remedy) from None
        raise RequestError(409, "not_shown", finding.message, finding.remedy) from None


def _revision(request: Request) -> int:
    """The number that is asked for; 0, the latest, where none is."""
    text = request.query.get("revision")
    if text is None:
        return 0
    if not _REVISION.fullmatch(text) or not int(text):
        raise bad_request("revision", f"There is no revision {text[:40]!r}.", "Write a number such as 1.")
    return int(text)


def _language(request: Request) -> Language:
    text = request.query.get("lang", "en")
    if text not in _LANGUAGES:
        raise bad_request("lang", f"There is no language {text[:40]!r} here.", "Write en or es.")
    return _LANGUAGES[text]


def _document(paper: Paper) -> Response:
    headers = {**_SANDBOX, "Content-Disposition": f'inline; filename="{paper.name}"'}
    return _answer(paper, headers)


def _file(paper: Paper) -> Response:
    return _answer(paper, {"Content-Disposition": f'attachment; filename="{paper.name}"'})


def _answer(paper: Paper, headers: dict[str, str]) -> Response:
    """The bytes; compressed in a thread where they are text."""
    charset = None if paper.content_type == "application/zip" else "utf-8"
    response = web.Response(
        body=paper.body, headers=headers, content_type=paper.content_type, charset=charset, zlib_executor_size=4096
    )
    if charset:
        response.enable_compression()
    return response
