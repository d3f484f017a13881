"""PURE. `signwatch contract explain`: what a contract will do, in plain English or Spanish, with the numbers.

`figure.py` tells what is measured and what each figure takes, `support.py` the rest of the agreement, `gaps.py` what is
open or not said; `speech.py` knows how a language writes numbers and hours, and every sentence stands in `texts.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from collector.sla.explain import figure, gaps, support
from collector.sla.explain.sections import Grid, Section
from collector.sla.explain.speech import Speech
from collector.sla.service import Language
from collector.sla.terms import Contract

_WIDTH = 100


def explain(contract: Contract, language: Language, players: int) -> list[Section]:
    """Everything there is to say about a contract for so many players, in reading order; nothing empty."""
    speech = Speech(language)
    sections = [
        *figure.sections(contract, speech, players),
        *support.sections(contract.service, speech, players),
        *gaps.sections(contract, speech),
    ]
    return [section for section in sections if section.parts]


def explain_text(contract: Contract, language: Language, players: int) -> str:
    """The same as plain text for a terminal or a letter."""
    lines = [contract.name, "=" * len(contract.name)]
    for section in explain(contract, language, players):
        lines += ["", section.title, "-" * len(section.title)]
        for part in section.parts:
            lines += _grid(part) if isinstance(part, Grid) else _paragraph(part)
    return "\n".join(lines) + "\n"


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _grid(grid: Grid) -> Iterator[str]:
    """A table with its first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in grid.rows) for column in range(len(grid.rows[0]))]
    yield ""
    yield f"  {grid.caption}"
    for row in grid.rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "    " + "   ".join([row[0].ljust(widths[0]), *cells[1:]])
