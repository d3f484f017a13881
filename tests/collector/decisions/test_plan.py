"""What an order means, and why it may be refused."""

import pytest
from msgspec.structs import replace

from collector.decisions.model import WindowRecord, to_decisions
from collector.decisions.orders import Announce, Cancel, DecisionRequest, Import, Occurrence, Order, Rule
from collector.decisions.plan import MOST_WINDOWS, Plan, make_plan
from collector.registry.model import Registry, Tenant
from collector.sla.instants import DAY_MS, HOUR_MS
from common.config import ConfigError
from tests.collector.decisions.samples import NOW, announce, at, registry, rule

REGISTRY = registry()


def plan(order: Order, *windows: WindowRecord, now_ms: int = NOW, known: Registry = REGISTRY) -> Plan:
    return make_plan(DecisionRequest(order, "ana"), known, windows, now_ms)


def refusal(order: Order, *windows: WindowRecord, known: Registry = REGISTRY) -> str:
    with pytest.raises(ConfigError) as caught:
        plan(order, *windows, known=known)
    return str(caught.value)


def stored(order: Announce, number: int = 7, **changes: object) -> WindowRecord:
    return replace(plan(order, now_ms=NOW - DAY_MS).announced[0], id=number, **changes)


def test_an_announcement_is_dated_by_the_clock_and_signed() -> None:
    (window,) = plan(announce(subjects=("site:bcn-01", "p1", "device:p1"))).announced
    assert (window.announced_at_ms, window.announced_by, window.tenant) == (NOW, "ana", "acme")
    assert window.subjects == ("site:bcn-01", "device:p1")


def test_planned_work_that_begins_at_its_announcement_is_warned_about() -> None:
    late = plan(announce("10T12:00", "10T13:00"))
    assert [warning.id for warning in late.warnings] == ["window.late"]
    assert plan(announce("10T12:00", "10T13:00", kind="emergency")).warnings == []
    assert plan(announce("10T12:01", "10T13:00")).warnings == []


