"""Several files at once."""

import pytest

from collector.registry.files import SourceFile, read_files
from common.config import ConfigError

TOML = SourceFile("fleet.toml", '[[devices]]\ntenant = "acme"\nid = "p1"\n')
CSV = SourceFile("more.CSV", "tenant,device\nacme,p2\n")


def test_the_ending_decides_how_a_file_is_read() -> None:
    assert [entry.key for entry in read_files([TOML, CSV])] == ["acme/p1", "acme/p2"]


def test_a_file_of_another_ending_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        read_files([SourceFile("fleet.xlsx", "")])
    assert str(caught.value) == "fleet.xlsx: ends in '.xlsx'; name it *.toml or *.csv [registry.ending]"


def test_what_two_files_say_is_refused_with_both_places() -> None:
    with pytest.raises(ConfigError) as caught:
        read_files([TOML, SourceFile("more.csv", "tenant,device\nacme,p2\nacme,p1\n")])
    assert str(caught.value) == (
        "more.csv:3: device acme/p1 is said twice, first in fleet.toml: devices[0]; "
        "keep one of the two [registry.duplicate]"
    )


def test_a_thing_said_twice_in_one_file_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        read_files([SourceFile("fleet.toml", TOML.text + TOML.text)])
    assert "fleet.toml: devices[1]: device acme/p1 is said twice" in str(caught.value)


def test_the_findings_of_all_files_come_together() -> None:
    with pytest.raises(ConfigError) as caught:
        read_files([SourceFile("a.toml", "x = 1"), SourceFile("b.csv", "tenant\n")])
    assert [finding.file for finding in caught.value.findings] == ["a.toml", "b.csv:1"]


def test_thousands_of_findings_are_shown_as_fifty_and_a_count() -> None:
    rows = "".join(f"acme,P{number}\n" for number in range(2000))
    with pytest.raises(ConfigError) as caught:
        read_files([SourceFile("fleet.csv", "tenant,device\n" + rows)])
    assert len(caught.value.findings) == 51
    assert caught.value.findings[-1].message == "1950 more findings are not shown"
