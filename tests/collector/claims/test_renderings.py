"""A draft as people and programs get it: text, HTML and JSON, in English and Spanish, of every shipped agreement."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import get_args

import pytest

from collector.claims.as_html import as_html
from collector.claims.as_json import as_json
from collector.claims.as_text import as_text
from collector.claims.draft import draft_claim
from collector.claims.letter import letter
from collector.claims.model import ClockVerdict, GapId
from collector.claims.money import parse_fee
from collector.claims.texts import TEXTS
from collector.claims.voice import Voice
from collector.report.judge import make_report
from collector.sla.service import Language
from tests.collector.claims.samples import SHIPPED, contract, draft
from tests.collector.report.samples import dossier, platform, player, run

ONE_MONTH = ("window_months = 6", "window_months = 1")
EUR = parse_fee("12345.67", "EUR")
_FIELD = re.compile(r"\{(\w*)\}")


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_sentence_has_both_languages_with_the_same_blanks() -> None:
    for key, (english, spanish) in TEXTS.items():
        assert sorted(_FIELD.findall(english)) == sorted(_FIELD.findall(spanish)), key
        assert english.strip(), key
        assert spanish.strip(), key


def test_every_gap_and_every_verdict_has_a_sentence() -> None:
    assert {f"gap_{name}" for name in get_args(GapId)} == {key for key in TEXTS if key.startswith("gap_")}
    assert {f"verdict_{name}" for name in get_args(ClockVerdict)} <= TEXTS.keys()


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_shipped_agreement_is_drafted_in_both_languages(name: str, language: Language) -> None:
    found = draft(name, fee=EUR)
    text, html = as_text(found, language), as_html(found, language)
    assert "Acme Retail" in text
    assert "{" not in text
    assert html.startswith("<!doctype html>")
    assert "<script" not in html
    told = as_json(found, language)
    assert json.loads(json.dumps(told)) == told
    assert [gap.id for gap in found.gaps] == [gap["id"] for gap in told["missing"]]  # type: ignore[attr-defined]


def test_a_claim_in_english_says_what_is_due_why_and_by_when() -> None:
    text = flat(as_text(draft("admira", ONE_MONTH, fee=EUR, project="Girona shops"), "en"))
    for sentence in (
        "97.61% lies in no band of the table; by the contract's reading the band 98.50 to 98.26% holds: 15%.",
        "15% of 12,345.67 EUR is 1,851.85 EUR. - Exactly 1,851.8505 EUR; rounded half up",
        "The deadline to claim is past for Nos. 1\N{EN DASH}2.",
        "Subject: Compensación SLA Girona shops",
        "We therefore ask for the discount of 15% of the monthly fee that the agreement provides for. That is 1,851.85",
        "2. 2026-03-10 10:00:00 to 2026-03-12 10:00:00, 96 h of downtime, cause: playback software. Players affected",
        "Players affected (2): gate and lobby. Sites: Girona.",
        "3 2026-03-20 11:00:00 2026-04-19 12:00:00 (open)",
        "2 Critical failure resolved within 24 hours 2026-03-11 10:00:00 hangs on the notice",
        "No evidence tells whether these are fulfilled.",
    ):
        assert sentence in text


def test_a_claim_in_spanish_is_written_as_a_native_writes_it() -> None:
    text = flat(as_text(draft("admira", ONE_MONTH, fee=EUR, side="customer"), "es"))
    for sentence in (
        "Disponibilidad de marzo de 2026: 97,61 %; el nivel comprometido es del 99,00 %.",
        "El 15 % de 12 345,67 EUR son 1851,85 EUR.",
        "Asunto: Compensación SLA [proyecto]",
        "Por ello solicitamos el descuento del 15 % de la cuota mensual que prevé el acuerdo.",
        "El plazo para reclamar ha vencido para las siguientes incidencias: n.os 1\N{EN DASH}2.",
    ):
        assert flat(sentence) in text


def test_the_provider_writes_another_letter() -> None:
    text = flat(as_text(draft("admira", ONE_MONTH, side="provider"), "en"))
    assert text.startswith("Draft of a credit note: Acme Retail, March 2026")
    assert "Subject: Availability of March 2026 under “ADmira availability guarantee”" in text
    assert "You are therefore entitled to the discount of 15% of the monthly fee" in text


def test_an_open_discount_is_claimed_as_a_precaution_and_without_an_amount_in_the_letter() -> None:
    found = draft("admira", fee=EUR)
    written = " ".join(letter(found, Voice.of(found, "en")))
    assert "We claim, as a precaution, the discount of 15% of the monthly fee" in written
    assert "EUR" not in written
    assert "would be 1,851.85 EUR" in flat(as_text(found, "en"))


@pytest.mark.parametrize("name", ["alestra", "itsafer", "alhambra-mia"])
def test_where_nothing_can_be_claimed_no_letter_is_written(name: str) -> None:
    found = draft(name)
    assert letter(found, Voice.of(found, "en")) == []
    assert "By these figures there is nothing to claim" in flat(as_text(found, "en"))


def test_a_good_month_has_nothing_to_claim() -> None:
    found = draft_claim(make_report(dossier(player("p"), platform("portal"), contract=contract("admira", ONE_MONTH))))
    text = as_text(found, "en")
    assert "The committed level was reached, so no discount is due." in flat(text)
    assert "No incident counts in this month." in text
    assert "The letter" not in text


def test_a_claim_names_every_player_however_many_there_are() -> None:
    names = [f"screen-{number:03}" for number in range(120)]
    members = [player(name, run("10T09:00", "12T09:00", "stopped", "player_software")) for name in names]
    terms = contract("admira", ONE_MONTH)
    found = draft_claim(make_report(dossier(*members, platform("portal"), contract=terms)))
    written = " ".join(letter(found, Voice.of(found, "es")))
    assert all(name in written for name in names)
    assert "Players afectados (120)" in written


def test_a_name_with_markup_is_escaped() -> None:
    found = draft("admira", ONE_MONTH)
    evil = replace(found, report=replace(found.report, tenant_name="<b>Acme</b>"))
    assert "&lt;b&gt;Acme&lt;/b&gt;" in as_html(evil, "en")
    assert "<b>Acme" not in as_html(evil, "en")


def test_money_in_json_is_exact() -> None:
    told = as_json(draft("admira", ONE_MONTH, fee=EUR), "en")
    assert told["credit"] == {
        "fee": "12345.67",
        "currency": "EUR",
        "exact": [3703701, 2000],
        "amount": "1851.85",
        "rounding": "half_up",
        "decimals": 2,
    }


@pytest.mark.parametrize(
    ("numbers", "told"), [((4,), "No. 4"), ((1, 2, 3), "Nos. 1–3"), ((1, 3, 4, 9), "Nos. 1, 3–4 and 9")]
)
def test_incidents_in_a_row_are_told_as_a_range(numbers: tuple[int, ...], told: str) -> None:
    assert Voice.of(draft("admira"), "en").numbers(numbers) == told
