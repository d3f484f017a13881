"""docs/registry.md names every key and every column, and no other."""

import re
from pathlib import Path

from collector.registry import toml_files
from collector.registry.csv_files import COLUMNS
from collector.registry.entries import FIELDS
from collector.registry.files import SourceFile, read_files
from collector.registry.model import PortalCheck, Registry, VoteRule
from collector.registry.plan import make_plan

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "registry.md").read_text(encoding="utf-8")


def first_cells(section: str) -> set[str]:
    part = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", part, flags=re.MULTILINE))


def test_every_column_is_documented_and_no_other() -> None:
    assert first_cells("Columns of a CSV file") == set(COLUMNS)


def test_every_key_is_documented_and_no_other() -> None:
    keys = {"tenants.id", "tenants.name", "sites.tenant", "sites.id", "sites.name", "calendars.tenant", "calendars.id"}
    keys |= {f"calendars.{key}" for key in toml_files.CALENDAR_KEYS}
    keys |= {f"devices.{key}" for key in ("tenant", "id", "site", "name", "role")}
    keys |= {f"devices.outputs.{key}" for key in ("id", *toml_files.OUTPUT_KEYS)}
    keys |= {f"platforms.{key}" for key in ("tenant", "id", *toml_files.PLATFORM_KEYS)}
    keys |= {f"platforms.check.{key}" for key in PortalCheck.__struct_fields__}
    keys |= {f"platforms.check.votes.{key}" for key in VoteRule.__struct_fields__}
    assert first_cells("Keys of a TOML file") == keys
    assert {*toml_files.OUTPUT_KEYS, *toml_files.PLATFORM_KEYS} <= FIELDS.keys()


def test_the_examples_can_be_applied_together() -> None:
    names = ("registry.toml", "fleet.csv")
    files = [SourceFile(name, (DOCS / "examples" / name).read_text(encoding="utf-8")) for name in names]
    assert len(make_plan(Registry(), read_files(files)).changes) == 19
