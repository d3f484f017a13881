"""PURE. A draft as plain text, for a terminal or a mail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from collector.claims.letter import letter
from collector.claims.model import Draft
from collector.claims.sections import head, sections, title
from collector.claims.voice import Voice
from collector.sla.explain.sections import Grid, Section
from collector.sla.service import Language

_WIDTH: Final = 100


def as_text(draft: Draft, language: Language) -> str:
    """The whole draft: first the summary and what is missing, then the letter, then everything that backs it."""
    voice = Voice.of(draft, language)
    heading = title(draft, voice)
    lines = [heading, "=" * len(heading), *head(draft, voice)]
    told = sections(draft, voice)
    for section in told[:2]:
        lines += _section(section)
    if paragraphs := letter(draft, voice):
        lines += _heading(voice.say("head_letter"))
        for paragraph in paragraphs:
            lines += [*textwrap.wrap(paragraph, _WIDTH, break_on_hyphens=False), ""]
        lines.pop()
    for section in told[2:]:
        lines += _section(section)
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield from _heading(section.title)
    for part in section.parts:
        if isinstance(part, Grid):
            yield from _grid(part)
        else:
            yield from textwrap.wrap(part, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _heading(text: str) -> list[str]:
    return ["", text, "-" * len(text)]


def _grid(grid: Grid) -> Iterator[str]:
    """A table with columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in grid.rows) for column in range(len(grid.rows[0]))]
    yield from textwrap.wrap(grid.caption, _WIDTH, break_on_hyphens=False)
    for row in grid.rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
