"""One delivery: lines in, and what became of each of them. Halves where InfluxDB dislikes a batch."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.influx.config import MAX_LINE_BYTES
from collector.influx.verdict import Answer, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.influx.transport import Transport

Refused = tuple[bytes, str]  # a line and what InfluxDB said of it


@dataclass(slots=True)
class Delivered:
    """What became of the lines. `left` is not decided: `failure` says why; `good` is one that landed."""

    landed: int = 0
    expired: int = 0
    refused: list[Refused] = field(default_factory=list)
    left: list[bytes] = field(default_factory=list)
    failure: Answer | None = None
    good: bytes | None = None


async def deliver(transport: Transport, lines: Sequence[bytes], batch_lines: int) -> Delivered:
    """Write lines in batches, in their order, until all are decided or InfluxDB cannot take any more now."""
    chunks = deque(list(lines[start : start + batch_lines]) for start in range(0, len(lines), batch_lines))
    result = Delivered()
    while chunks:
        chunk = chunks.popleft()
        answer = await _write(transport, chunk)
        match judge(answer, len(chunk)):
            case "landed":
                result.landed += len(chunk)
                result.good = chunk[-1]
            case "expired":
                result.expired += len(chunk)
            case "refused":
                result.refused += [(line, str(answer)) for line in chunk]
            case "halve":
                middle = len(chunk) // 2
                chunks.extendleft([chunk[middle:], chunk[:middle]])
            case "later" | "misconfigured":
                result.failure = answer
                result.left = [*chunk, *(line for later in chunks for line in later)]
                break
    return result


async def _write(transport: Transport, chunk: Sequence[bytes]) -> Answer:
    longest = max(map(len, chunk))
    if longest > MAX_LINE_BYTES:
        return Answer(413, f"the line has {longest} bytes, the limit is {MAX_LINE_BYTES}")
    return await transport.write(b"\n".join(chunk))
