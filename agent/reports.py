"""`POST /v1/state`: what the player's software says of one output.

{"output": "main", "state": "playing", "cause": null, "detail": "campaign 17"}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from agent.local import Answer, Handler, Request, RequestError
from agent.probes.base import Report
from wire.states import Cause, PlayerState

PATH: Final = "/v1/state"


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    output: str
    state: PlayerState
    cause: Cause | None = None
    detail: str | None = None


def handler(mailboxes: Mapping[str, Callable[[Report], None]]) -> Handler:
    """Give the handler that leaves each report in its output's mailbox."""

    def take(request: Request) -> Answer:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json")
        try:
            body = msgspec.json.decode(request.body, type=_Body)
        except msgspec.DecodeError as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, f"not a report: {error}") from None
        mailbox = mailboxes.get(body.output)
        if mailbox is None:
            known = ", ".join(sorted(mailboxes))
            raise RequestError(
                HTTPStatus.NOT_FOUND, f"no output {body.output[:63]!r} is told by push; there is: {known}"
            )
        mailbox(Report(body.state, body.cause, body.detail))
        return Answer(HTTPStatus.OK, {"taken": True})

    return take
