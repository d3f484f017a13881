from __future__ import annotations

import pytest

from collector.web.metrics import expose


def test_families_stand_together_under_one_type_line() -> None:
    shown = expose(
        {
            'signwatch_messages_total{kind="runs"}': 3,
            "signwatch_players": 60,
            'signwatch_messages_total{kind="hello"}': 5,
        }
    )
    assert shown.text == (
        "# TYPE signwatch_messages_total counter\n"
        'signwatch_messages_total{kind="hello"} 5\n'
        'signwatch_messages_total{kind="runs"} 3\n'
        "# TYPE signwatch_players gauge\n"
        "signwatch_players 60\n"
    )
    assert shown.refused == ()


@pytest.mark.parametrize(
    "key",
    [
        "signwatch-players",
        "1st",
        "",
        "a b",
        "a\nb 1",
        'x{kind="a}',
        "x{kind=a}",
        'x{__name__="y"}',
        'x{k="a",k="b"}',
        'x{k="a"} 5\ny{k="b"}',
        "x{",
    ],
)
def test_a_name_that_prometheus_cannot_read_is_left_out_and_named(key: str) -> None:
    shown = expose({key: 1, "good": 2})
    assert shown.text == "# TYPE good gauge\ngood 2\n"
    assert shown.refused == (key,)


def test_label_values_are_escaped() -> None:
    shown = expose({'x{path="C:\\\\dir",text="say \\"hi\\"",line="a\nb"}': 1})
    assert shown.text.splitlines()[1] == r'x{path="C:\\dir",text="say \"hi\"",line="a\nb"} 1'


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (True, "1"), (0.25, "0.25"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN")],
)
def test_numbers_are_written_as_the_format_asks(value: float, text: str) -> None:
    assert expose({"x": value}).text.splitlines()[1] == f"x {text}"


def test_nothing_to_tell_is_an_empty_answer() -> None:
    assert expose({}).text == ""
