"""What `/healthz` and `/metrics` say of a running collector. Names are documented in docs/collector.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from collector.alerts.wording import span_text

if TYPE_CHECKING:
    from collector.app import Collector

_CONFLICTS_SHOWN: Final = 100


def health(collector: Collector) -> dict[str, object]:
    """`{"ok": bool, …}`: ok while evidence is taken in and put into the ledger."""
    ingest, link = collector.ingest, collector.link
    connected = link is not None and link.connected
    writable = ingest.failing_since_ms is None
    keeping_up = ingest.condition == "keeping up"
    return {
        "ok": connected and writable and keeping_up and collector.turns(),
        "broker": "connected" if connected else "not connected",
        "ledger": "writable" if writable else f"cannot be written since {ingest.failing_since_ms}",
        "ingest": ingest.condition,
        "waiting_messages": ingest.waiting,
        "main_loop": "turning" if collector.turns() else "stuck",
        "clock": {"synced": collector.discipline.synced},
        "influx": "off" if collector.influx is None else collector.influx.health(),
        "backup": collector.housekeeping.health(),
        "contracts_not_given": sorted(collector.live.agreements.missing),
        "weights_without_subject": {
            key: list(agreement.unwatched)
            for key, agreement in sorted(collector.live.agreements.by_key.items())
            if agreement.unwatched
        },
    }


def metrics(collector: Collector) -> Iterator[tuple[str, int | float]]:
    """Counters and gauges by full Prometheus name, labels included."""
    ingest, link, live = collector.ingest, collector.link, collector.live
    for kind, count in sorted(ingest.received_total.items()):
        yield f'signwatch_messages_received_total{{kind="{kind}"}}', count
    for reason, count in sorted(ingest.refused_total.items()):
        yield f'signwatch_messages_refused_total{{reason="{reason}"}}', count
    for reason, count in sorted(ingest.not_kept_total.items()):
        yield f'signwatch_messages_refused_not_kept_total{{reason="{reason}"}}', count
    for why, count in sorted(ingest.shed_total.items()):
        yield f'signwatch_messages_shed_total{{why="{why}"}}', count
    for address, count in ingest.senders.shed():
        yield f'signwatch_device_messages_shed_total{{device="{address}"}}', count
    latest = sorted(live.conflicts.values(), key=lambda row: -row.last_ms)[:_CONFLICTS_SHOWN]
    for row in sorted(latest):
        yield f'signwatch_device_conflicts_total{{device="{row.address}",kind="{row.kind}"}}', row.times
    yield "signwatch_devices_unregistered", ingest.senders.unregistered
    yield "signwatch_messages_committed_total", ingest.committed_total
    yield "signwatch_messages_waiting", ingest.waiting
    yield "signwatch_messages_waiting_weight", ingest.waiting_weight
    yield "signwatch_ingest_keeping_up", int(ingest.condition == "keeping up")
    yield "signwatch_runs_acknowledged_total", ingest.acknowledged_total
    yield from collector.housekeeping.metrics()
    yield "signwatch_clock_synced", int(collector.discipline.synced)
    yield "signwatch_ledger_writable", int(ingest.failing_since_ms is None)
    yield "signwatch_broker_connected", int(link is not None and link.connected)
    yield "signwatch_broker_reconnects_total", link.reconnects_total if link else 0
    yield "signwatch_acks_dropped_total", link.acks_dropped_total if link else 0
    yield "signwatch_figures_compute_seconds", live.compute_s
    yield "signwatch_months_closed_total", collector.keeper.made_total
    yield "signwatch_months_failed_total", collector.keeper.failed_total
    yield "signwatch_alerts_open", len(collector.alerts.open_alerts())
    yield from _agreements(collector)
    if collector.broker is not None:
        for name, count in sorted(collector.broker.stats().items()):
            yield f"signwatch_embedded_broker_{name}", count
    if collector.influx is not None:
        yield from collector.influx.metrics().items()


def _agreements(collector: Collector) -> Iterator[tuple[str, int | float]]:
    for key, figure in sorted(collector.live.figures.items()):
        label = f'{{agreement="{key}"}}'
        if figure.availability is not None:
            yield f"signwatch_availability_ratio{label}", float(figure.availability)
        yield f"signwatch_players_active{label}", figure.active_now
        yield f"signwatch_players_down{label}", figure.down_now
        yield f"signwatch_players_unknown{label}", figure.unknown_now
        yield f"signwatch_weights_without_subject{label}", len(figure.unwatched)
        for rate in figure.burn:
            windows = f'{{agreement="{key}",long="{_window(rate.long_ms)}",short="{_window(rate.short_ms)}"}}'
            yield f"signwatch_burn_rate{windows}", float(rate.rate)
            yield f"signwatch_burn_rate_limit{windows}", float(rate.limit)


def _window(length_ms: int) -> str:
    return span_text(length_ms).replace(" ", "")
