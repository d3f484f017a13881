"""How the agent itself is doing: `/healthz`, and whether systemd's watchdog may be fed."""

from __future__ import annotations

from http import HTTPStatus

from agent.evidence import Evidence
from agent.local import Answer, Request
from agent.publisher import Link
from agent.spool import Spool
from common.clock import Clock

_MS = 1000


class Status:
    """Looks at the parts; owns none of them."""

    def __init__(self, spool: Spool, evidence: Evidence, link: Link, clock: Clock) -> None:
        self._spool = spool
        self._evidence = evidence
        self._link = link
        self._clock = clock
        self._started_ms = clock.mono_ms()

    def turning(self) -> bool:
        """Whether every output has been looked at lately (before its first reading: since the start)."""
        now_ms = self._clock.mono_ms()
        return all(
            (now_ms - self._started_ms if age is None else age) <= self._evidence.tracks[output].rules.max_gap_ms
            for output, age in self._evidence.ages_ms(now_ms).items()
        )

    def health(self, _request: Request) -> Answer:
        """Answer `GET /healthz`. A link that is down is told and is no illness: that is what the spool is for."""
        healthy = self.turning() and self._spool.trouble is None
        body: dict[str, object] = {
            "ok": healthy,
            "link": {
                "online": self._link.online,
                "error": self._link.error,
                "connected_total": self._link.connected_total,
            },
            "spool": {
                "id": self._spool.id,
                "runs": self._spool.depth,
                "bytes": self._spool.size_bytes,
                "given_up_runs": self._spool.given_up,
                "damaged_files": self._spool.damaged,
                "error": self._spool.trouble,
            },
            "outputs": self._outputs(),
        }
        return Answer(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, body)

    def _outputs(self) -> dict[str, object]:
        ages = self._evidence.ages_ms(self._clock.mono_ms())
        told: dict[str, object] = {}
        for output, track in self._evidence.tracks.items():
            believed, age = track.machine.open, ages[output]
            told[output] = {
                "state": believed.state if believed else None,
                "cause": believed.cause if believed else None,
                "detail": believed.detail if believed else None,
                "in_doubt": bool(track.machine.doubts),
                "observed_age_s": None if age is None else age / _MS,
            }
        return told
