"""A fleet in CSV: a spreadsheet's habits are tolerated, its mistakes are named by line and column."""

from pathlib import Path

import pytest

from collector.registry.csv_files import read_csv
from collector.registry.entries import Entry
from common.config import ConfigError

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "fleet.csv"
PLAIN = (
    "tenant,site,device,device_name,output,contract,active_from\n"
    "acme,bcn,p1,Window,main,admira,2026-03-01T00:00:00Z\n"
    "acme,,p2,,main,,\n"
)


def findings(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_csv(text, "fleet.csv")
    return [str(finding) for finding in caught.value.findings]


def said(entries: list[Entry]) -> dict[str, dict[str, object]]:
    return {f"{entry.kind} {entry.key}": dict(entry.values) for entry in entries}


def test_a_row_says_a_device_and_its_output() -> None:
    assert said(read_csv(PLAIN, "fleet.csv")) == {
        "device acme/p1": {"site": "bcn", "name": "Window"},
        "output acme/p1/main": {"contract": "admira", "active_from_ms": 1_772_323_200_000},
        "device acme/p2": {"site": None, "name": None},
        "output acme/p2/main": {"contract": None, "active_from_ms": None},
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + PLAIN, id="byte order mark"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(PLAIN.replace("\n", "\r"), id="CR"),
        pytest.param(PLAIN.replace(",", ";"), id="semicolons"),
        pytest.param(PLAIN.replace(",", "\t"), id="tabs"),
        pytest.param(PLAIN.replace("\n", "\n\n") + ",,,,,,\n", id="empty lines"),
        pytest.param(PLAIN.replace("acme", " acme "), id="spaces around cells"),
        pytest.param(PLAIN.replace("Window", '"Window"'), id="quotes"),
    ],
)
def test_a_spreadsheet_s_habits_change_nothing(text: str) -> None:
    assert said(read_csv(text, "fleet.csv")) == said(read_csv(PLAIN, "fleet.csv"))


def test_the_example_of_the_documentation_has_sites_devices_outputs_and_a_server() -> None:
    entries = read_csv(EXAMPLE.read_text(encoding="utf-8"), "fleet.csv")
    found = said(entries)
    assert found["site acme/mad-01"] == {"name": "Madrid, Gran Vía"}
    assert found["device acme/cache-01"] == {"site": "mad-02", "name": "Content cache", "role": "server"}
    assert [entry.key for entry in entries if entry.kind == "output"] == [
        "acme/player-0101/main",
        "acme/player-0101/second",
        "acme/player-0102/main",
    ]


def test_a_column_that_is_absent_says_nothing() -> None:
    assert said(read_csv("tenant,device,output\nacme,p1,main\n", "fleet.csv")) == {
        "device acme/p1": {},
        "output acme/p1/main": {},
    }


HEADER = "tenant,device,device_name,output,contract,active_from\n"
BAD = {
    "unknown column": (
        "tenant,device,contrat\nacme,p1,a\n",
        "fleet.csv:1: contrat: unknown column; did you mean 'contract'? [registry.column.unknown]",
    ),
    "column twice": (
        "tenant,device,tenant\nacme,p1,acme\n",
        "fleet.csv:1: tenant: stands there twice; remove one of the two columns [registry.column.twice]",
    ),
    "column missing": (
        "tenant,output\nacme,main\n",
        "fleet.csv:1: device: is missing; add a column device (the first row names them) [registry.column.missing]",
    ),
    "too few cells": (
        HEADER + "acme,p1\n",
        "fleet.csv:2: has 2 cells, the first row has 6; add or remove the difference [registry.row.cells]",
    ),
    "bad cell": (
        HEADER + "acme,p1,,main,,2026-03-01\n",
        (
            "fleet.csv:2: active_from: '2026-03-01' is no ISO 8601 instant; write it with its offset, "
            "such as 2026-03-01T00:00:00Z or 2026-03-01T00:00:00+01:00 [registry.instant.invalid]"
        ),
    ),
    "output twice": (
        HEADER + "acme,p1,,main,,\n\nacme,p1,,main,,\n",
        (
            "fleet.csv:4: output: acme/p1/main stands in fleet.csv:2 already; "
            "keep one of the two rows [registry.row.duplicate]"
        ),
    ),
    "two names": (
        HEADER + "acme,p1,Window,main,,\nacme,p1,Door,second,,\n",
        (
            "fleet.csv:3: device_name: 'Door' is not what fleet.csv:2 says of device acme/p1; "
            "say the same in all its rows [registry.row.conflict]"
        ),
    ),
    "contract of no output": (
        HEADER + "acme,p1,,,admira,\n",
        (
            "fleet.csv:2: contract: says something of an output that has no id; "
            "fill in the column output [registry.row.output]"
        ),
    ),
    "site without id": (
        "tenant,device,site,site_name\nacme,p1,,Barcelona\n",
        "fleet.csv:2: site_name: names a site that has no id; fill in the column site [registry.row.site]",
    ),
    "open quote": (
        HEADER + 'acme,p1,"Window,main,,\n',
        "fleet.csv:2: cannot be read as CSV: unexpected end of data; mend the quotes of that row [registry.csv]",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_gets_one_finding_with_line_column_and_remedy(case: str) -> None:
    text, finding = BAD[case]
    assert findings(text) == [finding]


def test_a_bad_cell_that_is_read_twice_is_named_once() -> None:
    (finding,) = findings("tenant,device,site,site_name\nacme,p1,BCN,Barcelona\n")
    assert finding.startswith("fleet.csv:2: site: 'BCN' cannot be an id")


def test_every_bad_row_is_named() -> None:
    assert [
        line.split(": ")[0] for line in findings(HEADER + "acme,P1,,main,,\nacme,p2,,main,,\nacme,P3,,main,,\n")
    ] == [
        "fleet.csv:2",
        "fleet.csv:4",
    ]
