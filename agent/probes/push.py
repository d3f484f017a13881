"""Is told by the player's own software, over the agent's loopback port. docs/probes/push.md has the fields and results.

What was said holds for `deadline_s`; after that the output is `unknown`: a program that stopped talking may still play.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from agent.probes.base import Around, Reading, Report, tidy
from common.config import Section


class PushOptions(Section, frozen=True):
    """The table `[outputs.push]`."""

    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 30.0


class PushProbe:
    """The probe named `push`."""

    silence = Reading("unknown", None, "the agent could not look into its mailbox")

    def __init__(self, options: PushOptions, around: Around) -> None:
        self._deadline_ms = round(options.deadline_s * 1000)
        self._around = around
        self._said: Report | None = None
        self._said_ms = around.clock.mono_ms()
        around.mailboxes[around.output] = self._take

    async def read(self) -> Reading:
        """Say what was last reported, as long as it holds."""
        silent_ms = self._around.clock.mono_ms() - self._said_ms
        if silent_ms > self._deadline_ms:
            return Reading("unknown", None, f"the player's software has been silent for {silent_ms // 1000} s")
        if self._said is None:
            return Reading("unknown", None, "the player's software has not reported yet")
        return Reading(self._said.state, self._said.cause, tidy(self._said.detail))

    async def close(self) -> None:
        """Take in no more reports."""
        self._around.mailboxes.pop(self._around.output, None)

    def _take(self, report: Report) -> None:
        different = self._said is None or (report.state, report.cause) != (self._said.state, self._said.cause)
        self._said = report
        self._said_ms = self._around.clock.mono_ms()
        if different:
            self._around.wake()
