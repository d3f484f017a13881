"""PURE. The registry written back as files: applying them again makes no difference."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping

import msgspec
import tomli_w

from collector.registry.csv_files import COLUMNS
from collector.registry.model import Calendar, Device, Registry, Subject
from common.clock import iso, to_datetime


def to_toml(registry: Registry) -> str:
    """Everything that the registry holds. Fields without a value are left out."""
    outputs: dict[str, list[dict[str, object]]] = defaultdict(list)
    platforms = []
    for _, subject in sorted(registry.subjects.items()):
        if subject.kind == "player":
            outputs[f"{subject.tenant}/{subject.device}"].append(_subject(subject))
        else:
            platforms.append({"tenant": subject.tenant, **_subject(subject)})
    document: dict[str, list[dict[str, object]]] = {
        "tenants": [{"id": tenant.id, "name": tenant.name} for _, tenant in sorted(registry.tenants.items())],
        "sites": [{"tenant": s.tenant, "id": s.id, "name": s.name} for _, s in sorted(registry.sites.items())],
        "calendars": [_calendar(calendar) for _, calendar in sorted(registry.calendars.items())],
        "devices": [_device(device, outputs[key]) for key, device in sorted(registry.devices.items())],
        "platforms": platforms,
    }
    return "\n".join(_block(f"[[{name}]]", name, table) for name, tables in document.items() for table in tables)


def to_csv(registry: Registry) -> str:
    """Sites, devices and outputs, one row an output; tenants, calendars and platforms do not fit into rows."""
    outputs: dict[str, list[Subject]] = defaultdict(list)
    for _, subject in sorted(registry.subjects.items()):
        if subject.kind == "player":
            outputs[f"{subject.tenant}/{subject.device}"].append(subject)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for key, device in sorted(registry.devices.items()):
        of_device = _device_cells(registry, device)
        if not outputs[key]:
            writer.writerow(of_device)
        writer.writerows({**of_device, **_output_cells(output)} for output in outputs[key])
    return text.getvalue()


def _block(header: str, path: str, table: Mapping[str, object]) -> str:
    """One table under its own header; tomli_w alone would write small ones inline and longer ones in blocks."""
    plain = {name: member for name, member in table.items() if not _is_nested(member)}
    blocks = [f"{header}\n{tomli_w.dumps(plain)}"]
    for name, member in table.items():
        inner = f"{path}.{name}"
        if isinstance(member, Mapping):
            blocks.append(_block(f"[{inner}]", inner, member))
        elif isinstance(member, list) and _is_nested(member):
            blocks += [_block(f"[[{inner}]]", inner, each) for each in member]
    return "\n".join(blocks)


def _is_nested(member: object) -> bool:
    return isinstance(member, Mapping) or (isinstance(member, list) and any(isinstance(x, Mapping) for x in member))


def _calendar(calendar: Calendar) -> dict[str, object]:
    return {"tenant": calendar.tenant, "id": calendar.id, **calendar.rules}


def _device(device: Device, outputs: list[dict[str, object]]) -> dict[str, object]:
    table: dict[str, object] = {"tenant": device.tenant, "id": device.id, "name": device.name, "role": device.role}
    if device.site is not None:
        table["site"] = device.site
    return {**table, "outputs": outputs} if outputs else table


def _subject(subject: Subject) -> dict[str, object]:
    table: dict[str, object] = {"id": subject.id, "name": subject.name}
    if subject.kind == "player":  # a platform's emission is always (SPEC part 2)
        table["emission"] = subject.emission
    if subject.contract is not None:
        table["contract"] = subject.contract
    if subject.active_from_ms is not None:
        table["active_from"] = to_datetime(subject.active_from_ms)
    if subject.active_until_ms is not None:
        table["active_until"] = to_datetime(subject.active_until_ms)
    if subject.check is not None:
        told = msgspec.to_builtins(subject.check)  # without what is unset
        table["check"] = told if subject.check.url else {name: told[name] for name in told if name != "url"}
    return table


def _device_cells(registry: Registry, device: Device) -> dict[str, str]:
    site = registry.sites.get(f"{device.tenant}/{device.site}")
    return {
        "tenant": device.tenant,
        "site": device.site or "",
        "site_name": site.name if site else "",
        "device": device.id,
        "device_name": device.name,
        "role": device.role,
    }


def _output_cells(output: Subject) -> dict[str, str]:
    return {
        "output": output.id,
        "output_name": output.name,
        "contract": output.contract or "",
        "emission": output.emission,
        "active_from": "" if output.active_from_ms is None else iso(output.active_from_ms),
        "active_until": "" if output.active_until_ms is None else iso(output.active_until_ms),
    }
