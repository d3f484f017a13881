"""A small registry, and orders about it."""

from collector.decisions.orders import Announce, Rule
from collector.registry.files import SourceFile, read_files
from collector.registry.model import Registry
from collector.registry.plan import make_plan
from collector.sla.instants import parse_instant

REGISTRY_TOML = """
[[tenants]]
id = "acme"
[[sites]]
tenant = "acme"
id = "bcn-01"
[[sites]]
tenant = "acme"
id = "empty"
[[platforms]]
tenant = "acme"
id = "portal"
contract = "admira"
[[devices]]
tenant = "acme"
id = "p1"
site = "bcn-01"
[[devices.outputs]]
id = "main"
contract = "admira"
[[devices]]
tenant = "acme"
id = "p2"
site = "bcn-01"
[[devices.outputs]]
id = "left"
contract = "admira"
[[devices.outputs]]
id = "right"
contract = "admira"
"""
NOW = parse_instant("2026-03-10T12:00:00Z")


def registry(text: str = REGISTRY_TOML) -> Registry:
    return make_plan(Registry(), read_files([SourceFile("registry.toml", text)])).wanted


def at(text: str) -> int:
    """`14T02:00` → that moment of March 2026, UTC."""
    return parse_instant(f"2026-03-{text}:00Z")


def announce(
    start: str = "14T02:00", end: str = "14T04:00", *, kind: str = "planned", subjects: tuple[str, ...] = ("*",)
) -> Announce:
    return Announce("", kind, subjects, at(start), at(end), "new firmware")


def rule(
    subject: str = "p1", *, state: str | None = None, cause: str | None = "customer", end: str = "10T10:00"
) -> Rule:
    return Rule("acme", subject, at("10T09:00"), at(end), state, cause, "they unplugged it")
