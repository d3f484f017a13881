"""PURE. Whom a window is about: selectors as a person writes them, as the ledger keeps them, and what they select.

| written | kept | selects |
|---|---|---|
| `*` | `*` | everything of the tenant |
| `kind:player`, `kind:platform` | the same | every player, every part of the platform |
| `site:bcn-01` | the same | every player whose device stands at that site |
| `player-0001`, `device:player-0001` | `device:player-0001` | every output of that device |
| `player-0001/main`, `portal`, with or without `tenant/` before it | `acme/player-0001/main` | that subject |

A site or a device stands for what the registry has there when a month is judged, as `*` does: a player that joins the
site is covered without anybody announcing the window again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector.registry.model import Registry
from collector.sla.reading import nearest

EVERYTHING: Final = "*"
KINDS: Final = ("kind:player", "kind:platform")
SITE: Final = "site:"
DEVICE: Final = "device:"


class UnknownSubjectError(ValueError):
    """Nothing of that name is registered. `remedy` says what could be meant."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def canonical(text: str, tenant: str, registry: Registry) -> str:
    """A selector as the ledger keeps it; UnknownSubjectError where it names nothing that is registered."""
    if text == EVERYTHING or text in KINDS:
        return text
    prefix, _, name = text.partition(":")
    if name and f"{prefix}:" in {SITE, DEVICE}:
        known = registry.sites if prefix == "site" else registry.devices
        return f"{prefix}:{_named(name, tenant, known, prefix)}"
    own = text.removeprefix(f"{tenant}/")
    if f"{tenant}/{own}" in registry.subjects:
        return f"{tenant}/{own}"
    if f"{tenant}/{own}" in registry.devices:
        return f"{DEVICE}{own}"
    known_ids = [*names_of(tenant, registry.subjects), *names_of(tenant, registry.devices)]
    others = f"{nearest(own, known_ids)}; or select by {EVERYTHING}, {', '.join(KINDS)}, {SITE}ID, {DEVICE}ID"
    raise UnknownSubjectError(f"{text!r} is no player, device or platform of {tenant}", others)


def subject_key(text: str, tenant: str, registry: Registry) -> str:
    """One subject's key in the registry; a device with a single output may stand for it. UnknownSubjectError."""
    own = text.removeprefix(f"{tenant}/")
    if f"{tenant}/{own}" in registry.subjects:
        return f"{tenant}/{own}"
    outputs = sorted(expand(f"{DEVICE}{own}", tenant, registry))
    if len(outputs) == 1:
        return outputs[0]
    if outputs:
        raise UnknownSubjectError(f"{text!r} has several outputs", f"name one of: {', '.join(outputs)}")
    remedy = nearest(own, names_of(tenant, registry.subjects))
    raise UnknownSubjectError(f"{text!r} is no player or platform of {tenant}", remedy)


def expand(selector: str, tenant: str, registry: Registry) -> frozenset[str]:
    """A kept selector as the contract core's: `*`, `kind:…` or the keys of subjects."""
    if selector.startswith(DEVICE):
        device = selector.removeprefix(DEVICE)
        mine = ((key, each) for key, each in registry.subjects.items() if each.tenant == tenant)
        return frozenset(key for key, each in mine if each.device == device)
    if selector.startswith(SITE):
        site = selector.removeprefix(SITE)
        there = {each.id for each in registry.devices.values() if (each.tenant, each.site) == (tenant, site)}
        return frozenset(
            key for key, each in registry.subjects.items() if each.tenant == tenant and each.device in there
        )
    return frozenset((selector,))


def names_of(tenant: str, keys: Iterable[str]) -> list[str]:
    """Keys of the registry without their tenant."""
    prefix = f"{tenant}/"
    return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]


def _named(name: str, tenant: str, known: Iterable[str], noun: str) -> str:
    names = names_of(tenant, known)
    if name in names:
        return name
    raise UnknownSubjectError(f"{tenant} has no {noun} {name!r}", nearest(name, names))
