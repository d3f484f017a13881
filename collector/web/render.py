"""Templates → text. Everything is escaped; a missing name is an error, never an empty spot."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.web.format import duration

if TYPE_CHECKING:
    from collector.web.texts import Texts

STATIC: Final = Path(__file__).parent / "static"
TEMPLATES: Final = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["duration"] = duration
    return environment


class Renderer:
    """Draws templates in one language."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def render(self, template: str, **values: object) -> str:
        """Draw one template; jinja2's UndefinedError where a value is missing."""
        return _environment().get_template(template).render(t=self.texts, **values)
