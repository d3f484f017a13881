"""PURE. `/metrics`: the Prometheus text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format: a family's samples stand together under
one TYPE line; names and label names are checked; in label values backslash, quote and line feed are escaped.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_KEY: Final = re.compile(rf"(?P<name>{_NAME.pattern})(?:\{{(?P<labels>.*)\}})?", re.DOTALL)
_LABEL: Final = re.compile(r'\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\]|\\.)*)"\s*(?:,|$)', re.DOTALL)
_COUNTER_ENDING: Final = "_total"


class Exposition(NamedTuple):
    """The text, and the keys that were left out of it because no scrape could read them."""

    text: str
    refused: tuple[str, ...]


def expose(values: Mapping[str, int | float]) -> Exposition:
    """Numbers by name, or by `name{label="value"}`, → the text; a key of another shape is left out and named.

    One bad name would make Prometheus refuse the whole answer; so it is refused here, alone.
    """
    families: dict[str, dict[str, int | float]] = {}
    refused = []
    for key, value in values.items():
        series = _series(key)
        if series is None:
            refused.append(key)
        else:
            families.setdefault(series[0], {})[series[1]] = value
    lines = []
    for name in sorted(families):
        lines.append(f"# TYPE {name} {'counter' if name.endswith(_COUNTER_ENDING) else 'gauge'}")
        lines += [f"{series} {number(value)}" for series, value in sorted(families[name].items())]
    return Exposition("\n".join(lines) + "\n" if lines else "", tuple(refused))


def _series(key: str) -> tuple[str, str] | None:
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    name, labels = match["name"], match["labels"]
    if labels is None:
        return name, name
    pairs = _labels(labels)
    if pairs is None:
        return None
    written = ",".join(f'{label}="{value}"' for label, value in pairs)
    return name, f"{name}{{{written}}}" if written else name


def _labels(text: str) -> list[tuple[str, str]] | None:
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None or match["name"].startswith("__") or match["name"] in dict(pairs):
            return None
        pairs.append((match["name"], _escaped(match["value"])))
        at = match.end()
    return pairs


def _escaped(value: str) -> str:
    """Read a label value as it was given, escaped or not, and write it escaped."""
    read = re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), value, flags=re.DOTALL)
    return label_value(read)


def label_value(value: str) -> str:
    r"""Escape `\`, `"` and line feed, as the format asks."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """Write a number as Go's ParseFloat reads it: `NaN`, `+Inf`, `-Inf`, integers without a point."""
    if isinstance(value, int):
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
