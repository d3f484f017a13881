"""PURE. Devices that report without being registered, each with a text that registers it."""

from __future__ import annotations

from typing import NamedTuple

from collector.registry.model import Registry
from collector.views import Newcomer
from common.clock import iso

_SECOND_MS = 1000


class Stranger(NamedTuple):
    """A device that reported, and the outputs that it spoke of."""

    tenant: str
    device: str
    outputs: tuple[str, ...]
    first_seen_ms: int
    last_seen_ms: int


def to_newcomer(stranger: Stranger, registry: Registry) -> Newcomer | None:
    """What of it is not in the registry, None where all is: the whole device, or single outputs of a known one."""
    key = f"{stranger.tenant}/{stranger.device}"
    if key in registry.subjects:  # a platform: the collector's own check reports it
        return None
    outputs = tuple(output for output in stranger.outputs if f"{key}/{output}" not in registry.subjects)
    if key in registry.devices and not outputs:
        return None
    text = _toml(stranger, outputs, registry)
    return Newcomer(stranger.tenant, stranger.device, outputs, stranger.first_seen_ms, stranger.last_seen_ms, text)


def _toml(stranger: Stranger, outputs: tuple[str, ...], registry: Registry) -> str:
    """A file for `signwatch registry apply`. Ids of the wire need no escaping."""
    lines = []
    if stranger.tenant not in registry.tenants:
        lines += ["[[tenants]]", f'id = "{stranger.tenant}"', f'name = "{stranger.tenant}"', ""]
    lines += ["[[devices]]", f'tenant = "{stranger.tenant}"', f'id = "{stranger.device}"']
    contract = _usual_contract(stranger.tenant, registry)
    since = iso(stranger.first_seen_ms // _SECOND_MS * _SECOND_MS)
    for output in outputs:
        lines += ["", "[[devices.outputs]]", f'id = "{output}"']
        lines.append(f'contract = "{contract}"' if contract else '# contract = "…"  # nothing judges it without one')
        lines.append(f"active_from = {since}  # when it was first heard of")
    return "\n".join(lines) + "\n"


def _usual_contract(tenant: str, registry: Registry) -> str | None:
    """The contract that judges all other players of the tenant, None where there are several or none."""
    contracts = {
        subject.contract
        for subject in registry.subjects.values()
        if subject.tenant == tenant and subject.kind == "player" and subject.contract is not None
    }
    return contracts.pop() if len(contracts) == 1 else None
