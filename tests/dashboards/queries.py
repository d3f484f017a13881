"""Runs a Grafana dashboard's InfluxQL as Grafana would: variables and macros filled in, results named by their alias.

Usable against any InfluxDB that a test has filled: `Board(path, influx, from_ms, to_ms).show()`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.fixtures.influx import InfluxServer, Series

ROOT: Final = Path(__file__).resolve().parents[2]
NOC: Final = ROOT / "dashboards" / "noc.json"
ALL: Final = "$__all"
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]")
_BUILT_IN: Final = frozenset({"timeFilter", "__interval", "__interval_ms"})


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel, a variable or an annotation. `time_from` is the panel's own range, such as `5m`."""

    owner: str
    ref: str
    text: str
    form: str
    alias: str = ""
    time_from: str = ""


@dataclass
class Board:
    """One dashboard file against one InfluxDB. `chosen` has what a person picked; the rest is the default."""

    path: Path
    influx: InfluxServer
    from_ms: int
    to_ms: int
    interval: str = "15s"
    chosen: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.json: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        self.values: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}
        for variable in self.json["templating"]["list"]:
            if variable["type"] == "query":
                self._resolve(variable)

    def show(self) -> dict[str, Any]:
        """What each panel and annotation shows, by title (`title/B` for a second query).

        A time series is `{name: [value, …]}` in order of time without gaps; a table is a list of rows without time.
        """
        return {self._title(query): self._shape(query, self.run(query)) for query in queries(self.json)}

    def run(self, query: Query) -> list[Series]:
        """Run one query with everything filled in."""
        return self.influx.query(self.fill(query.text, query.time_from))

    def fill(self, text: str, time_from: str = "") -> str:
        """Fill in variables and macros; a name that nothing fills is a KeyError, as it would be a hole in Grafana."""
        from_ms = self.to_ms - _length_ms(time_from) if time_from else self.from_ms
        macros = {
            "timeFilter": f"time >= {from_ms}ms and time <= {self.to_ms}ms",
            "__interval": self.interval,
            "__interval_ms": str(_length_ms(self.interval)),
        }

        def put(match: re.Match[str]) -> str:
            name = next(group for group in match.groups() if group)
            return macros[name] if name in _BUILT_IN else self.values[name]

        return _VARIABLE.sub(put, text)

    def _resolve(self, variable: dict[str, Any]) -> None:
        name = variable["name"]
        series = self.influx.query(self.fill(variable["query"]))
        self.options[name] = sorted({row["value"] for one in series for row in one.rows})
        chosen = self.chosen.get(name, ALL if variable["includeAll"] else self.options[name][0])
        if chosen == ALL:
            self.values[name] = variable["allValue"]
            return
        picked = [chosen] if isinstance(chosen, str) else list(chosen)
        if variable["multi"] or variable["includeAll"]:
            picked = [re.escape(each).replace(r"\-", "-") for each in picked]
        self.values[name] = picked[0] if len(picked) == 1 else f"({'|'.join(picked)})"

    def _shape(self, query: Query, found: list[Series]) -> Any:
        if query.form == "table":
            return [_without_time({**series.tags, **row}) for series in found for row in series.rows]
        shown: dict[str, list[Any]] = {}
        for series in found:
            for column in series.columns[1:]:
                values = [row[column] for row in series.rows if row[column] is not None]
                if values:
                    shown.setdefault(_name(query.alias, series, column), []).extend(values)
        return shown

    @staticmethod
    def _title(query: Query) -> str:
        return query.owner if query.ref == "A" else f"{query.owner}/{query.ref}"


def queries(dashboard: dict[str, Any]) -> Iterator[Query]:
    """Every query of every panel (rows inside included) and of every annotation."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield Query(
                panel["title"],
                target["refId"],
                target["query"],
                target["resultFormat"],
                target.get("alias", ""),
                panel.get("timeFrom", ""),
            )
    for annotation in dashboard["annotations"]["list"]:
        if "query" in annotation:
            yield Query(annotation["name"], "A", annotation["query"], "table")


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those in collapsed rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _name(alias: str, series: Series, column: str) -> str:
    if not alias:
        return f"{series.name}.{column}"
    text = alias.replace("$col", column)
    return re.sub(r"\$tag_(\w+)", lambda match: series.tags[match[1]], text)


def _without_time(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "time"}


def _length_ms(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]
