"""The file that is sent to a customer: escaped, self-contained, in both languages."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, cast

import pytest

from collector.report.as_html import as_html
from collector.report.as_json import as_json
from collector.report.model import Report
from collector.sla.instants import DAY_MS
from collector.sla.service import Language, Party, Service
from tests.collector.report.samples import admira, at, platform, player, report, ruling, run, window

EVIL = '<script>alert("x")</script><img src=//evil.example onerror=alert(1)>\'"&'
VOID = {"meta", "img", "br", "input", "link", "hr"}
ADRIFT = run("12T09:00", "12T10:00", "black", clock="estimated", off_ms=12_000)


class Reader(HTMLParser):
    """Collects tags and attributes, and complains where the elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def read(text: str) -> Reader:
    reader = Reader(text)
    assert reader.open == []
    return reader


def busy(name: str = "p1", why: str = "new firmware") -> Report:
    """A month with something of everything; texts that others write are `name` and `why`."""
    return report(
        player(
            name,
            run("02T00:00", "03T06:00", "frozen", detail=why),
            run("05T09:00", "05T10:00", "off", "power"),
            run("06T09:00", "06T10:00", "stopped"),
            ADRIFT,
            rulings=[ruling(1, f"acme/{name}/main", "06T09:00", "06T10:00", cause="customer", why=why, who=name)],
            site=why,
        ),
        player("p2", run("08T00:00", "08T12:00", "unknown")),
        platform("portal", run("10T01:00", "10T02:00", "down")),
        windows=[
            window(1, "10T01:30", "10T02:00", why=why, announced_by=name),
            window(2, "11T00:00", "11T01:00", kind="emergency", why=why),
            window(3, "11T00:00", "11T01:00", cancelled_at_ms=at("02T00:00"), cancelled_by=name, cancelled_why=why),
        ],
        tenant_name=name,
        silent=["2026-02"],
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_nothing_that_others_wrote_becomes_markup(language: Language) -> None:
    told = busy(EVIL, EVIL)
    service = Service(provider=Party(EVIL), customer=Party(EVIL))
    told = replace(told, contract=replace(told.contract, name=EVIL, service=service))
    page = read(as_html(told, language))
    assert page.tags & {"script", "img", "iframe", "object", "link", "form"} == set()
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.text.count(EVIL) >= 12


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_file_loads_nothing_and_forbids_it_too(language: Language) -> None:
    text = as_html(busy(), language)
    page = read(text)
    assert not any(name in {"src", "href", "srcset", "background"} for name, _ in page.attributes)
    assert "url(" not in text
    assert "@import" not in text
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert ("lang", language) in page.attributes


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            [
                "Availability report",
                "March 2026",
                "98.31%",
                "Committed level 99.00%: not reached",
                "Objective 99.90%: not reached",
                "More than 20% of the players were each down for more than 1% of their counted time",
                "1 of 2, 50.00%",
                "98.31% lies in the band 98.50 to 98.26%: 15%.",
                "A discount of 15% hangs on months that are not known yet.",
                "Open: no period of 3 months is known yet.",
                "Nothing is known of February 2026",
                "1 h of the counted time rest on clocks that never had the true time",
                "These times may be off by at most 12 s",
                "12 h of the players and 0 s of the platform",
                "does not apply: the contract does not leave out windows of this kind",
                "does not apply: cancelled 2026-03-02 01:00:00 by p1 (new firmware)",
                "left out: 0:30:00",
                "cause: the customer's own doing",
                "ruling 1",
                "≈ estimated clock",
            ],
        ),
        (
            "es",
            [
                "Informe de disponibilidad",
                "Marzo de 2026",
                "98,31 %",
                "Nivel comprometido 99,00 %: no alcanzado",
                "Más del 20 % de los players estuvieron caídos, cada uno, más del 1 % de su tiempo contado",
                "1 de 2, el 50,00 %",
                "El 98,31 % está en el tramo 98,50 a 98,26 %: 15 %.",
                "Un descuento del 15 % depende de meses que aún no se conocen.",
                "De febrero de 2026 nada se sabe",
                "no se aplica: cancelada el 02/03/2026 01:00:00 por p1 (new firmware)",
                "resolución 1",
                "≈ reloj estimado",
            ],
        ),
    ],
)
def test_a_month_is_told_with_all_its_numbers(language: Language, said: list[str]) -> None:
    text = " ".join(read(as_html(busy(), language)).text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert [words for words in said if words not in text] == []


@pytest.mark.parametrize(
    ("computed", "marked"),
    [(at("20T00:00"), True), (at("31T22:00") + DAY_MS, True), (at("31T22:00") + 4 * DAY_MS, False)],
)
def test_a_provisional_month_is_marked_on_the_screen_and_on_every_page(computed: int, marked: bool) -> None:
    text = as_html(report(player("p1"), computed_at_ms=computed), "en")
    assert ('<p class="provisional">' in text) is marked
    assert ("@top-right" in text) is marked


def test_the_formula_has_its_numbers_filled_in() -> None:
    page = read(as_html(busy(), "en"))
    numbers = [
        *("= 1", "− 0.2 ×", "platform downtime", "30 min", "744 h", "month"),
        *("− 0.8 ×", "sum of the players' downtime", "31 h", "2 × 744 h", "players × month"),
        *("= 98.319892% …", "cut to 2 decimals:", "98.31%"),
    ]
    at_number = 0
    for number in numbers:  # in this order
        at_number = page.text.index(number, at_number) + len(number)


def test_a_contract_without_a_level_and_a_month_without_a_figure_are_told() -> None:
    plain = replace(admira(), guarantee=replace(admira().guarantee, committed=None, objective=None), termination=None)
    text = read(as_html(report(player("p1"), contract=plain), "en")).text
    assert "no level is promised" in text
    assert "The contract promises no level, so no discount is due." in text
    early = read(as_html(report(player("p1"), computed_at_ms=at("01T00:00") - DAY_MS), "en")).text
    assert "no figure" in early


def test_a_contract_that_judges_no_player_says_so() -> None:
    assert "No player is judged by this contract." in read(as_html(report(platform("portal")), "en")).text


def test_very_many_incidents_are_cut_to_the_longest_and_counted() -> None:
    runs = [
        run(f"{day:02d}T{hour:02d}:00", f"{day:02d}T{hour:02d}:{10 + day}", "stopped")
        for day in range(1, 29)
        for hour in range(10)
    ]
    text = read(as_html(report(player("p1", *runs)), "en")).text
    assert "Not shown: 80 more incidents, 19:20:00 in all, each shorter than those above." in text


VOTED = "3 of 4 say down, 3 needed; down: shop-1 (status 503), shop-2, office; up: shop-4; no vote: shop-5"


def portal_down(detail: str | None) -> Report:
    return report(player("p1"), platform("portal", run("10T01:00", "10T02:00", "down", detail=detail)))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Established by the votes of vantage points: 3 of 4 that could tell said down, 3 needed."),
        ("es", "3 de 4 que podían comprobarlo lo dieron por caído; hacían falta 3."),
    ],
)
def test_an_incident_of_a_voted_portal_says_by_how_many_it_was_established(language: Language, said: str) -> None:
    told = portal_down(VOTED)
    assert said in read(as_html(told, language)).text
    assert VOTED in read(as_html(told, language)).text  # and who they were
    (incident,) = cast("list[dict[str, Any]]", as_json(told)["incidents"])
    assert incident["outages"][0]["votes"] == {"down": 3, "can_tell": 4, "needed": 3}


@pytest.mark.parametrize(
    ("detail", "alone"),
    [("status 503, expected 200", True), (None, False), ("down: shop-1 (status 503); up: shop-2", False)],
)
def test_an_incident_that_nobody_voted_on_rests_on_the_collectors_own_check(detail: str | None, alone: bool) -> None:
    told = portal_down(detail)
    assert ("Established by the collector's own check." in read(as_html(told, "en")).text) is alone
    assert ("Constatado por la comprobación propia" in read(as_html(told, "es")).text) is alone
    (incident,) = cast("list[dict[str, Any]]", as_json(told)["incidents"])
    assert "votes" not in incident["outages"][0]  # so that months frozen without them stay what they were


def test_a_players_words_are_never_taken_for_votes() -> None:
    told = report(player("p1", run("10T01:00", "10T02:00", "stopped", detail=VOTED)))
    assert "Established by" not in read(as_html(told, "en")).text
    (incident,) = cast("list[dict[str, Any]]", as_json(told)["incidents"])
    assert "votes" not in incident["outages"][0]
