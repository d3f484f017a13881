"""mpv's JSON IPC (mpv manual, "JSON IPC"): one JSON object a line over a Unix socket, replies matched by request id."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from common.tasks import cancel, spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = structlog.get_logger(__name__)

LINE_BYTES = 1024 * 1024  # scripts may put anything into a client-message

Answers = dict[str, Any]
"""Property → value; a property that mpv says is unavailable is absent."""


class IpcClosedError(Exception):
    """mpv closed the connection."""


class IpcNonsenseError(Exception):
    """Whoever answers does not speak mpv's protocol."""


class IpcRefusedError(Exception):
    """mpv does not do what it was told; the text is mpv's own."""


async def tell(path: str, *command: object) -> Any:  # noqa: ANN401 - whatever mpv answers
    """Give one command on a connection of its own, which no other question can be mixed up with; mpv's answer to it.

    OSError where nobody listens, IpcClosedError, IpcNonsenseError, IpcRefusedError.
    """
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES)
    try:
        writer.write(msgspec.json.encode({"command": command, "request_id": 1}) + b"\n")
        while line := await reader.readline():
            message = msgspec.json.decode(line)
            if isinstance(message, dict) and message.get("request_id") == 1 and "event" not in message:
                if message.get("error") != "success":
                    raise IpcRefusedError(str(message.get("error")))
                return message.get("data")
    except ValueError as error:
        raise IpcNonsenseError(str(error)) from None
    finally:
        writer.close()
    raise IpcClosedError("mpv closed the connection")


class MpvIpc:
    """One connection. At most one batch of questions is outstanding, so that a hung mpv fills no buffer."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_event: Callable[[dict[str, Any]], None],
        on_close: Callable[[], None],
    ) -> None:
        self._writer = writer
        self._on_event = on_event
        self._on_close = on_close
        self._next_id = 1
        self._asked: dict[int, str] = {}
        self._answers: Answers = {}
        self._batch: asyncio.Future[Answers | None] | None = None
        self._nonsense: str | None = None
        self.closed = False
        self._task = spawn(self._listen(reader), "mpv-ipc")

    @classmethod
    async def connect(
        cls, path: str, on_event: Callable[[dict[str, Any]], None], on_close: Callable[[], None]
    ) -> MpvIpc:
        """Connect; OSError as `connect(2)` gives it (BlockingIOError: mpv accepts no more connections)."""
        # asyncio would take EAGAIN for "in progress"; on a Unix socket it means that the backlog is full.
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel.setblocking(False)
            channel.connect(path)
            reader, writer = await asyncio.open_unix_connection(sock=channel, limit=LINE_BYTES)
        except BaseException:
            channel.close()
            raise
        return cls(reader, writer, on_event, on_close)

    def observe(self, names: Sequence[str]) -> None:
        """Ask to be told when one of these properties changes (`property-change` events)."""
        for number, name in enumerate(names, start=1):
            self._send(["observe_property", number, name])

    async def ask(self, names: Sequence[str]) -> Answers:
        """Ask for properties; IpcClosedError, IpcNonsenseError where the connection ends first."""
        if self._batch is not None:  # a question to which an earlier deadline heard no answer
            await self._settled()
        self._answers = {}
        self._batch = asyncio.get_running_loop().create_future()
        for name in names:
            self._asked[self._send(["get_property", name])] = name
        return await self._settled()

    async def close(self) -> None:
        """Close the connection."""
        await cancel(self._task)

    async def _settled(self) -> Answers:
        answers = await asyncio.shield(self._batch) if self._batch is not None and not self.closed else None
        self._batch = None
        if answers is not None:
            return answers
        if self._nonsense:
            raise IpcNonsenseError(self._nonsense)
        raise IpcClosedError("mpv closed the connection")

    def _send(self, command: list[object]) -> int:
        number = self._next_id
        self._next_id += 1
        self._writer.write(msgspec.json.encode({"command": command, "request_id": number}) + b"\n")
        return number

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(msgspec.json.decode(line))
        except OSError:
            log.debug("mpv_connection_reset")  # it died
        except ValueError as error:  # no JSON, or an endless line
            self._nonsense = str(error)
        finally:
            self.closed = True
            if self._batch is not None and not self._batch.done():
                self._batch.set_result(None)
            self._writer.close()
            self._on_close()

    def _take(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        if "event" in message:
            self._on_event(message)
            return
        name = self._asked.pop(message.get("request_id", 0), None)
        if name is None:
            return
        if message.get("error") == "success":
            self._answers[name] = message.get("data")
        if not self._asked and self._batch is not None and not self._batch.done():
            self._batch.set_result(self._answers)
