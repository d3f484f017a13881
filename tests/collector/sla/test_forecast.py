"""Looking ahead, checked by judging the month that was foretold with the same rules as an invoice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from collector.sla.bands import falls_under
from collector.sla.case import Case, SubjectFile
from collector.sla.contract import Contract
from collector.sla.forecast import Forecast, forecast
from collector.sla.instants import DAY_MS, HOUR_MS, MINUTE_MS
from collector.sla.outlook import Crew, Outlook
from collector.sla.tally import Window
from collector.sla.timeline import Ruling
from collector.sla.verdict import judge_months
from tests.collector.sla.outlooks import BANDS, SHOP, Down, at, case_of, ms, terms, watched
from wire.states import CAUSES

MONTHS = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
WINDOWED = {
    "guarantee": {"committed": "99.00", "window_months": 6},
    "termination": {"window_months": 3, "below": "97.00"},
}


def outlook(found: Forecast, kind: str = "committed") -> Outlook:
    return next(each for each in found.outlooks if each.level.kind == kind)


def fleet(down: Down = (), platform: Down = ()) -> list[SubjectFile]:
    return [watched("p1", down=down), watched("p2"), watched("platform", down=platform)]


def fails_more(case: Case, subject: str, start: int, length: int) -> Fraction:
    """The last month's availability at its end, with one more failure."""
    file = case.subjects[subject]
    now, state = case.computed_at_ms, "down" if file.subject.kind == "platform" else "stopped"
    known = [run._replace(end_ms=min(run.end_ms, now)) for run in file.evidence if run.start_ms < now]
    up = "up" if state == "down" else "playing"
    later = [at(now, ms("2027-01-01T00:00"), up), at(start, start + length, state)]
    subjects = {**case.subjects, subject: replace(file, evidence=[*known, *later])}
    figure = judge_months(replace(case, subjects=subjects, computed_at_ms=ms("2027-01-01T00:00")))[-1]
    assert figure.availability is not None
    return figure.availability


@pytest.mark.parametrize("month", ["2026-02", "2026-03", "2026-10"])
@pytest.mark.parametrize("length", ["calendar", "fixed-31d"])
@pytest.mark.parametrize("mode", ["floor", "half_up"])
def test_at_the_time_that_remains_the_level_is_reached_and_a_millisecond_more_falls(
    month: str, length: str, mode: str
) -> None:
    contract = terms(rules={"month": length}, rounding={"mode": mode}, discounts=BANDS)
    now = f"{month}-12T10:00"
    down = [(f"{month}-03T10:00", f"{month}-03T13:00")]
    case = case_of(contract, [month], now, fleet(down, down))
    found = forecast(case)
    assert {each.level.kind for each in found.outlooks} == {"committed", "hole", "band", "end"}
    for each in found.outlooks:
        for subject, allowed in (("platform", each.platform_ms), ("p1", each.players_ms)):
            assert allowed is not None
            if allowed >= found.best.span.end_ms - ms(now):
                continue
            for more, falls in ((0, False), (1, True)):
                availability = fails_more(case, subject, ms(now), allowed + more)
                assert falls_under(availability, each.level.level, contract.rounding) is falls


def test_what_was_lost_already_is_lost_and_on_which_day_is_told() -> None:
    case = case_of(terms(), ["2026-03"], "2026-03-20T10:00", fleet([("2026-03-01T00:00", "2026-03-19T00:00")]))
    each = outlook(forecast(case))
    assert (each.lost, each.under_now, each.platform_ms, each.players_ms) == (True, True, 0, 0)
    assert each.left is not None
    assert each.left < 0
    # 1 % of 743 h, over a weight of 0.8 and two players: 18 h 34 min 30 s from midnight UTC
    assert each.falls_on == date(2026, 3, 1)
    assert each.crews == ()


