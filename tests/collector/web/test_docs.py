from __future__ import annotations

import re
from pathlib import Path

from collector.web.app import build_app
from collector.web.render import STATIC
from tests.collector.web.fake_desk import FakeDesk

DOCS = (Path(__file__).parents[3] / "docs" / "web.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted(STATIC.parent.glob("*.py")))


def addresses() -> set[str]:
    """Every route as the documentation writes it."""
    found = set()
    for resource in build_app(FakeDesk()).router.resources():
        path = resource.canonical
        if path != "/static":
            tail = "{tenant}/{id}" if "platform" in path else "{tenant}/{device}/{output}"
            found.add(path.replace("{subject}", tail))
    return found


def test_every_address_is_documented() -> None:
    written = {address.partition("?")[0] for address in re.findall(r"`(/[^`]*)`", DOCS)}
    assert addresses() <= written


def test_every_error_id_is_documented_and_exists() -> None:
    ids = set(re.findall(r"(?:bad_request\(|RequestError\(\s*\d+,)\s*\"([a-z_]+)\"", SOURCES))
    ids |= {"not_found", "method_not_allowed"}
    table = DOCS.partition("### Errors")[2].partition("### Events")[0]
    rows = re.findall(r"^\| \d+ \|(.*)\|$", table, re.MULTILINE)
    assert ids == {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def test_every_finding_and_metric_of_the_page_is_documented() -> None:
    for name in re.findall(r'Finding\(\s*"(web\.[a-z]+)"', SOURCES):
        assert f"`{name}`" in DOCS
    for name in re.findall(r'"(signwatch_web_[a-z_]+)"', SOURCES):
        assert f"`{name}`" in DOCS
