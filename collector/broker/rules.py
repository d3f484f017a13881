"""Who may say what (SPEC part 4). PURE but for the two thin plugins through which amqtt asks.

    user             may publish                                   may subscribe and receive
    ---------------  --------------------------------------------  ------------------------------
    tenant/device    its own hello, heartbeat, runs, gone          its own ack, by its exact name
    a service        ack of any device                             everything under signwatch/v1/

The last will is a publication like any other; `collector.broker.gate` asks before it lets a client in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog
from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from wire.topics import PREFIX, Address, TopicError, parse_topic, topic

log = structlog.get_logger(__name__)

Deed = Literal["publish", "subscribe", "receive"]
_DEVICE_SAYS: Final = frozenset({"hello", "heartbeat", "runs", "gone"})


def is_device(user: str) -> bool:
    """Whether this user is `tenant/device`; otherwise it is a service."""
    return "/" in user


def allowed(user: str, deed: Deed, where: str) -> bool:
    """Whether `user` may do this to the topic (for `subscribe`: the filter) `where`."""
    if is_device(user):
        return _device_may(user, deed, where)
    if deed == "publish":
        return _names(where) is not None and where.endswith("/ack")
    return where.startswith(f"{PREFIX}/")


def _device_may(user: str, deed: Deed, where: str) -> bool:
    if deed == "publish":
        named = _names(where)
        return named is not None and named[0] == user and named[1] in _DEVICE_SAYS
    return where == topic(Address(*user.split("/")), "ack")


def _names(where: str) -> tuple[str, str] | None:
    try:
        address, kind = parse_topic(where)
    except TopicError:
        return None
    return str(address), kind


class FromTheGate(BaseAuthPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Lets in what the gate has let in: it has replaced the password by this broker's token."""

    @dataclass
    class Config:
        """`token`: the secret between gate and broker, new for every start."""

        token: str = ""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Answer amqtt: whether the session came through the gate."""
        return bool(self.config.token) and session.password == self.config.token


class TopicRules(BaseTopicPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Puts the table above before every publication, subscription and delivery, and counts what it refused."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self.refused = 0
        self._named: set[tuple[str, str]] = set()

    async def topic_filtering(self, *, session: Session, topic: str, action: Action) -> bool | None:
        """Answer amqtt: whether this session may do this."""
        user: Any = session.username
        fine = isinstance(user, str) and allowed(user, action.value, topic)
        if not fine and action is not Action.RECEIVE:
            self._refuse(str(user), action.value, topic)
        return fine

    def _refuse(self, user: str, deed: str, where: str) -> None:
        self.refused += 1
        if (user, deed) not in self._named:  # one line a user and deed, or a loop in a device fills the log
            self._named.add((user, deed))
            log.warning("topic_refused", user=user, deed=deed, topic=where[:200])
