"""Fixtures for every test, and the `--slow` option."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# Each file in fixtures/ is a plugin: its fixtures are found by name, its asserts explain themselves.
pytest_plugins = [f"tests.fixtures.{file.stem}" for file in sorted((Path(__file__).parent / "fixtures").glob("*.py"))]
pytest.register_assert_rewrite(*pytest_plugins)  # all of them before the first: they import each other

# No test fails because the machine is slow: neither by an example that takes over Hypothesis' 200 ms, nor by examples
# that are slow to make.
settings.register_profile("signwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("signwatch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow", action="store_true", help="also run the tests marked slow: long, randomised, chaos, soak"
    )

    parser.addoption("--soak-minutes", type=float, default=20, help="how long tests/soak lasts (default: 20)")
    parser.addoption("--soak-players", type=int, default=1000, help="of how many players (default: 1000)")
    parser.addoption(
        "--model-examples", type=int, default=10_000, help="orders of faults in the long run of tests/model"
    )
    parser.addoption("--model-tally", metavar="FILE", help="add there how many orders held with which seed, and sum up")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out (deselected, not one skip line each) unless they are asked for."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what a command that ran inside the test has set up for its logs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
