"""PURE. Frozen inputs as files in open formats, and back. The same inputs always give the same bytes.

| file | |
|---|---|
| `contract.toml` | the contract's file, as it was |
| `registry.json` | who was judged: subjects, calendars and their holidays in the month |
| `evidence.csv` | the part of each run that lies in the month, by subject in painting order |
| `windows.json`, `rulings.json` | what people announced and decided |
| `months.json` | the other months judged with this one, each as its own revision had it |
| `opening-hours.csv` | what the calendars come to in the month, in UTC: derived, so that zone rules can be compared |

Instants in the CSV are ISO 8601 in UTC; in JSON they are milliseconds since 1970 (`*_ms`). A cell that a spreadsheet
would take for a formula has an apostrophe before it, as has one that begins with an apostrophe. `clock_off_ms` is
there only where an estimated clock has bounds.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from collector.decisions.model import RulingRecord
from collector.revisions.inputs import (
    CalendarEntry,
    FrozenRun,
    FrozenWindow,
    Inputs,
    KnownMonth,
    SubjectEntry,
)
from collector.sla.instants import format_instant, parse_instant
from collector.sla.intervals import Interval
from collector.views import ClockSource
from wire.states import CAUSES, states_of

CONTRACT: Final = "contract.toml"
REGISTRY: Final = "registry.json"
EVIDENCE: Final = "evidence.csv"
WINDOWS: Final = "windows.json"
RULINGS: Final = "rulings.json"
MONTHS: Final = "months.json"
OPENING: Final = "opening-hours.csv"
PAPERS: Final = (CONTRACT, REGISTRY, EVIDENCE, WINDOWS, RULINGS, MONTHS, OPENING)

_COLUMNS: Final = ("subject", "spool", "seq", "start", "end", "state", "cause", "clock", "detail")
_OFF: Final = "clock_off_ms"
_MARKED: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_CLOCKS: Final = ("synced", "received", "estimated")


class PaperError(ValueError):
    """A file cannot be read as what it should be; the message names the file and the place."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(f"{file}: {message}")
        self.file = file


class _Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tenant: str
    tenant_name: str
    contract: str
    month: str
    closed_at_ms: int
    subjects: tuple[SubjectEntry, ...]
    calendars: dict[str, CalendarEntry]


def to_papers(inputs: Inputs) -> dict[str, bytes]:
    """Inputs → file name → bytes, all but the opening hours."""
    registry = _Registry(
        inputs.tenant,
        inputs.tenant_name,
        inputs.contract_id,
        inputs.month,
        inputs.closed_at_ms,
        inputs.subjects,
        dict(inputs.calendars),
    )
    return {
        CONTRACT: inputs.contract_text.encode(),
        REGISTRY: to_json(registry),
        EVIDENCE: _evidence(inputs),
        WINDOWS: to_json(inputs.windows),
        RULINGS: to_json(inputs.rulings),
        MONTHS: to_json(inputs.months),
    }


def from_papers(papers: Mapping[str, bytes]) -> Inputs:
    """The same backwards; PaperError where a file is missing or is not what it should be."""
    registry: _Registry = _json(papers, REGISTRY, _Registry)
    known = {entry.subject: entry for entry in registry.subjects}
    if len(known) != len(registry.subjects):
        raise PaperError(REGISTRY, "names a subject twice")
    if missing := sorted({each.emission for each in registry.subjects} - {"always", *registry.calendars}):
        raise PaperError(REGISTRY, f"a subject goes by the calendar {missing[0]!r}, which is not there")
    _check_holidays(registry.calendars)
    return Inputs(
        tenant=registry.tenant,
        tenant_name=registry.tenant_name,
        contract_id=registry.contract,
        contract_text=_text(papers, CONTRACT),
        month=registry.month,
        closed_at_ms=registry.closed_at_ms,
        subjects=registry.subjects,
        calendars=registry.calendars,
        evidence=_read_evidence(_text(papers, EVIDENCE), known),
        windows=_json(papers, WINDOWS, tuple[FrozenWindow, ...]),
        rulings=_json(papers, RULINGS, tuple[RulingRecord, ...]),
        months=_json(papers, MONTHS, tuple[KnownMonth, ...]),
    )


