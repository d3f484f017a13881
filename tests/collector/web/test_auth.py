from __future__ import annotations

import base64

import pytest

from collector.web.auth import RENEW_S, SESSION_S, Gate, Throttle, basic_password, is_loopback
from common.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def gate(clock: ManualClock) -> Gate:
    return Gate("correct horse", clock)


def test_a_session_is_valid_until_it_is_thirty_days_old(gate: Gate, clock: ManualClock) -> None:
    cookie = gate.new_session()
    assert gate.session_age_s(cookie) == 0
    clock.advance((SESSION_S - 1) * 1000)
    assert gate.session_age_s(cookie) == SESSION_S - 1
    clock.advance(1000)
    assert gate.session_age_s(cookie) is None


def test_sessions_outlive_a_restart_but_not_a_change_of_the_password(gate: Gate, clock: ManualClock) -> None:
    cookie = gate.new_session()
    assert Gate("correct horse", clock).session_age_s(cookie) == 0
    assert Gate("another", clock).session_age_s(cookie) is None


@pytest.mark.parametrize("cookie", ["", ".", "..", "1.2.3", "x" * 5000, "1.é.\udcff", "99999999999.aa.bb"])
def test_a_cookie_that_is_not_ours_opens_nothing(gate: Gate, cookie: str) -> None:
    assert gate.session_age_s(cookie) is None


def test_each_changed_character_of_a_session_spoils_it(gate: Gate) -> None:
    cookie = gate.new_session()
    for at, character in enumerate(cookie):
        other = "0" if character != "0" else "1"
        assert gate.session_age_s(cookie[:at] + other + cookie[at + 1 :]) is None


def test_a_session_from_the_future_is_refused_beyond_an_hour(gate: Gate, clock: ManualClock) -> None:
    cookie = gate.new_session()
    clock.wall -= 1000 * 3600
    assert gate.session_age_s(cookie) == 0
    clock.wall -= 1000
    assert gate.session_age_s(cookie) is None


def test_five_wrong_passwords_lock_an_address_and_even_the_right_one_must_wait(gate: Gate, clock: ManualClock) -> None:
    for _ in range(5):
        assert not gate.try_password("wrong", "10.0.0.9")
    assert gate.wait_s("10.0.0.9") == 1
    assert not gate.try_password("correct horse", "10.0.0.9")
    assert gate.try_password("correct horse", "10.0.0.8")
    clock.advance(1000)
    assert gate.try_password("correct horse", "10.0.0.9")


def test_each_further_failure_doubles_the_wait_up_to_five_minutes(gate: Gate, clock: ManualClock) -> None:
    waits = []
    for _ in range(16):
        clock.advance(1000 * gate.wait_s("a"))
        gate.try_password("wrong", "a")
        waits.append(gate.wait_s("a"))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_success_forgets_the_failures(gate: Gate) -> None:
    for _ in range(4):
        gate.try_password("wrong", "a")
    assert gate.try_password("correct horse", "a")
    gate.try_password("wrong", "a")
    assert gate.wait_s("a") == 0


def test_an_ipv6_host_cannot_escape_the_throttle_by_changing_its_suffix() -> None:
    throttle = Throttle()
    for suffix in range(6):
        throttle.failed(f"2001:db8:1:2::{suffix}", 0)
    assert throttle.wait_ms("2001:db8:1:2:ffff::1", 0) > 0
    assert throttle.wait_ms("2001:db8:1:3::1", 0) == 0


def test_the_throttle_remembers_a_bounded_number_of_addresses() -> None:
    throttle = Throttle()
    for number in range(6000):
        throttle.failed(f"10.0.{number // 256}.{number % 256}", 0)
    assert len(throttle._failures) == 4096


def header(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_basic_needs_the_password_and_no_particular_user(gate: Gate) -> None:
    assert gate.try_basic(header("anyone:correct horse"), "a")
    assert not gate.try_basic(header("anyone:wrong"), "a")


def test_a_password_may_hold_colons_and_umlauts(clock: ManualClock) -> None:
    assert Gate("pä:ss", clock).try_basic(header("u:pä:ss"), "a")


@pytest.mark.parametrize(
    "text",
    ["", "Basic", "Basic !!!", "Bearer abc", "Basic " + base64.b64encode(b"\xff\xfe").decode(), header("nocolon")],
)
def test_a_broken_header_is_no_password(text: str) -> None:
    assert basic_password(text) is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST.", "wall.localhost"]
)
def test_loopback_names_are_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "10.0.0.1", "example.com", "127.0.0.1.example.com", "localhost.example.com", "2130706433"],
)
def test_other_names_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_renewal_comes_well_before_the_end() -> None:
    assert RENEW_S * 2 < SESSION_S
