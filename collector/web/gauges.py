"""PURE. Where marks, zones and bars lie on a scale, as exact percentages of its width. SVG takes them as they are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from collector.web.format import rounded_percent, short_percent

if TYPE_CHECKING:
    from collector.views import FigureView

_NO_LEVEL_LOW: Final = Fraction(95, 100)
_MARGIN: Final = Fraction(1, 5)  # of the distance between the lowest level and 100 %, shown below that level
_LEAST_DOMAIN: Final = Fraction(1, 100)
_LIMIT_ROOM: Final = Fraction(5, 2)  # a gauge reaches to two and a half times its limit
_EDGE: Final = Fraction(88, 100)  # a label further right is written to the left of its mark
_LEFT_EDGE: Final = Fraction(12, 100)


def position(share: Fraction) -> str:
    """Share of the width → `37.25%`, held within the scale."""
    return (rounded_percent(min(max(share, Fraction(0)), Fraction(1)), 3) or "0") + "%"


@dataclass(frozen=True, slots=True)
class Mark:
    """One level on the scale; `anchor` is where its label is tied: start, middle, end."""

    id: str
    at: str
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Zone:
    """One stretch of the scale, named after what a figure in it means."""

    id: str
    at: str
    width: str


@dataclass(frozen=True, slots=True)
class Scale:
    """The availability scale of one agreement; `needle` is None while there is no figure."""

    marks: tuple[Mark, ...]
    zones: tuple[Zone, ...]
    needle: str | None
    off_scale: bool


@dataclass(frozen=True, slots=True)
class Gauge:
    """A share of players against its limit; widths and places in percent of the bar."""

    width: str
    unknown_width: str  # drawn after `width`
    limit_at: str
    limit_anchor: str
    limit: str
    end: str
    percent: str
    part: int
    whole: int
    over: bool


def scale(figure: FigureView) -> Scale:
    """Draw the scale from a little under the lowest level to 100 %."""
    levels = [
        (name, level)
        for name, level in (
            ("termination", figure.termination_below),
            ("committed", figure.committed),
            ("objective", figure.objective),
        )
        if level is not None
    ]
    low = _low(min(level for _, level in levels)) if levels else _NO_LEVEL_LOW
    span = 1 - low
    shown = judged(figure)
    return Scale(
        marks=tuple(_mark(name, level, (level - low) / span, figure.decimals) for name, level in levels),
        zones=_zones([(name, (level - low) / span) for name, level in levels]),
        needle=None if shown is None else position((shown - low) / span),
        off_scale=shown is not None and shown < low,
    )


def judged(figure: FigureView) -> Fraction | None:
    """Give the figure as the contract judges it: rounded (SPEC 2.9), as a share of 1."""
    return None if figure.percent is None else Fraction(figure.percent) / 100


def status(figure: FigureView) -> str:
    """`objective` `met` `breach` `termination`, `plain` without a level, `none` without a figure."""
    shown = judged(figure)
    if shown is None:
        return "none"
    if figure.termination_below is not None and shown < figure.termination_below:
        return "termination"
    if figure.committed is not None and shown < figure.committed:
        return "breach"
    if figure.objective is not None and shown >= figure.objective:
        return "objective"
    return "plain" if figure.committed is None else "met"


def gauge(part: int, whole: int, unknown: int, limit: Fraction) -> Gauge:
    """`part` of `whole` players against `limit`, `unknown` drawn behind it; over means strictly over."""
    share = Fraction(part, whole) if whole else Fraction(0)
    hidden = Fraction(unknown, whole) if whole else Fraction(0)
    domain = min(Fraction(1), max(limit * _LIMIT_ROOM, share + hidden, _LEAST_DOMAIN))
    limit_at = limit / domain
    return Gauge(
        width=position(share / domain),
        unknown_width=position(min(hidden / domain, 1 - share / domain)),
        limit_at=position(limit_at),
        limit_anchor=_anchor(limit_at),
        limit=short_percent(limit),
        end=rounded_percent(domain, 0) or "",
        percent=rounded_percent(share) or "0.0",
        part=part,
        whole=whole,
        over=share > limit,
    )


def _low(lowest: Fraction) -> Fraction:
    return max(Fraction(0), lowest - max((1 - lowest) * _MARGIN, _LEAST_DOMAIN / 10))


def _mark(name: str, level: Fraction, at: Fraction, decimals: int) -> Mark:
    label = short_percent(level)
    whole, _, rest = label.partition(".")
    return Mark(name, position(at), f"{whole}.{rest.ljust(decimals, '0')}" if decimals else label, _anchor(at))


def _anchor(at: Fraction) -> str:
    if at > _EDGE:
        return "end"
    return "start" if at < _LEFT_EDGE else "middle"


def _zones(levels: list[tuple[str, Fraction]]) -> tuple[Zone, ...]:
    below = {"termination": "termination", "committed": "breach", "objective": "met"}
    stretches = [(below[name], at) for name, at in sorted(levels, key=lambda level: level[1])]
    names = [name for name, _ in levels]
    last = "objective" if "objective" in names else ("met" if "committed" in names else "plain")
    zones: list[Zone] = []
    start = Fraction(0)
    for name, end in [*stretches, (last, Fraction(1))]:
        zones.append(Zone(name, position(start), position(end - start)))
        start = end
    return tuple(zones)