def opening_paper(opening: Mapping[str, Iterable[Interval]]) -> bytes:
    """Calendar, from, to: the open hours of the month."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("calendar", "open", "close"))
    for name, intervals in opening.items():
        writer.writerows((_marked(name), format_instant(start), format_instant(end)) for start, end in intervals)
    return text.getvalue().encode()


def to_json(value: object) -> bytes:
    """JSON for people: sorted keys, one a line, ends with a line end."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def _evidence(inputs: Inputs) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)  # lines end as RFC 4180 asks
    bounded = any(run.off_ms is not None for runs in inputs.evidence.values() for run in runs)
    writer.writerow((*_COLUMNS, _OFF) if bounded else _COLUMNS)
    for entry in inputs.subjects:
        for run in inputs.evidence.get(entry.subject, ()):
            off = ("" if run.off_ms is None else run.off_ms,) if bounded else ()
            writer.writerow((*_row(entry.subject, run), *off))
    return text.getvalue().encode()


def _row(subject: str, run: FrozenRun) -> tuple[str | int, ...]:
    times = format_instant(run.start_ms), format_instant(run.end_ms)
    texts = (run.state, run.cause or "", run.clock, run.detail or "")
    return (_marked(subject), _marked(run.spool), run.seq, *times, *map(_marked, texts))


def _marked(text: str) -> str:
    return f"'{text}" if text.startswith(_MARKED) else text


def _read_evidence(text: str, known: Mapping[str, SubjectEntry]) -> dict[str, tuple[FrozenRun, ...]]:
    found: dict[str, list[FrozenRun]] = {name: [] for name in known}
    for line, row in _rows(text):
        subject = row[0].removeprefix("'")
        if subject not in known:
            raise PaperError(EVIDENCE, f"line {line} is about {subject[:100]!r}, which the registry does not name")
        found[subject].append(_run(line, row, known[subject]))
    return {name: tuple(runs) for name, runs in found.items() if runs}


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = tuple(next(reader, ()))
        if head not in {_COLUMNS, (*_COLUMNS, _OFF)}:
            raise PaperError(EVIDENCE, f"does not begin with the columns {','.join(_COLUMNS)}")
        for row in reader:
            if len(row) != len(head):
                raise PaperError(EVIDENCE, f"line {reader.line_num} has {len(row)} cells, not {len(head)}")
            yield reader.line_num, row
    except csv.Error as error:
        raise PaperError(EVIDENCE, f"line {reader.line_num} is no CSV ({error})") from None


def _run(line: int, row: list[str], entry: SubjectEntry) -> FrozenRun:
    _, spool, seq, start, end, state, cause, clock, detail, *off = (cell.removeprefix("'") for cell in row)
    number = _number(line, "seq", seq)
    off_ms = _number(line, _OFF, off[0]) if off and off[0] else None
    _choose(line, "state", state, states_of(entry.kind))
    _choose(line, "clock", clock, _CLOCKS)
    if cause:
        _choose(line, "cause", cause, CAUSES)
    start_ms, end_ms = (_instant(line, cell) for cell in (start, end))
    return FrozenRun(
        spool, number, start_ms, end_ms, state, cause or None, cast("ClockSource", clock), detail or None, off_ms
    )


def _number(line: int, column: str, cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 19):  # noqa: PLR2004  # the digits of 2**63
        raise PaperError(EVIDENCE, f"line {line}: {column} is {cell[:40]!r}, no number")
    return int(cell)


def _choose(line: int, column: str, cell: str, known: Iterable[str]) -> None:
    if cell not in known:
        raise PaperError(EVIDENCE, f"line {line}: {column} is {cell[:40]!r}; use one of: {', '.join(sorted(known))}")


def _instant(line: int, cell: str) -> int:
    try:
        return parse_instant(cell)
    except ValueError as error:
        raise PaperError(EVIDENCE, f"line {line}: {cell[:40]!r} {error}") from None


def _check_holidays(calendars: Mapping[str, CalendarEntry]) -> None:
    from datetime import date

    for name, entry in calendars.items():
        for day in entry.holidays:
            try:
                date.fromisoformat(day)
            except ValueError:
                raise PaperError(REGISTRY, f"calendar {name!r} has a holiday on {day[:40]!r}, no date") from None


def _text(papers: Mapping[str, bytes], file: str) -> str:
    try:
        return papers[file].decode()
    except KeyError:
        raise PaperError(file, "is missing") from None
    except UnicodeDecodeError as error:
        raise PaperError(file, f"is not UTF-8 text (byte {error.start})") from None


def _json(papers: Mapping[str, bytes], file: str, kind: Any) -> Any:  # noqa: ANN401  # a tuple of structs is no class
    if file not in papers:
        raise PaperError(file, "is missing")
    try:
        return msgspec.json.decode(papers[file], type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise PaperError(file, f"is not what it should be ({error})") from None
