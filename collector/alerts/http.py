"""POST a body and judge the answer; what every channel that speaks HTTP shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp

from collector.alerts.channel import NotNow, Outcome, Patience, Refused, Taken
from collector.backoff import retry_after_ms
from collector.httpclient import basic_auth, trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.alerts.config import HttpChannel

_ANSWER_BYTES: Final = 300
_COME_BACK: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500


class Endpoint:
    """One URL with its credentials, its certificate authority and its time limit.

    ConfigError where `ca_file` cannot be used.
    """

    def __init__(self, config: HttpChannel, name: str, url: str) -> None:
        self._url = url
        self._headers = {**basic_auth(config.username, config.password), **config.headers}
        self._timeout = aiohttp.ClientTimeout(total=config.timeout_s)
        self._timeout_s = config.timeout_s
        self._ssl = trust(config.ca_file, f"alerts.channels.{name}.ca_file")
        self.patience = Patience(config.attempts, round(config.give_up_s * 1000))

    async def post(
        self, session: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str], now_ms: int
    ) -> Outcome:
        """POST `body`. Redirects are refused: a body with a signature belongs to the address it was written for."""
        try:
            async with session.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json", **self._headers, **headers},
                timeout=self._timeout,
                ssl=self._ssl,
                allow_redirects=False,
            ) as answer:
                text = (await answer.content.read(_ANSWER_BYTES)).decode(errors="replace")
                return _judge(answer.status, text, answer.headers.get("Retry-After"), now_ms)
        except TimeoutError:
            return NotNow(f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return NotNow(str(error) or type(error).__name__)


def _judge(status: int, text: str, retry_after: str | None, now_ms: int) -> Outcome:
    if status in range(200, 300):
        return Taken()
    error = f"HTTP {status}: {' '.join(text.split())}".rstrip(": ")
    if status in _COME_BACK or status >= _SERVER_ERROR:
        return NotNow(error, retry_after_ms(retry_after, now_ms))
    return Refused(error)
