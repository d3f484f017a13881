"""PURE. A fleet in CSV, one row an output → entries. `docs/registry.md` lists the columns.

A spreadsheet's habits are tolerated: a byte order mark, CRLF, semicolons or tabs between the columns. A column that is
absent leaves the field as it is; an empty cell sets it to nothing (no site, no contract, no end).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from collector.registry.entries import FIELDS, SCOPE, Entry, read_fields, read_id
from collector.registry.records import Kind, Ref, key_of
from collector.sla.reading import Report, Value, nearest, shown
from common.config import ConfigError, Finding

# Column → the field of the thing it belongs to.
DEVICE_COLUMNS: Final[Mapping[str, str]] = {"site": "site", "device_name": "name", "role": "role"}
OUTPUT_COLUMNS: Final[Mapping[str, str]] = {
    "output_name": "name",
    "contract": "contract",
    "emission": "emission",
    "active_from": "active_from",
    "active_until": "active_until",
}
SITE_COLUMNS: Final[Mapping[str, str]] = {"site_name": "name"}
REQUIRED: Final = ("tenant", "device")
MACHINE: Final = (
    "machine"  # what the device is made of: for `signwatch broker enrol`, and nothing that the ledger keeps
)
COLUMNS: Final = (
    "tenant",
    "site",
    "site_name",
    "device",
    "device_name",
    "role",
    MACHINE,
    "output",
    "output_name",
    "contract",
    "emission",
    "active_from",
    "active_until",
)

_DELIMITERS: Final = ",;\t"


class _Row:
    def __init__(self, cells: Mapping[str, str], report: Report) -> None:
        self.cells = cells
        self.report = report

    def value(self, column: str) -> Value | None:
        """The cell of a column, None where the file has no such column."""
        return Value(self.cells[column], self.report, column, SCOPE) if column in self.cells else None

    def id(self, column: str) -> str:
        return read_id(Value(self.cells[column], self.report, column, SCOPE))

    def refuse(self, column: str, what: str, message: str, remedy: str) -> None:
        Value(None, self.report, column, SCOPE).refuse(what, message, remedy)


class _Lines:
    """The entries so far; a device or site may be named in many rows, an output in one."""

    def __init__(self) -> None:
        self.entries: dict[Ref, Entry] = {}
        self.findings: list[Finding] = []

    def add(self, kind: Kind, ids: dict[str, str], row: _Row, columns: Mapping[str, str]) -> None:
        values = read_fields({field: row.value(column) for column, field in columns.items()})
        entry = Entry(kind, key_of(kind, ids), ids, values, row.report.file, "")
        known = self.entries.setdefault(entry.ref, entry)
        if known is not entry and kind == "output":
            message = f"{entry.key} stands in {known.file} already"
            row.refuse("output", "row.duplicate", message, "keep one of the two rows")
        elif known is not entry:
            self._compare(known, values, row, columns)

    def _compare(self, known: Entry, values: Mapping[str, object], row: _Row, columns: Mapping[str, str]) -> None:
        for column, name in columns.items():
            field = FIELDS[name][0]
            if field in values and values[field] != known.values[field]:
                message = f"{shown(row.cells[column])} is not what {known.file} says of {known.kind} {known.key}"
                row.refuse(column, "row.conflict", message, "say the same in all its rows")


def read_csv(text: str, file: str) -> list[Entry]:
    """CSV text → entries; ConfigError with every finding (`file:line: column: …`) otherwise."""
    lines = _Lines()
    for line, cells in _rows(text.removeprefix("\ufeff"), file):
        report = Report(f"{file}:{line}")
        _read_row(_Row(cells, report), lines)
        lines.findings += dict.fromkeys(report.findings)  # a site's cell is read twice
    if lines.findings:
        raise ConfigError(*lines.findings)
    return list(lines.entries.values())


def read_machines(text: str, file: str) -> dict[str, str]:
    """CSV text that `read_csv` takes → `tenant/device` → its machine, "" where no row names one."""
    machines: dict[str, str] = {}
    for line, cells in _rows(text.removeprefix("\ufeff"), file):
        name, machine = f"{cells['tenant']}/{cells['device']}", cells.get(MACHINE, "")
        known = machines.setdefault(name, machine)
        if known and machine and machine != known:
            message = f"{machine!r} is not what another row says of {name}: {known!r}"
            finding = Finding(
                "registry.row.conflict", f"{file}:{line}", MACHINE, message, "say the same in all its rows"
            )
            raise ConfigError(finding)
        machines[name] = known or machine
    return machines


def _read_row(row: _Row, lines: _Lines) -> None:
    tenant, device = row.id("tenant"), row.id("device")
    if row.report.findings:  # whose row it is remains open
        return
    site = row.cells.get("site", "")
    if row.cells.get("site_name"):
        if site:
            lines.add("site", {"tenant": tenant, "id": row.id("site")}, row, SITE_COLUMNS)
        else:
            row.refuse("site_name", "row.site", "names a site that has no id", "fill in the column site")
    lines.add("device", {"tenant": tenant, "id": device}, row, DEVICE_COLUMNS)
    if row.cells.get("output"):
        lines.add("output", {"tenant": tenant, "device": device, "id": row.id("output")}, row, OUTPUT_COLUMNS)
        return
    for column in OUTPUT_COLUMNS:
        if row.cells.get(column):
            row.refuse(column, "row.output", "says something of an output that has no id", "fill in the column output")


def _rows(text: str, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, file)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, _named(header, cells, file, reader.line_num)
    except csv.Error as error:
        message = f"cannot be read as CSV: {error}"
        finding = Finding("registry.csv", f"{file}:{reader.line_num}", "", message, "mend the quotes of that row")
        raise ConfigError(finding) from None


def _delimiter(text: str) -> str:
    first = next(iter(text.lstrip().splitlines()), "")
    return max(_DELIMITERS, key=first.count)


def _check_header(header: list[str], file: str) -> None:
    where = f"{file}:1"
    findings = [
        Finding("registry.column.unknown", where, name or "(no name)", "unknown column", nearest(name, COLUMNS))
        for name in header
        if name not in COLUMNS
    ]
    findings += [
        Finding("registry.column.twice", where, name, "stands there twice", "remove one of the two columns")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    findings += [
        Finding("registry.column.missing", where, name, "is missing", f"add a column {name} (the first row names them)")
        for name in REQUIRED
        if name not in header
    ]
    if findings:
        raise ConfigError(*findings)


def _named(header: list[str], cells: list[str], file: str, line: int) -> dict[str, str]:
    if len(cells) != len(header):
        message = f"has {len(cells)} cells, the first row has {len(header)}"
        finding = Finding("registry.row.cells", f"{file}:{line}", "", message, "add or remove the difference")
        raise ConfigError(finding)
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
