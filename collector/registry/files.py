"""PURE. Registry files → entries: TOML or CSV by the file's ending, nothing said twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Final

import msgspec

from collector.registry.csv_files import read_csv
from collector.registry.entries import Entry
from collector.registry.records import Ref
from collector.registry.toml_files import read_toml
from common.config import ConfigError, Finding

_READERS: Final[Mapping[str, Callable[[str, str], list[Entry]]]] = {".toml": read_toml, ".csv": read_csv}
_SHOWN_FINDINGS: Final = 50


class SourceFile(msgspec.Struct, frozen=True):
    """A file's name, as a person knows it, and its text."""

    name: str
    text: str


def read_files(files: Iterable[SourceFile]) -> list[Entry]:
    """Files → entries; ConfigError with the findings of all files otherwise (the first 50 and a count of the rest)."""
    entries: dict[Ref, Entry] = {}
    findings: list[Finding] = []
    for file in files:
        try:
            found = _reader(file.name)(file.text, file.name)
        except ConfigError as error:
            findings += error.findings
            continue
        for entry in found:
            known = entries.setdefault(entry.ref, entry)
            if known is not entry:
                findings.append(_twice(entry, known))
    refuse(findings)
    return list(entries.values())


def refuse(findings: list[Finding]) -> None:
    """ConfigError where there is a finding; thousands of them are shown as the first 50 and a count."""
    more = len(findings) - _SHOWN_FINDINGS
    if more > 0:
        rest = Finding(
            "registry.more", findings[-1].file, "", f"{more} more findings are not shown", "mend these first"
        )
        findings = [*findings[:_SHOWN_FINDINGS], rest]
    if findings:
        raise ConfigError(*findings)


def _reader(name: str) -> Callable[[str, str], list[Entry]]:
    ending = PurePath(name).suffix.lower()
    if ending not in _READERS:
        finding = Finding("registry.ending", name, "", f"ends in {ending!r}", "name it *.toml or *.csv")
        raise ConfigError(finding)
    return _READERS[ending]


def _twice(entry: Entry, known: Entry) -> Finding:
    where = ": ".join(part for part in (known.file, known.where) if part)
    message = f"{entry.kind} {entry.key} is said twice, first in {where}"
    return Finding("registry.duplicate", entry.file, entry.where, message, "keep one of the two")
