"""A nuisance on the wire: says again, later and in another order, some of what agents have said.

python -m tests.soak.echo PORT
"""

from __future__ import annotations

import asyncio
import random
import sys

import aiomqtt

SHARE = 0.05
LATEST_S = 20.0
RETRY_S = 1.0


async def again(client: aiomqtt.Client, topic: str, body: bytes) -> None:
    await asyncio.sleep(random.uniform(0, LATEST_S))
    try:
        await client.publish(topic, body, qos=1)
    except aiomqtt.MqttError:
        return  # the broker was killed: so much for this one


async def listen(port: int) -> None:
    said: set[str] = set()  # what we said ourselves is not said a third time
    async with aiomqtt.Client("127.0.0.1", port, identifier="echo") as client, asyncio.TaskGroup() as group:
        for kind in ("heartbeat", "runs", "hello"):
            await client.subscribe(f"signwatch/v1/+/+/+/{kind}", qos=1)
        async for message in client.messages:
            body = bytes(message.payload)
            key = f"{message.topic} {hash(body)}"
            if key in said:
                said.discard(key)
            elif random.random() < SHARE:
                said.add(key)
                group.create_task(again(client, message.topic.value, body))


async def main(port: int) -> None:
    while True:
        try:
            await listen(port)
        except* (aiomqtt.MqttError, OSError):
            await asyncio.sleep(RETRY_S)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
