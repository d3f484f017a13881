from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.web.render import STATIC, TEMPLATES
from collector.web.tiles import STATES

SHEETS = sorted(STATIC.glob("*.css"))
SCRIPTS = sorted(STATIC.glob("*.js"))


@pytest.mark.parametrize("path", [*SHEETS, *SCRIPTS, *sorted(TEMPLATES.glob("*.html"))], ids=lambda path: path.name)
def test_nothing_is_asked_of_the_internet(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"https?://(?!www\.w3\.org)|//cdn|@import", text)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_hold_neither_inline_script_nor_inline_style_nor_unescaped_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|style=|\|\s*safe|autoescape", text)


def test_every_file_that_is_named_exists() -> None:
    for path in [*SHEETS, *SCRIPTS, *TEMPLATES.glob("*.html")]:
        for name in re.findall(r"/static/([a-z0-9/._-]+)", path.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file(), f"{path.name} names {name}"


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_has_a_colour_and_a_glyph_of_its_own(state: str) -> None:
    sheet = (STATIC / "base.css").read_text(encoding="utf-8")
    assert re.search(rf"\.s-{state}\b[^{{]*{{\s*--fill", sheet)
    assert f"/static/glyphs/{state}.svg" in sheet
    shapes = {path.read_text(encoding="utf-8") for path in (STATIC / "glyphs").glob("*.svg")}
    assert len(shapes) == len(list((STATIC / "glyphs").glob("*.svg")))


@pytest.mark.parametrize("state", sorted(STATES - {"unknown"}))
def test_every_state_has_a_colour_on_the_timeline(state: str) -> None:
    assert f".f-{state}" in (STATIC / "subject.css").read_text(encoding="utf-8")
