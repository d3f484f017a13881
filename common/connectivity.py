"""Whether anything else can be reached: it tells a service that is gone from a network that is gone.

Some independent targets are asked for a TCP connection, all at once; one that accepts is enough, since a target that
does not answer may be ill itself. No byte is sent. A connection that is refused proves nothing: a router may say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from common.tasks import cancel, spawn

_PORTS: Final = 65_535


class Target(NamedTuple):
    """Who is asked."""

    host: str
    port: int

    def __str__(self) -> str:
        """Give it as it is written in a configuration."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Reach(NamedTuple):
    """What came of it. `reached`: the first target that answered, None where none did; `detail`: a sentence."""

    reached: Target | None
    detail: str

    @property
    def online(self) -> bool:
        """Whether anything could be reached."""
        return self.reached is not None


def parse_target(text: str) -> Target:
    """PURE. `"192.0.2.1:443"`, `"[2001:db8::1]:443"`, `"name.example:53"` → target; ValueError otherwise."""
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and 0 < int(port) <= _PORTS):
        raise ValueError(f"{text!r} is not host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets")
    if not host or not host.isascii() or not host.isprintable() or " " in host:
        raise ValueError(f"{text!r} names no host")
    return Target(host, int(port))


async def connect(target: Target, timeout_s: float) -> str | None:
    """Open a TCP connection and close it again: None where it stands within the time (seconds), else what was wrong."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (OSError, UnicodeError) as error:
        return str(error) or type(error).__name__
    writer.transport.abort()
    return None


async def reach(targets: Sequence[Target], timeout_s: float) -> Reach:
    """Ask all targets at once, each for at most `timeout_s` seconds; return with the first that answers."""
    asking = [spawn(_ask(target, timeout_s), f"reach-{target}") for target in targets]
    failures: list[str] = []
    try:
        for answer in asyncio.as_completed(asking):
            target, failure = await answer
            if failure is None:
                return Reach(target, f"{target} can be reached")
            failures.append(f"{target}: {failure}")
    finally:
        await cancel(*asking)
    return Reach(None, f"nothing else can be reached ({'; '.join(sorted(failures)) or 'no target is named'})")


async def _ask(target: Target, timeout_s: float) -> tuple[Target, str | None]:
    return target, await connect(target, timeout_s)
