"""One bad file for each error, with the exact words that a person reads."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from common.config import ConfigError, Section, convert, documented_keys, load, parse, parse_toml, read_text


class Mpv(Section, frozen=True, tag_field="kind", tag="mpv"):
    socket: str
    poll_s: float = 1.0


class Push(Section, frozen=True, tag_field="kind", tag="push"):
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    deadline_s: float = 30


class Mqtt(Section, frozen=True):
    host: str = "localhost"
    keepalive_s: int = 30


class Limits(Section, frozen=True):
    low: int = 1
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, over high; write at most {self.high}")
        if self.low == self.high:
            raise ValueError("Low and high are the same")


class Settings(Section, frozen=True):
    name: str
    level: Literal["info", "debug"] = "info"
    price: Decimal = Decimal(0)
    mqtt: Mqtt = Mqtt()
    limits: Limits = Limits()
    outputs: tuple[Mpv | Push, ...] = ()
    named: dict[str, Mpv | Push] = msgspec.field(default_factory=dict)
    names: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = msgspec.field(default_factory=dict)
    pair: tuple[int, Literal["a", "b"]] = (1, "a")
    dashed: str = msgspec.field(default="", name="with-dash")


WRONG = {
    "a missing key": ("", "c.toml: name: is missing; add name = … [config.missing_key]"),
    "a wrong type": ("name = 3", "c.toml: name: expected `str`, got `int`; correct the value [config.value]"),
    "a boolean for a number": (
        'name = "x"\nmqtt.keepalive_s = true',
        "c.toml: mqtt.keepalive_s: expected `int`, got `bool`; correct the value [config.value]",
    ),
    "a fraction for a whole number": (
        'name = "x"\nmqtt.keepalive_s = 1.5',
        "c.toml: mqtt.keepalive_s: expected `int`, got `decimal`; correct the value [config.value]",
    ),
    "a value for a table": (
        'name = "x"\nmqtt = "localhost"',
        "c.toml: mqtt: expected `object`, got `str`; correct the value [config.value]",
    ),
    "an unknown key": ('name = "x"\nzzz = 1', "c.toml: zzz: unknown key; remove it [config.unknown_key]"),
    "a misspelt key": ("nmae = 'x'", "c.toml: nmae: unknown key; did you mean 'name'? [config.unknown_key]"),
    "a misspelt nested key": (
        'name = "x"\n[mqtt]\nhots = "h"',
        "c.toml: mqtt.hots: unknown key; did you mean 'host'? [config.unknown_key]",
    ),
    "a key in the wrong table": (
        'name = "x"\nhost = "h"',
        "c.toml: host: unknown key; it belongs at mqtt.host [config.unknown_key]",
    ),
    "a value that is no choice": (
        'name = "x"\nlevel = "loud"',
        "c.toml: level: invalid enum value 'loud'; use one of info, debug [config.value]",
    ),
    "a value that is no choice, in a list": (
        'name = "x"\npair = [1, "c"]',
        "c.toml: pair[1]: invalid enum value 'c'; use one of a, b [config.value]",
    ),
    "an unknown kind": (
        'name = "x"\n[[outputs]]\nkind = "vlc"',
        "c.toml: outputs[0].kind: invalid value 'vlc'; use one of mpv, push [config.value]",
    ),
    "no kind": (
        'name = "x"\n[[outputs]]\nsocket = "/s"',
        "c.toml: outputs[0].kind: is missing; add kind = … [config.missing_key]",
    ),
    "a missing key of one kind": (
        'name = "x"\n[[outputs]]\nkind = "mpv"',
        "c.toml: outputs[0].socket: is missing; add socket = … [config.missing_key]",
    ),
    "a key of the other kind": (
        'name = "x"\n[[outputs]]\nkind = "mpv"\nsocket = "/s"\n[[outputs]]\nkind = "push"\nport = 1\nsocket = "/s"',
        'c.toml: outputs[1].socket: unknown key; only kind = "mpv" has it [config.unknown_key]',
    ),
    "a number over its limit": (
        'name = "x"\n[[outputs]]\nkind = "push"\nport = 65536',
        "c.toml: outputs[0].port: expected `int` <= 65535; correct the value [config.value]",
    ),
    "the wrong one of named numbers": (
        'name = "x"\n[names]\ngood = 1\nbad = -1',
        "c.toml: names.bad: expected `int` >= 0; correct the value [config.value]",
    ),
    "the wrong one of named tables": (
        'name = "x"\n[named.good]\nkind = "push"\nport = 1\n[named.bad]\nkind = "push"\nport = 0',
        "c.toml: named.bad.port: expected `int` >= 1; correct the value [config.value]",
    ),
    "a rule of the table, with its remedy": (
        'name = "x"\nlimits = {low = 10}',
        "c.toml: limits: low is 10, over high; write at most 9 [config.value]",
    ),
    "a rule of the table": (
        'name = "x"\nlimits = {low = 9}',
        "c.toml: limits: low and high are the same; correct the value [config.value]",
    ),
    "not a number": (
        'name = "x"\nprice = nan',
        "c.toml: price: NaN is no number to reckon with; write a finite number [config.value]",
    ),
    "two numbers without an end": (
        'name = "x"\nprice = -inf\n[[outputs]]\npoll_s = 1e309',
        (
            "c.toml: price: -Infinity is no number to reckon with; write a finite number [config.value]\n"
            "c.toml: outputs[0].poll_s: 1E+309 is no number to reckon with; write a finite number [config.value]"
        ),
    ),
    "no TOML": (
        "name =",
        "c.toml: is not TOML: Invalid value (at end of document); mend that line [config.toml]",
    ),
    "a key twice": (
        'name = "x"\nname = "y"',
        "c.toml: is not TOML: Cannot overwrite a value (at end of document); mend that line [config.toml]",
    ),
    "an impossible date": (
        "name = 2026-02-30",
        "c.toml: is not TOML: Invalid date or datetime (at line 1, column 8); mend that line [config.toml]",
    ),
    "an endless whole number": (
        f"name = {'1' * 5000}",
        "c.toml: holds a number that is too long; shorten it [config.toml]",
    ),
    "an endless exponent": (
        "name = 1e99999999999999999999",
        "c.toml: holds a number that is too long; shorten it [config.toml]",
    ),
    "a bottomless nest": (f"name = {'[' * 5000}", "c.toml: is nested too deeply; flatten it [config.toml]"),
}


@pytest.mark.parametrize(("text", "complaint"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_with_file_key_and_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, Settings, "c.toml")
    assert str(refused.value) == complaint


def test_a_finding_can_be_read_by_a_program() -> None:
    with pytest.raises(ConfigError) as refused:
        parse("nmae = 'x'", Settings, "c.toml")
    (finding,) = refused.value.findings
    assert (finding.id, finding.file, finding.key) == ("config.unknown_key", "c.toml", "nmae")
    assert (finding.message, finding.remedy, finding.level) == ("unknown key", "did you mean 'name'?", "error")


def test_a_good_file_becomes_the_type_with_exact_decimals() -> None:
    text = 'name = "ñ"\nprice = 97.26\nwith-dash = "d"\n[[outputs]]\nkind = "mpv"\nsocket = "/s"\npoll_s = 2\n'
    settings = parse(text, Settings, "c.toml")
    assert settings.name == "ñ"
    assert settings.price == Decimal("97.26")
    assert settings.dashed == "d"
    assert settings.outputs == (Mpv(socket="/s", poll_s=2.0),)


def test_decimals_are_never_floats_on_the_way() -> None:
    assert parse_toml("x = 0.1000000000000000055511151231257827", "c.toml") == {
        "x": Decimal("0.1000000000000000055511151231257827")
    }


def test_data_that_is_no_table_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^c\.json: expected `object`, got `array`; correct the value"):
        convert([1], Settings, "c.json")


def test_a_file_is_read_from_disk_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('name = "día"', encoding="utf-8")
    assert load(file, Settings).name == "día"
    file.write_text('name = "día"', encoding="utf-8-sig")
    assert load(file, Settings).name == "día"


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes('name = "día"'.encode("latin-1"))
    utf16 = tmp_path / "utf16.toml"
    utf16.write_text('name = "x"', encoding="utf-16")
    missing = tmp_path / "missing.toml"
    complaints = {
        latin: f"{latin}: byte 9 is not UTF-8; save the file as UTF-8 [config.encoding]",
        utf16: f"{utf16}: byte 0 is not UTF-8; save the file as UTF-8 [config.encoding]",
        missing: f"{missing}: no such file; check the path [config.missing]",
        tmp_path: f"{tmp_path}: cannot be read (Is a directory); check its permissions [config.unreadable]",
    }
    for path, complaint in complaints.items():
        with pytest.raises(ConfigError) as refused:
            read_text(path)
        assert str(refused.value) == complaint


def test_every_key_of_nested_and_tagged_tables_is_told_for_the_documentation() -> None:
    assert documented_keys(Settings) == {
        *("name", "level", "price", "names", "pair", "with-dash"),
        *("mqtt.host", "mqtt.keepalive_s", "limits.low", "limits.high"),
        *("outputs.kind", "outputs.socket", "outputs.poll_s", "outputs.port", "outputs.deadline_s"),
        *("named.kind", "named.socket", "named.poll_s", "named.port", "named.deadline_s"),
    }
