"""What is written is true: keys, links, commands and examples are checked against the program itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import pytest

from agent import config as agent_config
from agent.probes import PROBES
from collector.config import CollectorConfig
from common.config import convert, documented_keys, parse_toml
from signwatch.cli import COMMANDS, OUR_PACKAGES, _parser
from tests.fixtures.processes import ROOT

PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# Where each program's keys may be documented; the first page leads to the others.
AGENT_PAGES: Final = ("docs/agent.md",)
COLLECTOR_PAGES: Final = ("docs/collector.md", "docs/alerts.md", "docs/influx.md", "docs/broker.md", "docs/web.md")

_LINK: Final = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`\n]+)`")
_FENCE: Final = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_DOTTED: Final = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_FINDING: Final = re.compile(r"[Ff]inding\(\s*\"([a-z_]+\.[a-z_]+)\"")
_PLACEHOLDER: Final = re.compile(r"\.[A-Z]+(?=\.|$)")  # outputs.confirm.STATE.hold_s


class Block(NamedTuple):
    """One fenced example."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match["language"] in languages:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(page.relative_to(ROOT).as_posix(), line, match["language"], match["text"]))
    return found


def code_in(pages: tuple[str, ...]) -> set[str]:
    """Everything in backticks, with placeholders such as STATE taken out."""
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in pages if (ROOT / page).exists())
    return {_PLACEHOLDER.sub("", code) for code in _CODE.findall(_FENCE.sub("", text))}


def finding_ids() -> set[str]:
    """The stable ids of complaints, such as `web.open`: they look like keys."""
    sources = (file.read_text(encoding="utf-8") for top in OUR_PACKAGES for file in (ROOT / top).rglob("*.py"))
    return {found for source in sources for found in _FINDING.findall(source)}


PROGRAMS: Final = [
    pytest.param(agent_config.AgentConfig, AGENT_PAGES, id="agent"),
    pytest.param(CollectorConfig, COLLECTOR_PAGES, id="collector"),
]


@pytest.mark.parametrize(("kind", "pages"), PROGRAMS)
def test_every_configuration_key_is_documented(kind: type[msgspec.Struct], pages: tuple[str, ...]) -> None:
    assert (ROOT / pages[0]).exists()
    keys = documented_keys(kind)
    assert len(keys) > 20
    assert sorted(keys - code_in(pages)) == []


@pytest.mark.parametrize(("kind", "pages"), PROGRAMS)
def test_no_key_is_documented_that_does_not_exist(kind: type[msgspec.Struct], pages: tuple[str, ...]) -> None:
    keys = documented_keys(kind)
    tables = {key.rpartition(".")[0] for key in keys} | {key.partition(".")[0] for key in keys}
    first_words = {key.partition(".")[0] for key in keys if "." in key}
    probes = {f"outputs.{name}.{key}" for name, probe in PROBES.items() for key in documented_keys(probe.options)}
    probes |= {f"outputs.{name}" for name in PROBES}
    told = {code for code in code_in(pages) if _DOTTED.fullmatch(code) and code.partition(".")[0] in first_words}
    files = {code for code in told if code.endswith((".py", ".md", ".toml", ".json", ".db"))}
    assert sorted(told - keys - tables - probes - files - finding_ids()) == []


@pytest.mark.parametrize("probe", PROBES)
def test_every_probe_has_a_page_that_documents_its_keys(probe: str) -> None:
    page = f"docs/probes/{probe}.md"
    assert (ROOT / page).exists()
    keys = documented_keys(PROBES[probe].options)
    code = code_in((page,))
    assert sorted(key for key in keys if key not in code and f"outputs.{probe}.{key}" not in code) == []


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for match in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
            yield page, match["target"]


def test_links_inside_the_repository_lead_somewhere() -> None:
    broken = []
    for page, target in links():
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            broken.append(f"{page.relative_to(ROOT)}: {target}")
        elif fragment and there.suffix == ".md":
            headings = map(anchor, _HEADING.findall(there.read_text(encoding="utf-8")))
            if fragment not in headings:
                broken.append(f"{page.relative_to(ROOT)}: {target} (no such heading)")
    assert broken == []


def test_every_page_can_be_found_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    neighbours: dict[Path, set[Path]] = {}
    for page, target in links():
        neighbours.setdefault(page, set()).add((page.parent / target.partition("#")[0]).resolve())
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += neighbours.get(page, set())
            folders = [target for target in neighbours.get(page, set()) if target.is_dir()]
            waiting += [inside for folder in folders for inside in folder.glob("*.md")]
    assert sorted(page.relative_to(ROOT).as_posix() for page in PAGES if page not in reached) == []


def commands() -> list[tuple[Block, list[str]]]:
    """Every line `signwatch …` or `./dev …` in a shell example, as words; without its comment."""
    found = []
    for block in blocks("sh", "bash", "console", "shell"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words and words[0] == "sudo":  # sudo -u USER COMMAND …
                words = words[3:] if words[1] == "-u" else words[1:]
            if words and Path(words[0]).name in {"signwatch", "dev"}:
                end = next((at for at, word in enumerate(words) if word in {"|", ">", "<", "&&", "&", ";"}), len(words))
                found.append((block, [Path(words[0]).name, *words[1:end]]))
    return found


COMMAND_LINES: Final = [pytest.param(words, id=f"{block.page}: {' '.join(words)[:60]}") for block, words in commands()]


def test_the_readme_names_commands() -> None:
    told = {" ".join(words[:2]) for block, words in commands() if block.page == "README.md"}
    assert {"dev demo", "dev test", "signwatch agent"} <= told


@pytest.mark.parametrize("words", COMMAND_LINES)
def test_every_command_line_that_is_shown_is_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if words[0] == "dev":
        assert f"\n    {words[1]}" in (ROOT / "dev").read_text(encoding="utf-8")
        return
    assert words[1] in COMMANDS
    parser = _parser(words[1])
    if "--help" in words:
        return
    try:
        options = parser.parse_args(words[1:])
    except SystemExit:
        pytest.fail(capsys.readouterr().err, pytrace=False)
    assert callable(options.run)


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_every_toml_example_is_accepted(block: Block) -> None:
    data = parse_toml(block.text, str(block))
    assert data
    if {"tenant", "device", "mqtt"} <= set(data):
        agent_config.parse(block.text, Path(str(block)))
    elif block.page in {"docs/collector.md", "docs/influx.md", "docs/install-collector.md"}:
        convert(data, CollectorConfig, str(block))
