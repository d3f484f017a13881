"""For developers: serve the pages over the fake desk. `python -m tests.collector.web.preview [PLAYERS] [PORT]`."""

from __future__ import annotations

import asyncio
import random
import sys

from collector.web.app import serve
from common.clock import SystemClock
from tests.collector.web.fake_desk import FakeDesk, make_alert, make_newcomer

_STATES = ("playing", "playing", "playing", "stopped", "frozen", "black", "error", "idle", "off", "unknown")


async def main(count: int, port: int) -> None:
    clock = SystemClock()
    desk = FakeDesk.with_fleet(count, clock)
    desk.newcomer_views = [make_newcomer(clock.wall_ms())]
    subjects = [player.subject for player in desk.players()]
    for subject in subjects[:20]:
        desk.give_history(subject)
    server = await serve(desk, f"127.0.0.1:{port}")
    print(f"open {server.url} (Ctrl+C ends it)")  # noqa: T201  # a developer's script
    chance = random.Random(1)
    try:
        while True:
            await asyncio.sleep(2)
            desk.set_state(chance.choice(subjects), chance.choice(_STATES))
            figure = desk.set_figure()
            if figure.down_share > figure.down_limit and not desk.open_alerts():
                desk.raise_alert(make_alert(clock.wall_ms()))
    finally:
        await server.close()


if __name__ == "__main__":
    words = sys.argv[1:]
    asyncio.run(main(int(words[0]) if words else 60, int(words[1]) if words[1:] else 8080))