def test_a_level_that_is_reached_exactly_is_not_lost_and_nothing_more_may_fail() -> None:
    down = [("2026-03-02T00:00", "2026-03-03T13:09")]  # 1 % of 743 h over 0.2 are 37 h 9 min
    each = outlook(forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", fleet((), down))))
    assert (each.lost, each.left, each.platform_ms, each.players_ms, each.falls_on) == (False, 0, 0, 0, None)


def test_a_level_is_safe_from_the_moment_on_in_which_too_little_time_is_left() -> None:
    contract = terms(rules={"weights": {"players": 1}})
    case = case_of(contract, ["2026-03"], "2026-03-10T00:00", [watched("p1")])
    last_ms = forecast(case).best.span.end_ms - 743 * HOUR_MS // 100
    for now_ms, safe in ((last_ms, True), (last_ms - 1, False)):
        assert outlook(forecast(replace(case, computed_at_ms=now_ms))).players_safe is safe
    alone = terms(rules={"weights": {"platform": 1}})
    case = replace(case_of(alone, ["2026-03"], "2026-03-10T00:00", [watched("platform")]))
    for now_ms, safe in ((last_ms, True), (last_ms - 1, False)):
        assert outlook(forecast(replace(case, computed_at_ms=now_ms))).platform_safe is safe


def test_a_figure_that_is_under_its_level_today_may_still_recover() -> None:
    case = case_of(terms(), ["2026-03"], "2026-03-02T10:00", fleet([("2026-03-01T10:00", "2026-03-01T12:00")]))
    each = outlook(forecast(case))
    assert (each.under_now, each.lost) == (True, False)


def test_the_day_on_which_a_level_falls_is_local_to_the_contract() -> None:
    # the platform is down for good from 00:00 UTC on: 1 % of 743 h over 0.2 are 37 h 9 min
    down = [("2026-03-10T00:00", "2027-01-01T00:00")]
    for zone, day in (("Europe/Madrid", 11), ("Pacific/Auckland", 12), ("America/Los_Angeles", 11)):
        contract = terms(timezone=zone)
        each = outlook(forecast(case_of(contract, ["2026-03"], "2026-03-13T00:00", fleet((), down))))
        assert each.lost
        assert each.falls_on == date(2026, 3, day)


def test_if_things_go_on_as_in_the_last_three_days_the_month_ends_there() -> None:
    # three hours of 72 were down on one of two players, none of the platform: 1/48 of the players' time
    down = [("2026-03-09T00:00", "2026-03-09T03:00")]
    case = case_of(terms(), ["2026-03"], "2026-03-10T00:00", fleet(down))
    found = forecast(case)
    assert found.expected is not None
    assert (found.pace.players_rate, found.pace.platform_rate) == (Fraction(1, 48), 0)
    end = found.best.span.end_ms
    rest = (end - ms("2026-03-10T00:00")) * Fraction(1, 48) * 2
    players = Fraction(4, 5) * (3 * HOUR_MS + rest) / (2 * found.best.span.total_ms)
    assert found.expected.availability == 1 - players
    assert found.expected.percent == "98.65"
    each = outlook(found)
    # 18 h 34.5 min of the two players' time may fail; 15 h 34.5 min are left, an hour a day
    assert each.players_ms == 15 * HOUR_MS + 34 * MINUTE_MS + 30_000
    assert each.falls_on == date(2026, 3, 25)


def test_a_level_that_does_not_fall_has_no_day() -> None:
    each = outlook(forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", fleet())))
    assert each.falls_on is None
    assert not each.lost


def test_on_the_day_told_the_level_is_lost_for_the_first_time() -> None:
    """Play the expected course out, day by day: what is told must be the first evening on which the level is lost."""
    down = [("2026-03-08T18:00", "2026-03-09T04:00")]
    case = case_of(terms(), ["2026-03"], "2026-03-10T00:00", fleet(down, [("2026-03-09T12:00", "2026-03-09T14:00")]))
    found = forecast(case)
    each = outlook(found)
    assert each.falls_on is not None
    rates = found.pace
    assert rates.players_rate is not None
    assert rates.platform_rate is not None
    total = found.best.span.total_ms
    lost = 1 - found.best.availability
    for number in range(40):
        since = min(number * DAY_MS + 23 * HOUR_MS, found.open_platform_ms)  # the first local midnight is at 23:00 UTC
        share = Fraction(1, 5) * rates.platform_rate * since + Fraction(2, 5) * rates.players_rate * 2 * since
        if lost + share / total > Fraction(1, 100):
            assert each.falls_on == date(2026, 3, 10 + number)
            return
    pytest.fail("it never falls")


def test_so_many_players_at_once_may_be_down_for_so_long() -> None:
    case = case_of(terms(), ["2026-03"], "2026-03-10T00:00", [*fleet(), watched("p3", emission=SHOP)])
    found = forecast(case, crews=[1, 2, 3, 4])
    each = outlook(found)
    assert each.players_ms == Fraction(3 * found.best.span.total_ms) / 80 // 1
    assert each.crews == (
        Crew(1, each.players_ms),
        Crew(2, each.players_ms // 2),
        Crew(3, each.players_ms // 3),
    )
    late = replace(case, computed_at_ms=found.best.span.end_ms - HOUR_MS)
    assert outlook(forecast(late, crews=[1])).crews == (Crew(1, None),)
    assert outlook(forecast(late)).players_safe
    assert outlook(forecast(late)).safe


def test_only_emission_that_is_left_and_not_excused_can_still_fail() -> None:
    closes = Window("planned", frozenset({"*"}), ms("2026-03-31T10:00"), ms("2026-03-31T12:00"), ms("2026-03-01T00:00"))
    subjects = [watched("p1", emission=SHOP), watched("p2", emission=SHOP), watched("platform")]
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-31T07:00", subjects, [closes]))
    assert found.open_players_ms == 2 * (12 - 2) * HOUR_MS
    assert found.open_platform_ms == (15 - 2) * HOUR_MS


def test_where_every_cause_is_excused_nothing_can_fail() -> None:
    contract = terms(rules={"excluded_causes": sorted(CAUSES)})
    found = forecast(case_of(contract, ["2026-03"], "2026-03-10T00:00", fleet()))
    assert (found.open_platform_ms, found.open_players_ms) == (0, 0)
    assert outlook(found).safe


def test_players_that_leave_before_the_month_ends_take_their_downtime_along() -> None:
    leaves = watched("p1", down=[("2026-03-05T00:00", "2026-03-06T00:00")], active=(None, "2026-03-25T00:00"))
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", [leaves, watched("p2"), watched("platform")]))
    assert (found.to_date.players, found.best.players) == (2, 1)
    assert found.best.players_downtime_ms == 0
    assert found.best.availability == 1


def test_a_ruling_counts_once_it_is_made() -> None:
    case = case_of(terms(), ["2026-03"], "2026-03-10T00:00", fleet([("2026-03-09T00:00", "2026-03-09T06:00")]))
    ruled = Ruling(ms("2026-03-09T00:00"), ms("2026-03-09T06:00"), None, "content", ms("2026-03-09T12:00"))
    case.subjects["p1"].rulings.append(ruled)
    assert (forecast(case).pace.players_ms, forecast(case).best.availability) == (0, 1)


def test_a_month_not_begun_has_all_its_budget() -> None:
    case = case_of(terms(), ["2026-04"], "2026-03-20T00:00", fleet())
    found = forecast(case)
    assert found.to_date.availability is None
    assert found.best.availability == 1
    assert found.best.players == 2
    each = outlook(found)
    assert each.under_now is None
    assert each.platform_ms == 30 * DAY_MS // 20
    assert each.players_ms == 2 * 30 * DAY_MS // 80
    assert found.expected is not None
    assert found.burn == ()


def test_a_month_that_is_over_ends_where_it_is() -> None:
    case = case_of(terms(), ["2026-03"], "2026-04-02T00:00", fleet([("2026-03-05T00:00", "2026-03-06T00:00")]))
    found = forecast(case)
    assert found.best.availability == found.to_date.availability
    assert (found.expected, found.expected_blank, found.range_blank, found.burn) == (None, "over", "over", ())
    assert (found.open_platform_ms, found.open_players_ms) == (0, 0)
    just_over = forecast(replace(case, computed_at_ms=found.best.span.end_ms))
    assert (just_over.expected_blank, just_over.range_blank, just_over.burn) == ("over", "over", ())
    assert outlook(found).lost
    assert outlook(found).falls_on == date(2026, 3, 5)


def test_without_players_only_the_platform_can_fail() -> None:
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", [watched("platform")]), crews=[1])
    each = outlook(found)
    assert (each.players_ms, each.players_safe, each.crews) == (None, True, ())
    assert each.platform_ms == found.best.span.total_ms // 20
    assert found.expected is not None


def test_without_subjects_nothing_can_fail() -> None:
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", []))
    assert outlook(found).safe
    assert found.expected is not None
    assert found.expected.availability == 1


@pytest.mark.parametrize(
    ("weights", "none", "some"), [("platform", "players_ms", "platform_ms"), ("players", "platform_ms", "players_ms")]
)
def test_a_part_without_weight_may_fail_as_it_likes(weights: str, none: str, some: str) -> None:
    contract = terms(rules={"weights": {weights: 1}})
    each = outlook(forecast(case_of(contract, ["2026-03"], "2026-03-10T00:00", fleet())))
    assert not each.safe
    assert getattr(each, none) is None
    assert getattr(each, none.replace("_ms", "_safe"))
    assert getattr(each, some) > 0


def test_a_level_of_nothing_never_falls() -> None:
    contract = terms(guarantee={"committed": "0.00"})
    down = [("2026-03-01T00:00", "2026-03-31T00:00")]
    each = outlook(forecast(case_of(contract, ["2026-03"], "2026-03-31T00:00", [watched("platform", down=down)])))
    assert (each.left, each.lost, each.falls_on, each.safe) == (None, False, None, True)


def test_a_window_counts_what_its_other_months_have_lost() -> None:
    contract = terms(**WINDOWED)
    down = [("2026-01-10T00:00", "2026-01-20T00:00")]
    case = case_of(contract, MONTHS, "2026-03-10T00:00", fleet((), down))
    each = outlook(forecast(case), "termination")
    assert each.level.first == each.level.last - 2
    lost = 10 * DAY_MS * Fraction(1, 5)
    total = (31 + 28 + 31) * DAY_MS - HOUR_MS
    assert each.platform_ms == (total * Fraction(3, 100) - lost) * 5 // 1
    for more, falls in ((0, False), (1, True)):
        pooled = 1 - (lost + Fraction(each.platform_ms + more, 5)) / total
        assert falls_under(pooled, each.level.level, contract.rounding) is falls


def test_a_window_of_which_a_month_is_not_given_says_so() -> None:
    found = forecast(case_of(terms(**WINDOWED), MONTHS[3:], "2026-03-10T00:00", fleet()))
    assert outlook(found, "guarantee").missing == ("2025-10", "2025-11", "2025-12")
    assert not outlook(found, "guarantee").safe
    assert outlook(found, "termination").missing == ()


def test_a_month_of_which_nothing_is_known_is_missing_too() -> None:
    dark = [watched("p1", since="2026-02-01T00:00"), watched("platform", since="2026-02-01T00:00")]
    found = forecast(case_of(terms(**WINDOWED), MONTHS, "2026-03-10T00:00", dark))
    assert outlook(found, "termination").missing == ("2026-01",)
    later = [watched("p1", active=("2026-02-01T00:00", None))]
    found = forecast(case_of(terms(**WINDOWED), MONTHS, "2026-03-10T00:00", later))
    assert outlook(found, "termination").missing == ()


def test_a_month_that_is_still_provisional_is_missing_too() -> None:
    found = forecast(case_of(terms(**WINDOWED), [*MONTHS, "2026-04"], "2026-03-10T00:00", fleet()))
    assert outlook(found, "termination").missing == ("2026-03",)


def test_a_window_lost_by_its_earlier_months_falls_on_the_first_day() -> None:
    contract = terms(**WINDOWED)
    down = [("2026-01-01T00:00", "2026-03-01T00:00")]
    each = outlook(forecast(case_of(contract, MONTHS, "2026-03-10T00:00", fleet((), down))), "termination")
    assert each.lost
    assert each.falls_on == date(2026, 3, 1)


def history(bad: int) -> list[SubjectFile]:
    """Five months in which every `bad`-th day had a failure of six hours, on one player of two."""
    start = ms("2025-10-01T00:00")
    runs = [at(start + day * DAY_MS, start + day * DAY_MS + 6 * HOUR_MS) for day in range(0, 151, bad)]
    file = watched("p1")
    return [replace(file, evidence=[*file.evidence, *runs]), watched("p2"), watched("platform")]


def test_the_range_is_where_four_fifths_of_the_past_would_have_ended() -> None:
    found = forecast(case_of(terms(), MONTHS, "2026-03-22T10:00", history(bad=5)))
    assert found.range is not None
    assert (found.range.days, found.range.length, found.range.count) == (151, 10, 142)
    # ten days in a row always hold two bad ones: 12 of 480 player-hours
    rest = found.open_players_ms * Fraction(12, 480)
    expected = 1 - Fraction(4, 5) * rest / (2 * found.best.span.total_ms)
    assert abs(found.range.worst.availability - expected) < Fraction(1, 1000)
    assert found.range.worst.availability <= found.range.best.availability
    assert found.expected is not None
    assert found.expected.availability == 1


def test_past_days_are_whole_local_days_of_twenty_three_and_twenty_five_hours_too() -> None:
    found = forecast(case_of(terms(), ["2026-03", "2026-04"], "2026-04-28T10:00", history(bad=200)))
    assert found.range is not None
    assert (found.range.days, found.range.length, found.range.count) == (31, 3, 29)


def test_a_past_that_is_too_short_gives_no_range() -> None:
    short = forecast(case_of(terms(), ["2026-02", "2026-03"], "2026-03-10T10:00", fleet()))
    assert (short.range, short.range_blank) == (None, "short_history")
    alone = forecast(case_of(terms(), ["2026-03"], "2026-03-30T10:00", fleet()))
    assert (alone.range, alone.range_blank) == (None, "short_history")
    enough = forecast(case_of(terms(), ["2026-02", "2026-03"], "2026-03-26T10:00", fleet()))
    assert enough.range is not None


def test_a_past_that_nobody_saw_gives_no_range_and_no_pace() -> None:
    subjects = [watched("p1", since="2026-03-01T00:00", until="2026-03-02T00:00"), watched("platform")]
    found = forecast(case_of(terms(), ["2026-02", "2026-03"], "2026-03-30T10:00", subjects))
    assert (found.range, found.range_blank) == (None, "short_history")
    assert (found.expected, found.expected_blank) == (None, "no_evidence")
    assert outlook(found).falls_on is None


def test_players_that_are_not_counted_at_the_end_are_no_evidence_of_the_pace() -> None:
    leaves = watched("p1", active=(None, "2026-03-25T00:00"))
    dark = watched("p2", until="2026-03-01T00:00")
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", [leaves, dark, watched("platform")]))
    assert found.expected_blank == "no_evidence"


@pytest.mark.parametrize(("back", "known"), [("2026-02-12T19:12", True), ("2026-02-12T19:13", False)])
def test_a_past_month_counts_if_nine_tenths_of_it_are_known(back: str, known: bool) -> None:
    late = watched("p1", since=back)
    early = at(ms("2026-01-01T00:00"), ms("2026-02-10T00:00"), "playing")
    file = replace(late, evidence=[early, *late.evidence])
    found = forecast(case_of(terms(), ["2026-02", "2026-03"], "2026-03-28T10:00", [file, watched("platform")]))
    assert (found.range is not None) is known


def test_time_to_come_counts_as_known_and_silence_so_far_as_silence() -> None:
    dark = watched("p1", since="2026-03-01T23:00")
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-03T23:00", [dark, watched("platform")]))
    assert found.to_date.players_coverage == Fraction(2, 3)
    assert found.best.players_coverage == Fraction(743 - 24, 743)


def test_three_days_in_which_nothing_was_to_play_give_no_pace() -> None:
    starts = watched("p1", active=("2026-03-10T00:00", None))
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-10T00:00", [starts, watched("platform")]))
    assert (found.expected, found.expected_blank) == (None, "no_time")


def test_a_past_without_players_tells_nothing_of_players() -> None:
    starts = watched("p1", active=("2026-03-01T00:00", None))
    contract: Contract = terms(rules={"membership": "time_weighted"})
    found = forecast(
        case_of(contract, ["2026-01", "2026-02", "2026-03"], "2026-03-25T00:00", [starts, watched("platform")])
    )
    assert (found.range, found.range_blank) == (None, "short_history")
    assert found.expected is not None


def test_unknown_time_of_the_future_is_not_down_even_where_the_contract_says_so() -> None:
    contract = terms(rules={"unknown": "down"})
    subjects = [watched("p1", until="2026-03-10T00:00"), watched("platform", until="2026-03-10T00:00")]
    found = forecast(case_of(contract, ["2026-03"], "2026-03-10T00:00", subjects))
    assert found.best.availability == 1


def test_players_affected_are_counted_by_the_whole_months_standard() -> None:
    eligibility = {"player_downtime_over": "0.01", "players_affected_over": "0.20"}
    down = [("2026-03-02T00:00", "2026-03-02T05:00")]
    case = case_of(terms(eligibility=eligibility), ["2026-03"], "2026-03-10T00:00", fleet(down))
    found = forecast(case)
    assert found.to_date.affected_players == 1  # 5 h are more than 1 % of nine days
    assert found.best.affected_players == 0  # and less than 1 % of the month
    assert found.affected_needed == 1


def test_the_burn_at_this_moment_is_told_within_the_month_only() -> None:
    down = [("2026-03-01T00:00", "2026-03-01T12:00")]
    found = forecast(case_of(terms(), ["2026-03"], "2026-03-01T12:00", fleet((), down)))
    assert [rate.severity for rate in found.burn] == ["critical", "critical", "warning"]
    assert found.burn[0].long_rate == Fraction(1, 5) / Fraction(1, 100)
    assert forecast(case_of(terms(guarantee={}), ["2026-03"], "2026-03-01T12:00", fleet())).burn == ()


def test_what_the_platform_failed_lately_is_expected_of_the_rest_and_falls_into_its_band() -> None:
    down = [("2026-03-10T00:00", "2026-03-10T07:12")]  # a tenth of the last three days
    case = case_of(terms(discounts=BANDS), ["2026-03"], "2026-03-12T00:00", fleet(platform=down))
    found = forecast(case)
    assert found.pace.platform_rate == Fraction(1, 10)
    assert found.expected is not None
    lost_ms = 432 * MINUTE_MS + Fraction(found.open_platform_ms, 10)
    assert found.expected.availability == 1 - Fraction(1, 5) * lost_ms / found.best.span.total_ms
    assert found.expected.band is not None
    assert (found.expected.band.percent, found.contract, found.computed_ms) == (5, case.contract, case.computed_at_ms)
