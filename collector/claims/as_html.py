"""A draft as one self-contained HTML file, in the report's dress: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from collector.claims.letter import letter
from collector.claims.model import Draft
from collector.claims.sections import head, sections, title
from collector.claims.voice import Voice
from collector.report.as_html import environment
from collector.sla.explain.sections import Grid
from collector.sla.service import Language
from signwatch import __version__

_TEMPLATES: Final = Path(__file__).parent / "templates"


def as_html(draft: Draft, language: Language) -> str:
    """The whole document; everything in it is escaped."""
    voice = Voice.of(draft, language)
    return (
        environment(_TEMPLATES)
        .get_template("claim.html")
        .render(
            lang=language,
            title=title(draft, voice),
            head=head(draft, voice),
            letter_title=voice.say("head_letter"),
            letter=letter(draft, voice),
            sections=sections(draft, voice),
            is_grid=lambda part: isinstance(part, Grid),
            made=voice.words.say("foot_made", version=__version__),
        )
    )
