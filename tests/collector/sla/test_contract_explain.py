"""What `contract explain` says: nothing untranslated, nothing invented, the numbers of the core."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from collector.sla.calendar import parse_calendar
from collector.sla.clock import Target
from collector.sla.contract import Contract, parse_contract, parse_contract_toml
from collector.sla.explain import explain, explain_text
from collector.sla.explain.speech import Speech
from collector.sla.explain.texts import TEXTS
from collector.sla.service import Language, SupportHours
from wire.states import CAUSES

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "contracts").glob("*.toml"))
LANGUAGES: tuple[Language, ...] = ("en", "es")
EN, ES = Speech("en"), Speech("es")
BARE: dict[str, Any] = {"name": "Bare", "timezone": "UTC", "availability": {"weights": {"players": 1}}}


def load(name: str) -> Contract:
    return parse_contract_toml((ROOT / f"contracts/{name}.toml").read_text(encoding="utf-8"), name)


def told(contract: Contract, language: Language = "en", players: int = 10) -> str:
    """The whole text on one line, without the breaks."""
    return re.sub(r"\s+", " ", explain_text(contract, language, players))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_of_a_sentence_are_filled_in_alike(key: str) -> None:
    english, spanish = TEXTS[key]
    assert fields(english) == fields(spanish)
    assert english.strip()
    assert spanish.strip()


def test_no_sentence_is_left_that_nobody_says() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "collector/sla/explain").glob("*.py"))
    code = code.partition("TEXTS: Final")[0] + code.partition("MONTHS: Final")[2]
    spoken = set(re.findall(r"[\"']([a-z_]+)[\"']", code))
    families = tuple(re.findall(r'f"([a-z_]+_)\{', code))
    for key in TEXTS:
        plain = key.removesuffix("_one").removesuffix("_many")
        assert plain in spoken or plain.startswith(families), key


def test_every_cause_has_a_word() -> None:
    assert {key.removeprefix("cause_") for key in TEXTS if key.startswith("cause_")} == CAUSES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_agreement_is_explained_in_whole_sentences(file: Path, language: Language) -> None:
    for section in explain(load(file.stem), language, 300):
        assert section.parts
        for part in section.parts:
            if isinstance(part, str):
                assert part.endswith(".")
                assert part[0].isupper() or part[0] in "0123456789“"
                assert "{" not in part.replace("{project}", "")
                assert "  " not in part


def test_the_two_languages_have_as_many_sections_and_sentences() -> None:
    for file in FILES:
        english, spanish = (explain(load(file.stem), language, 7) for language in LANGUAGES)
        assert [len(section.parts) for section in english] == [len(section.parts) for section in spanish]


def test_admira_is_told_with_its_numbers() -> None:
    text = told(load("admira"))
    for sentence in (
        "Availability = 1 − 0.2 × platform downtime ÷ T − 0.8 × sum of the players' downtime ÷ (N × T).",
        "The committed level is 99.00%.",
        "If any 3 months in a row, taken together, fall under 97.00%, the customer may leave.",
        "from 7 h 12 min 0.001 s in a 30-day month and from 7 h 26 min 24.001 s in a 31-day month",
        "More than 20% of the players must be affected: of 10 players, at least 3.",
        "98.99 to 98.71% 5% 37 h 12 min 0.001 s 93 h 0.001 s 9 h 18 min 0.001 s",
        "98.25 to 97.26%, no band 15% 64 h 43 min 40.801 s",
        "96.99% or less, off the table 40%",
        "98.25 to 97.26%: no band holds it. Such a month is given 15%; another reading would give 20% or 0%.",
        "The reading here favours the provider.",
        "A discount must be claimed within 30 days of the start of the incident.",
        "Critical failure, not resolved after 7 working days: the customer may leave and the customer is owed 100%",
        "Monday to Friday 08:00–20:00, except public holidays (ES-Barcelona), Europe/Madrid time.",
    ):
        assert sentence in text


def test_admira_is_told_in_spanish_with_its_numbers() -> None:
    text = told(load("admira"), "es").replace("\N{NO-BREAK SPACE}", " ")
    for sentence in (
        "El nivel comprometido es del 99,00 %.",
        "Debe estar afectado más del 20 % de los players: de 10 players, al menos 3.",
        "98,99 a 98,71 % 5 % 37 h 12 min 0,001 s 93 h 0,001 s 9 h 18 min 0,001 s",
        "A ese mes se le aplica el 15 %; otra lectura daría el 20 % o el 0 %.",
        "de lunes a viernes, de 08:00 a 20:00, salvo festivos (ES-Barcelona), hora de Europe/Madrid.",
    ):
        assert sentence in text


def test_where_an_agreement_gives_no_number_the_product_says_so() -> None:
    mapal = told(load("mapal"))
    assert "there is no table of discounts, so none is worked out" in mapal
    assert "under 98.00% not said 14 h 24 min 0.001 s" in mapal
    assert "under 98.00% not said 14 h 52 min 48.001 s" in mapal
    assert "The times for: Level 1 (critical), Level 2 (high), Level 3 (medium) and Level 4 (low)." in mapal
    assert "What a claim must contain." in mapal
    assert "How long ahead: “Scheduled maintenance is announced”." in mapal
    assert "the customer's time (here Europe/Madrid)" in mapal
    assert "No level of availability is promised" in told(load("alestra"))
    assert "expressly outside any guarantee" in told(load("alhambra-mia"))
    assert "Response: no number" not in told(load("itsafer"))
    assert "Answered: no number is given (clock: Support)." in told(load("itsafer"))


def test_a_bare_contract_is_told_without_anything_made_up() -> None:
    text = told(parse_contract(BARE, "c"))
    assert "The platform does not count." in text
    assert "one hour of all the players leaves a 30-day month at 99.86%" in text
    for heading in ("How to claim", "Support hours", "Conditions"):
        assert heading not in text


LEVEL = {"guarantee": {"committed": 99}}
WORDS = {"en": "Trouble", "es": "Un problema"}
VARIANTS: list[tuple[dict[str, Any], str, str]] = [
    ({"guarantee": {"committed": 99, "window_months": 6}}, "a period of 6 months in a row", "periodo de 6 meses"),
    ({"guarantee": {"objective": 99}}, "The aim is 99.00%", "El objetivo es del 99,00 %"),
    (LEVEL | {"credit": {"sole_remedy": True}}, "Nothing else may be asked for", "No puede pedirse nada más"),
    (LEVEL | {"credit": {"deducted_from": "next_invoice"}}, "off the next invoice", "la siguiente factura"),
    (LEVEL | {"credit": {"of": "affected_players_fee"}}, "fees of the players that", "los players afectados"),
    (LEVEL | {"claims": {}}, "By when to claim.", "En qué plazo reclamar."),
    (
        LEVEL | {"claims": {"report": {"within": "1 day", "after": "incident_end"}, "decided_by": "customer"}},
        "reported within 1 day of the end of the incident. - In a dispute, the customer decides.",
        "en un plazo de 1 día desde el final de la incidencia. - En caso de desacuerdo, decide el cliente.",
    ),
    (
        {"termination": {"window_months": 3, "below": 97}},
        "3 months of 30 days take: 648 h 0.001 s of the players in all.",
        "3 meses de 30 días requieren: 648 h 0,001 s de los players en total.",
    ),
    ({"termination": {"window_months": 3, "below": 0}}, "take: more than there is.", "requieren: más de lo que hay."),
    ({"tiers": ["A"], "customer": {"tier": "A"}}, "This customer has A.", "Este cliente tiene A."),
    ({"severities": [{"id": "x", "name": WORDS}]}, "- Trouble. ", "- Un problema. "),
    (
        {
            "severities": [{"id": "x", "name": WORDS, "targets": [{"kind": "response", "within": "1 hour"}]}],
            "rights": [{"severity": "x", "after": "2 days", "fee_percent": 50}],
        },
        (
            "Trouble. Answered within 1 hour (around the clock). - Trouble, not resolved after 2 days: "
            "the customer is owed 50% of the month's fee."
        ),
        (
            "Un problema. Respuesta en 1 hora (cuentan las 24 horas del día). - Un problema, sin resolver al cabo de "
            "2 días: se abona al cliente el 50 % de la cuota del mes."
        ),
    ),
    (
        {
            "severities": [{"id": "x", "name": WORDS}],
            "rights": [{"severity": "x", "after": "2 days", "terminate": True}],
        },
        "not resolved after 2 days: the customer may leave.",
        "al cabo de 2 días: el cliente puede rescindir el contrato.",
    ),
    (
        {"periods": [{"id": "x", "kind": "notice", "what": WORDS, "within": "2 days"}]},
        "Trouble at least 2 days ahead.",
        "Un problema con al menos 2 días de antelación.",
    ),
    ({"life": {"from": "2026-01", "until": "2027-12"}}, "life: 2026-01 to 2027-12.", "de 2026-01 a 2027-12."),
    ({"life": {"from": "2026-01"}}, "life: from 2026-01.", "desde 2026-01."),
    ({"life": {"until": "2026-12"}}, "life: until 2026-12.", "hasta 2026-12."),
    ({"termination": {"window_months": 1, "below": 97}}, "any single month falls under 97.00%", "Si un mes cualquiera"),
    ({"rounding": {"decimals": 1, "mode": "half_up"}}, "rounded to 1 decimal, halves up", "a 1 decimal, con las"),
    ({"finalise_after": "1 hour"}, "provisional for 1 hour after", "durante 1 hora tras"),
    ({"finalise_after": "90 minutes"}, "provisional for 1 h 30 min after", "durante 1 h 30 min tras"),
    (
        {"guarantee": {"committed": 0}, "eligibility": {"player_downtime_over": 0, "players_affected_over": 1}},
        "More than 100% of the players must be affected, which cannot happen.",
        "lo que no puede ocurrir",
    ),
]


@pytest.mark.parametrize(("terms", "english", "spanish"), VARIANTS, ids=range(len(VARIANTS)))
def test_other_terms_are_told_too(terms: dict[str, Any], english: str, spanish: str) -> None:
    contract = parse_contract(BARE | terms, "c")
    assert english in told(contract)
    assert spanish in told(contract, "es").replace("\N{NO-BREAK SPACE}", " ")


RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"unknown": "down"}, "nothing is known counts as downtime", "nada se sabe cuenta como caída"),
    ({"min_coverage": "0.95"}, "of which less than 95% is known", "se conoce menos del 95 %"),
    ({"membership": "time_weighted"}, "for as long as it was active", "el tiempo que estuvo activo"),
    ({"player_base": "emission"}, "its own emission hours", "su propio horario de emisión"),
    ({"excluded_windows": ["planned"], "min_notice_ms": 172_800_000}, "at least 48 hours before", "al menos 48 horas"),
    ({"excluded_windows": ["planned"], "min_notice_ms": 60_000}, "at least 1 minute before", "al menos 1 minuto"),
    ({"excluded_windows": ["planned"], "min_notice_ms": 90_500}, "at least 1 min 30.500 s", "al menos 1 min 30,500 s"),
    ({"excluded_windows": ["strike"]}, "in these windows does not count: strike.", "estas ventanas no cuenta: strike."),
]


@pytest.mark.parametrize(("rules", "english", "spanish"), RULES, ids=range(len(RULES)))
def test_every_rule_of_the_figure_is_told(rules: dict[str, Any], english: str, spanish: str) -> None:
    contract = parse_contract(BARE | {"availability": BARE["availability"] | rules}, "c")
    assert english in told(contract)
    assert spanish in told(contract, "es").replace("\N{NO-BREAK SPACE}", " ")


def test_a_figure_that_no_downtime_reaches_is_said_to_be_impossible() -> None:
    weights = {"weights": {"platform": "0.2", "players": "0.8"}}
    contract = parse_contract(BARE | {"availability": weights, "guarantee": {"committed": 50}}, "c")
    assert "under 50.00% not said not possible 4,500 h 0.001 s 450 h 0.001 s" in told(contract)


@pytest.mark.parametrize(
    ("duration_ms", "english", "spanish"),
    [
        (0, "0 s", "0 s"),
        (1, "0.001 s", "0,001 s"),
        (60_000, "1 min", "1 min"),
        (3_600_000, "1 h", "1 h"),
        (3_661_500, "1 h 1 min 1.500 s", "1 h 1 min 1,500 s"),
        (36_000_000_000_001, "10,000,000 h 0.001 s", "10 000 000 h 0,001 s"),
        (4_320_000_000, "1,200 h", "1200 h"),
    ],
)
def test_durations_are_exact_and_written_as_in_each_language(duration_ms: int, english: str, spanish: str) -> None:
    assert EN.duration(duration_ms) == english
    assert ES.duration(duration_ms).replace("\N{NO-BREAK SPACE}", " ") == spanish


def test_numbers_keep_their_decimals() -> None:
    assert EN.percent(Fraction("12.5")) == "12.5%"
    assert ES.number(Fraction("0.2")) == "0,2"
    assert EN.span(Fraction(98, 100), Fraction(98, 100), 2) == "98.00%"


def test_targets_agree_in_number() -> None:
    assert [EN.target(Target(amount, "business days")) for amount in (1, 7)] == ["1 working day", "7 working days"]
    assert [ES.target(Target(amount, "days")) for amount in (1, 30)] == ["1 día", "30 días"]


def test_lists_end_as_in_each_language() -> None:
    assert EN.listing([]) == ""
    assert EN.listing(["a"]) == "a"
    assert EN.listing(["a", "b", "c"]) == "a, b and c"
    assert ES.listing(["datos", "contenido"]) == "datos y contenido"
    assert ES.listing(["datos", "internet"]) == "datos e internet"


CALENDARS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "never open, UTC time", "siempre cerrado, hora de UTC"),
    (
        {"rules": [{"hours": ["00:00-24:00"]}], "closed": ["2026-03-16"]},
        "every day, all day, closed on 2026-03-16, UTC time",
        "todos los días, todo el día, cerrado los días 2026-03-16, hora de UTC",
    ),
    (
        {"rules": [{"days": "sat,sun", "hours": ["09:30-14:00", "18:00-03:00"]}], "open": {"2026-03-29": []}},
        "Saturday and Sunday 09:30–14:00 and 18:00–03:00, with hours of their own on 2026-03-29, UTC time",
        "sábado y domingo, de 09:30 a 14:00 y de 18:00 a 03:00, con horario propio los días 2026-03-29, hora de UTC",
    ),
    (
        {
            "rules": [
                {"dates": ["12-24"], "hours": []},
                {"from": "07-01", "to": "08-31", "days": "mon-wed,sat", "hours": ["08:00-24:00"]},
                {"days": "mon-fri", "hours": ["09:00-18:00"]},
                {"hours": []},
            ],
            "holidays": "ES",
        },
        ("on 24 December, every day, closed; from 1 July to 31 August, Monday to Wednesday and Saturday 08:00–24:00; "
        "otherwise, Monday to Friday 09:00–18:00, except public holidays (ES), UTC time"),
        ("los días 24 de diciembre, todos los días, cerrado; del 1 de julio al 31 de agosto, de lunes a miércoles y "
        "sábado, de 08:00 a 24:00; el resto del año, de lunes a viernes, de 09:00 a 18:00, salvo festivos (ES), "
        "hora de UTC"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "english", "spanish"), CALENDARS, ids=range(len(CALENDARS)))
def test_calendars_are_told_as_people_do(rules: dict[str, Any], english: str, spanish: str) -> None:
    hours = SupportHours("", parse_calendar({"timezone": "UTC"} | rules, "c", ""))
    assert EN.hours(hours) == english
    assert ES.hours(hours) == spanish