@pytest.mark.parametrize(
    ("order", "finding"),
    [
        (announce(end="14T02:00"), "window add: --end: 2026-03-14T02:00:00.000Z is not after its start"),
        (announce(subjects=()), "--subject: names nobody; write '*' for everything [subject.missing]"),
        (announce(subjects=("p8",)), "--subject: 'p8' is no player, device or platform of acme"),
        (announce(kind="Planned!"), "--kind: 'Planned!' is no kind of window; use one of: planned, emergency, other"),
        (replace(announce(), why=" \n"), "--why: gives no reason"),
        (replace(announce(), why="x" * 1001), "--why: is no reason that a journal can keep"),
        (replace(announce(), why="\x1b[2J"), "--why: is no reason that a journal can keep"),
        (replace(announce(), tenant="acne"), "--tenant: there is no tenant 'acne'; did you mean 'acme'?"),
        (replace(announce(), end_ms=10**15), "--end: lies too far from our times; choose years from 1900 to 2999"),
        (Cancel(8, "why"), "window cancel: ID: there is no window 8; look it up with `signwatch window list`"),
        (rule(cause=None), "ruling add: --state: is missing, and so is --cause"),
        (rule(cause="gremlins"), "--cause: 'gremlins' is no cause; use one of: attack, cloud_provider"),
        (rule(state="frozn"), "--state: 'frozn' is no state of a player; did you mean 'frozen'?"),
        (rule("portal", state="frozen"), "--state: 'frozen' is no state of a platform; use one of: down, unknown, up"),
        (rule("p2"), "--subject: 'p2' has several outputs; name one of: acme/p2/left, acme/p2/right"),
        (rule(end="10T12:01"), "--end: 2026-03-10T12:01:00.000Z has not come yet; rule on what has passed"),
        (rule(end="10T08:00"), "--end: 2026-03-10T08:00:00.000Z is not after its start"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_its_remedy(order: Order, finding: str) -> None:
    assert finding in refusal(order)


def test_every_mistake_of_an_order_is_told_at_once() -> None:
    wrong = Announce("", "?", ("p8",), at("14T04:00"), at("14T02:00"), "")
    assert [line.rpartition("[")[2] for line in refusal(wrong).splitlines()] == [
        *("window.kind]", "subject.unknown]", "interval.empty]", "why.missing]"),
    ]


def test_a_tenant_need_not_be_named_where_there_is_only_one() -> None:
    two = Registry(tenants={name: Tenant(name, name) for name in ("acme", "beta")})
    assert "--tenant: is missing, and there are several; use one of: acme, beta" in refusal(announce(), known=two)
    assert "--tenant: the registry has no tenant yet" in refusal(announce(), known=Registry())


def test_unusual_kinds_and_empty_sites_are_kept_with_a_warning() -> None:
    odd = plan(announce(kind="stocktaking", subjects=("site:empty",)))
    assert [warning.id for warning in odd.warnings] == ["window.kind.unusual", "subject.nobody"]
    assert odd.announced[0].kind == "stocktaking"


def test_a_cancelled_window_leaves_nothing_out_but_keeps_its_announcement() -> None:
    window = stored(announce())
    (cancelled,) = plan(Cancel(7, "postponed"), window).cancelled
    assert (cancelled.cancelled_at_ms, cancelled.cancelled_by, cancelled.cancelled_why) == (NOW, "ana", "postponed")
    assert cancelled.announced_at_ms == window.announced_at_ms
    assert to_decisions([cancelled], [], REGISTRY).windows == ()
    assert "ana cancelled window 7 at 2026-03-10T12:00:00.000Z" in refusal(Cancel(7, "again"), cancelled)


def test_cancelling_what_has_begun_is_warned_about() -> None:
    window = stored(announce("10T11:00", "10T13:00", kind="emergency"))
    assert [warning.id for warning in plan(Cancel(7, "wrong"), window).warnings] == ["window.begun"]


def test_a_ruling_is_dated_by_the_clock_and_may_name_state_and_cause() -> None:
    (ruling,) = plan(rule(state="off", cause="power")).ruled
    assert (ruling.subject, ruling.state, ruling.cause) == ("acme/p1/main", "off", "power")
    assert (ruling.at_ms, ruling.who, ruling.why) == (NOW, "ana", "they unplugged it")


# --- imports ----------------------------------------------------------------------------------------------------------


def event(start: str, uid: str = "a@cal", occurrence: str = "1", *, cancelled: bool = False) -> Occurrence:
    return Occurrence(uid, occurrence, at(start), at(start) + HOUR_MS, "weekly work", cancelled)


def wanted(*occurrences: Occurrence, kind: str = "planned") -> Import:
    return Import("", "work.ics", kind, ("*",), occurrences, NOW, at("31T00:00"))


def imported(*occurrences: Occurrence) -> list[WindowRecord]:
    """The windows that stand after a first import, made a day ago."""
    first = replace(wanted(*occurrences), from_ms=NOW - DAY_MS)
    return [replace(each, id=number) for number, each in enumerate(plan(first, now_ms=NOW - DAY_MS).announced, 1)]


def test_an_import_announces_each_occurrence_with_its_name() -> None:
    made = plan(wanted(event("15T02:00"), event("22T02:00", occurrence="2")))
    assert [(window.uid, window.occurrence, window.why) for window in made.announced] == [
        *(("a@cal", "1", "weekly work"), ("a@cal", "2", "weekly work")),
    ]


def test_importing_the_same_again_keeps_the_announcements() -> None:
    occurrences = event("15T02:00"), event("22T02:00", occurrence="2")
    again = plan(wanted(*occurrences), *imported(*occurrences))
    assert (again.announced, again.cancelled, again.unchanged) == ([], [], 2)


def test_what_moved_is_cancelled_and_announced_anew() -> None:
    moved = plan(wanted(event("15T03:00")), *imported(event("15T02:00")))
    assert [window.cancelled_why for window in moved.cancelled] == ["changed in work.ics"]
    assert [(window.start_ms, window.announced_at_ms) for window in moved.announced] == [(at("15T03:00"), NOW)]
    other_kind = plan(wanted(event("15T02:00"), kind="other"), *imported(event("15T02:00")))
    assert (len(other_kind.cancelled), len(other_kind.announced)) == (1, 1)


@pytest.mark.parametrize("left", [(), (event("22T02:00", occurrence="2", cancelled=True),)])
def test_what_is_gone_from_its_event_or_called_off_is_cancelled(left: tuple[Occurrence, ...]) -> None:
    before = imported(event("15T02:00"), event("22T02:00", occurrence="2"))
    after = plan(wanted(event("15T02:00"), *left), *before)
    assert [(window.id, window.cancelled_why) for window in after.cancelled] == [(2, "no longer in work.ics")]
    assert after.unchanged == 1


def test_an_import_leaves_alone_what_has_begun_what_lies_beyond_and_what_others_announced() -> None:
    begun = imported(event("10T12:00"))
    beyond = replace(imported(event("15T02:00"))[0], start_ms=at("31T00:00"), id=2)
    others = imported(event("15T02:00", uid="b@cal"))[0]
    by_hand = stored(announce("15T02:00", "15T04:00"), 9)
    after = plan(wanted(event("10T12:00"), event("20T02:00")), *begun, beyond, others, by_hand)
    assert after.cancelled == []
    assert [window.start_ms for window in after.announced] == [at("20T02:00")]


def test_an_import_that_would_never_end_is_refused() -> None:
    many = [event("15T02:00", occurrence=str(number)) for number in range(MOST_WINDOWS + 1)]
    assert "work.ics: --until: holds 5001 occurrences until then, more than 5000" in refusal(wanted(*many))


def test_an_event_that_ends_before_it_begins_is_refused_by_name() -> None:
    backwards = replace(event("15T02:00"), end_ms=at("15T01:00"))
    assert "work.ics: event a@cal: 2026-03-15T01:00:00.000Z is not after its start" in refusal(wanted(backwards))


def test_rulings_follow_their_making_by_subject() -> None:
    first, second = plan(rule(cause="power")).ruled[0], plan(rule(cause="hardware"), now_ms=NOW + 1).ruled[0]
    other = plan(Rule("acme", "portal", at("10T09:00"), at("10T10:00"), "up", None, "maintenance page")).ruled[0]
    decisions = to_decisions([stored(announce(subjects=("p2",)))], [first, other, second], REGISTRY)
    assert [ruling.cause for ruling in decisions.rulings["acme/p1/main"]] == ["power", "hardware"]
    assert set(decisions.rulings) == {"acme/p1/main", "acme/portal"}
    assert decisions.windows[0].subjects == {"acme/p2/left", "acme/p2/right"}
