"""`agent check`: what on this machine stands in the way of a configuration that is well written.

An error keeps the agent from doing its work; a warning is what an operator should know and may intend.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.publisher import tls_context
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from agent.config import Settings


def check(settings: Settings) -> list[Finding]:
    """Look around; findings of level "error" and "warning"."""
    found = [*_secrets(settings), *_spool(settings)]
    for place, output in enumerate(settings.config.outputs):
        for watched in settings.watched[output.id]:
            if watched.timeout_s > watched.interval_s:
                key = f"outputs[{place}].{watched.probe}.timeout_s"
                message = f"{watched.timeout_s:g} s is over its interval of {watched.interval_s:g} s"
                found.append(Finding("agent.timeout", str(settings.file), key, message, "lower it", level="warning"))
    return found


def _secrets(settings: Settings) -> Iterator[Finding]:
    try:
        password = settings.password()
        tls_context(settings)
    except ConfigError as error:
        yield from error.findings
        return
    mqtt, file = settings.config.mqtt, str(settings.file)
    if password is None:
        yield Finding(
            "agent.no_password", file, "mqtt", "no password is set", "set password_file, if the broker asks", "warning"
        )
    if mqtt.tls and mqtt.tls.insecure:
        yield Finding(
            "agent.insecure", file, "mqtt.tls.insecure", "anybody may play the broker", "set ca_file instead", "warning"
        )


def _spool(settings: Settings) -> Iterator[Finding]:
    directory = settings.path(settings.config.spool.dir)
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        yield Finding("agent.spool", str(settings.file), "spool.dir", f"{existing} is no directory", "choose another")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            "agent.spool", str(settings.file), "spool.dir", f"{existing} cannot be written", "mend its owner or mode"
        )
