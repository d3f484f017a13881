"""`platforms.check.votes`: what it says, what is refused, that it is exported as it was, what it does to the past."""

from __future__ import annotations

import msgspec
import pytest

from collector.registry.export import to_toml
from collector.registry.files import SourceFile, read_files
from collector.registry.model import Device, PortalCheck, Registry, Subject, VoteRule
from collector.registry.plan import Plan, make_plan
from common.config import ConfigError

TENANT = '[[tenants]]\nid = "acme"\n'
DEVICES = "".join(f'[[devices]]\ntenant = "acme"\nid = "{name}"\n' for name in ("shop-1", "shop-2"))
PORTAL = '[[platforms]]\ntenant = "acme"\nid = "portal"\ncontract = "admira"\n'


def planned(text: str, current: Registry | None = None) -> Plan:
    return make_plan(current or Registry(), read_files([SourceFile("fleet.toml", text)]))


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        planned(TENANT + DEVICES + text)
    return [str(finding) for finding in caught.value.findings]


def check_of(text: str) -> PortalCheck:
    check = planned(TENANT + DEVICES + PORTAL + text).wanted.subjects["acme/portal"].check
    assert check is not None
    return check


def test_votes_have_defaults_that_one_vantage_point_can_fulfil() -> None:
    check = check_of('check.url = "https://x.example/"\ncheck.votes = {points = ["shop-1"]}')
    assert check.votes == VoteRule(["shop-1"], "1/2", 1, 60.0)


def test_votes_need_no_address_that_the_collector_asks_itself() -> None:
    check = check_of('check.votes = {points = ["*"], quorum = 2, min_votes = 3, patience_s = 90}')
    assert (check.url, check.votes) == ("", VoteRule(["*"], 2, 3, 90.0))


def test_a_check_without_votes_is_kept_as_it_always_was() -> None:
    assert "votes" not in msgspec.to_builtins(check_of('check.url = "https://x.example/"'))


@pytest.mark.parametrize(
    ("votes", "complaint"),
    [
        ("{}", "fleet.toml: platforms[0].check.votes.points: is missing; add points [registry.key.missing]"),
        (
            '{points = ["shop-3"]}',
            (
                "fleet.toml: platforms[0].check.votes.points: there is no device acme/shop-3; "
                "did you mean 'shop-2'? [registry.votes.unknown]"
            ),
        ),
        (
            '{points = ["*", "shop-1"]}',
            (
                'fleet.toml: platforms[0].check.votes.points: must name devices, each once, or "*" alone; '
                'write ["shop-1", "shop-2"] or ["*"] [registry.votes.points]'
            ),
        ),
        (
            '{points = ["*"], quorum = "2/1"}',
            (
                "fleet.toml: platforms[0].check.votes.quorum: '2/1' is no fraction under 1; "
                'write "1/2" for more than half of the votes, or 2 [registry.votes.quorum]'
            ),
        ),
        (
            '{points = ["*"], quorum = 0}',
            (
                "fleet.toml: platforms[0].check.votes.quorum: 0 is no number of votes; "
                'write "1/2" for more than half of the votes, or 2 [registry.votes.quorum]'
            ),
        ),
    ],
)
def test_what_cannot_be_judged_by_is_refused(votes: str, complaint: str) -> None:
    assert complaint in complaints(f"{PORTAL}check.votes = {votes}")


@pytest.mark.parametrize(
    "votes", ['{points = ["*"], quorum = true}', '{points = ["*"], quorum = 0.5}', "{points = []}"]
)
def test_values_of_other_types_are_refused(votes: str) -> None:
    assert complaints(f"{PORTAL}check.votes = {votes}")


def test_a_check_that_says_neither_whom_nor_who_is_refused() -> None:
    (complaint,) = complaints(PORTAL + "check.timeout_s = 3")
    assert complaint.startswith("fleet.toml: platforms[0].check: has neither url nor votes; add url")


def test_a_platform_s_name_must_leave_room_for_what_devices_report() -> None:
    long = PORTAL.replace("portal", "p" * 58)
    assert "use at most 57 characters" in complaints(long + 'check.votes = {points = ["*"]}')[0]


def test_a_new_output_may_not_be_named_like_a_check_but_an_old_one_stays() -> None:
    output = '[[devices]]\ntenant = "acme"\nid = "shop-1"\n[[devices.outputs]]\nid = "check.portal"\nname = "left"\n'
    with pytest.raises(ConfigError, match="how devices name their checks"):
        planned(TENANT + output)
    old = Subject("acme", "shop-1", "check.portal", "player", "check.portal", None)
    before = planned(TENANT + DEVICES).wanted
    known = Registry(before.tenants, {}, {}, before.devices, {old.key: old})
    assert planned(output, known).wanted.subjects[old.key].name == "left"


@pytest.mark.parametrize(
    "check",
    ['check.votes = {points = ["shop-1"], quorum = "2/3"}', 'check.url = "http://x/"\ncheck.votes.points = ["*"]'],
)
def test_what_is_exported_makes_no_difference_when_it_is_applied(check: str) -> None:
    wanted = planned(TENANT + DEVICES + PORTAL + check).wanted
    assert planned(to_toml(wanted), wanted).changes == []
    assert planned(to_toml(wanted)).wanted == wanted


def test_other_votes_judge_the_past_anew_and_that_is_told() -> None:
    device = Device("acme", "shop-1", None, "shop-1")
    before = planned(TENANT + DEVICES + PORTAL + 'check.url = "http://x/"').wanted
    assert device == before.devices["acme/shop-1"]
    (voted,) = planned(PORTAL + 'check.url = "http://x/"\ncheck.votes.points = ["*"]', before).changes
    assert voted.rewrites(1_772_323_200_000)
    (slower,) = planned(PORTAL + 'check.url = "http://x/"\ncheck.interval_s = 60', before).changes
    assert not slower.rewrites(1_772_323_200_000)
