"""Which failure class an incident belongs to, by the number of players."""

from __future__ import annotations

import pytest

from collector.claims.classes import find_classes
from tests.collector.claims.samples import contract
from wire.states import SubjectKind


@pytest.mark.parametrize(
    ("affected", "players", "classes"),
    [
        (1, 100, ["minor"]),
        (19, 100, ["minor"]),
        (20, 100, ["major"]),  # at least 20 %
        (21, 100, ["critical"]),  # strictly more than 20 %
        (100, 100, ["critical"]),
        (0, 0, ["critical", "major", "minor"]),
    ],
)
def test_the_gravest_class_whose_share_is_reached(affected: int, players: int, classes: list[str]) -> None:
    found = find_classes(contract("admira").service.severities, "player", affected, players)
    assert [each.id for each in found] == classes


@pytest.mark.parametrize(
    ("name", "kind", "count"), [("admira", "platform", 3), ("mapal", "player", 4), ("itsafer", "platform", 1)]
)
def test_without_a_share_to_go_by_every_class_is_left(name: str, kind: SubjectKind, count: int) -> None:
    assert len(find_classes(contract(name).service.severities, kind, 50, 100)) == count


def test_an_agreement_without_classes_has_none() -> None:
    assert find_classes(contract("alestra").service.severities, "player", 50, 100) == ()
