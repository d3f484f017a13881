"""`signwatch device …`: the devices that reported, and what their clocks did (docs/clocks.md)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from collector.clocks.clock_text import as_json, as_text
from collector.ledger.clock_history import Reporter, clocks_of, reporters
from collector.ledger.registry_store import read_registry
from collector.ledger.tenants import of_tenant
from collector.registry.backend import read_ledger
from collector.registry.model import OWN_DEVICE
from collector.registry.options import Subparsers, add_ledger, ledger_path
from common.clock import iso
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collector.ledger.clock_history import OwnWord


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `device` and its subcommands."""
    parser = subparsers.add_parser("device", help="the devices that reported, and what their clocks did")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="every device that ever reported, registered or not")
    listing.add_argument("--missing", action="store_true", help="instead: those registered that never reported")
    listing.set_defaults(run=_list)
    clock = commands.add_parser("clock", help="each boot's clock: its source, offset, bounds, steps and drift")
    clock.add_argument("id", metavar="ID", help="the device, or tenant/device")
    clock.add_argument("--boot", default="", metavar="BOOT", help="only the boots whose id begins like this")
    clock.set_defaults(run=_clock)
    for command in (listing, clock):
        add_ledger(command)
        command.add_argument("--tenant", help="the tenant, where several have a device of that name")
        command.add_argument("--format", choices=("table", "json"), default="table")


def _list(options: argparse.Namespace) -> int:
    path, tenant = ledger_path(options), options.tenant
    registered = _registered(path, tenant)
    found = read_ledger(path, of_tenant(tenant, lambda opened: reporters(opened, tenant=tenant)))
    found = [one for one in found if one.address.device != OWN_DEVICE]
    if options.missing:
        return _missing(sorted(registered - {str(one.address) for one in found}), options.format)
    if options.format == "json":
        devices = [{**_device_json(one), "registered": str(one.address) in registered} for one in found]
        print(json.dumps(devices, indent=2))
        return 0
    for one in found:
        stranger = "" if str(one.address) in registered else "  not registered"
        print(f"{one.address!s:<40}  first {iso(one.first_seen_ms)}  last {iso(one.last_received_ms)}{stranger}")
    print(f"{len(found)} devices ever reported")
    return 0


def _missing(names: list[str], form: str) -> int:
    if form == "json":
        print(json.dumps(names, indent=2))
        return 0
    print(*names, f"{len(names)} registered devices never reported", sep="\n")
    return 0


def _registered(path: Path, tenant: str | None) -> set[str]:
    """The registered devices, as tenant/device; only those of this tenant, where it is given."""
    devices = read_ledger(path, read_registry).devices
    return {key for key in devices if tenant is None or key.startswith(f"{tenant}/")}


def _clock(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    device = _find(path, options.id, options.tenant)
    views = read_ledger(path, lambda connection: clocks_of(connection, device.id))
    views = [view for view in views if view.boot.startswith(options.boot)]
    if options.boot and not views:
        remedy = "leave --boot away to see every boot"
        message = f"has no evidence of a boot of {device.address} that begins with {options.boot!r}"
        raise ConfigError(Finding("device.boot", str(path), "--boot", message, remedy))
    if options.format == "json":
        boots = [as_json(view) for view in views]
        print(json.dumps({**_device_json(device), "boots": boots}, indent=2))
        return 0
    print(f"{device.address}: {len(views)} boots with evidence")
    for view in views:
        print("\n".join(as_text(view)))
    print(f"\nin its last hello it said: {_own_text(device.own_word)}")
    return 0


def _find(path: Path, name: str, tenant: str | None) -> Reporter:
    before, slash, after = name.partition("/")
    wanted = (after, before) if slash else (name, tenant)
    found = read_ledger(path, lambda connection: reporters(connection, *wanted))
    if len(found) == 1:
        return found[0]
    if not found:
        message, remedy = f"no device {name!r} ever reported", "signwatch device list shows which did"
    else:
        tenants = ", ".join(one.address.tenant for one in found)
        message, remedy = f"several tenants have a device {name!r}: {tenants}", "add --tenant with one of them"
    raise ConfigError(Finding("device.unknown", str(path), "", message, remedy))


def _device_json(device: Reporter) -> dict[str, object]:
    return {
        "tenant": device.address.tenant,
        "device": device.address.device,
        "boot": device.boot,
        "first_seen_ms": device.first_seen_ms,
        "first_seen": iso(device.first_seen_ms),
        "last_received_ms": device.last_received_ms,
        "last_received": iso(device.last_received_ms),
        "own_word": None if device.own_word is None else device.own_word._asdict(),
    }


def _own_text(word: OwnWord | None) -> str:
    if word is None:
        return "nothing of how far its clock is from true time"
    error = "" if word.error_ms is None else f", give or take {word.error_ms:g} ms"
    side = "ahead of" if word.ahead_ms >= 0 else "behind"
    return f"its clock is {abs(word.ahead_ms):g} ms {side} true time{error} (by {word.source})"
