"""What probes that ask over HTTP share: their complaints about a URL, and a secret from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.httpclient import parse_url
from agent.probes.base import Complaint
from agent.threads import Lane


def url_complaints(finding: str, key: str, url: str) -> Iterator[Complaint]:
    """PURE. What is wrong with a URL."""
    try:
        parse_url(url)
    except ValueError as error:
        yield Complaint(finding, key, f"is {url!r}, which {error}", "write it like http://127.0.0.1:8080/")


class Secret:
    """A text from the configuration, or from a file, which is read at the first need and again after a failure."""

    def __init__(self, text: str, file: str, name: str) -> None:
        self._text = text if not file else None
        self._file = file
        self._lane = Lane(name)

    async def read(self) -> str:
        """Give it; OSError naming the file where that cannot be read."""
        if self._text is None:
            self._text = await self._lane.call(self._read)
        return self._text

    def _read(self) -> str:
        try:
            return Path(self._file).read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            raise OSError(f"{self._file}: {error}") from None
