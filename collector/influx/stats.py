"""PURE. What the writer counts, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InfluxStats:
    """Counters since the start, and what waits now. `state`: `ok`, `away` or `misconfigured`."""

    state: str = "ok"
    last_error: str = ""
    written_lines: int = 0
    refused_lines: int = 0
    discarded_lines: int = 0
    expired_lines: int = 0
    dropped_lines: int = 0
    failed_requests: int = 0
    disk_errors: int = 0
    queued_lines: int = 0
    spooled_bytes: int = 0
    spooled_segments: int = 0

    def health(self) -> str:
        """How it stands, for `/healthz`, which anybody may read: no more than that."""
        if self.state != "ok":
            return self.state
        return f"ok, but {self.refused_lines} refused" if self.refused_lines else "ok"

    def metrics(self) -> dict[str, int | float]:
        """The same by full Prometheus name."""
        return {
            "signwatch_influx_up": int(self.state == "ok"),
            "signwatch_influx_written_lines_total": self.written_lines,
            "signwatch_influx_refused_lines_total": self.refused_lines,
            "signwatch_influx_discarded_lines_total": self.discarded_lines,
            "signwatch_influx_expired_lines_total": self.expired_lines,
            "signwatch_influx_dropped_lines_total": self.dropped_lines,
            "signwatch_influx_failed_requests_total": self.failed_requests,
            "signwatch_influx_disk_errors_total": self.disk_errors,
            "signwatch_influx_queued_lines": self.queued_lines,
            "signwatch_influx_spooled_bytes": self.spooled_bytes,
            "signwatch_influx_spooled_segments": self.spooled_segments,
        }
