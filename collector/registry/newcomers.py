"""PURE. Devices that report without being registered, each with a text that registers it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from collector.registry.model import Registry
from collector.views import Newcomer
from common.clock import iso
from wire.votes import is_check

_SECOND_MS = 1000


class Stranger(NamedTuple):
    """A device that reported, and the outputs that it spoke of."""

    tenant: str
    device: str
    outputs: tuple[str, ...]
    first_seen_ms: int
    last_seen_ms: int


def to_newcomers(strangers: Iterable[Stranger], registry: Registry) -> list[Newcomer]:
    """What of them is not in the registry: whole devices, or single outputs of known ones; the rest is left out."""
    contracts = _usual_contracts(registry)
    found = (_to_newcomer(stranger, registry, contracts.get(stranger.tenant)) for stranger in strangers)
    return [newcomer for newcomer in found if newcomer is not None]


def _to_newcomer(stranger: Stranger, registry: Registry, contract: str | None) -> Newcomer | None:
    key = f"{stranger.tenant}/{stranger.device}"
    outputs = tuple(
        output for output in stranger.outputs if f"{key}/{output}" not in registry.subjects and not is_check(output)
    )
    if key in registry.devices and not outputs:
        return None
    text = _toml(stranger, outputs, contract, tenant_is_known=stranger.tenant in registry.tenants)
    return Newcomer(stranger.tenant, stranger.device, outputs, stranger.first_seen_ms, stranger.last_seen_ms, text)


def _toml(stranger: Stranger, outputs: tuple[str, ...], contract: str | None, *, tenant_is_known: bool) -> str:
    """A file for `signwatch registry apply`. Ids of the wire need no escaping."""
    lines = []
    if not tenant_is_known:
        lines += ["[[tenants]]", f'id = "{stranger.tenant}"', f'name = "{stranger.tenant}"', ""]
    lines += ["[[devices]]", f'tenant = "{stranger.tenant}"', f'id = "{stranger.device}"']
    since = iso(stranger.first_seen_ms // _SECOND_MS * _SECOND_MS)
    for output in outputs:
        lines += ["", "[[devices.outputs]]", f'id = "{output}"']
        lines.append(f'contract = "{contract}"' if contract else '# contract = "…"  # nothing judges it without one')
        lines.append(f"active_from = {since}  # when it was first heard of")
    return "\n".join(lines) + "\n"


def _usual_contracts(registry: Registry) -> dict[str, str]:
    """The contract that judges all players of a tenant, for tenants where it is one."""
    contracts: dict[str, set[str]] = {}
    for subject in registry.subjects.values():
        if subject.kind == "player" and subject.contract is not None:
            contracts.setdefault(subject.tenant, set()).add(subject.contract)
    return {tenant: next(iter(names)) for tenant, names in contracts.items() if len(names) == 1}
