from __future__ import annotations

import pytest

from wire.states import CAUSES, DEFAULT_CAUSE, PLATFORM_STATES, PLAYER_STATES, UP_STATES, default_cause, states_of


@pytest.mark.parametrize("state", ["stopped", "frozen", "black", "error"])
def test_a_player_that_fails_is_its_softwares_fault_unless_said_otherwise(state: str) -> None:
    assert default_cause(state) == "player_software"


def test_nothing_scheduled_is_the_contents_fault_and_a_platform_that_is_down_the_platforms() -> None:
    assert (default_cause("idle"), default_cause("down")) == ("content", "platform")


@pytest.mark.parametrize("state", ["off", "unknown", "playing", "up"])
def test_a_dark_player_is_nobodys_excuse(state: str) -> None:
    assert default_cause(state) == "unknown"


def test_every_default_is_a_cause_of_a_state_that_is_down() -> None:
    assert set(DEFAULT_CAUSE.values()) <= CAUSES
    assert not set(DEFAULT_CAUSE) & UP_STATES
    assert set(DEFAULT_CAUSE) <= PLAYER_STATES | PLATFORM_STATES


def test_players_and_platforms_share_only_the_unknown() -> None:
    assert states_of("player") & states_of("platform") == {"unknown"}
    assert {"playing", "up"} == UP_STATES
