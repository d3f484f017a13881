"""Strict configuration: TOML text → msgspec Struct, and every complaint names file, key and remedy.

A configuration type is a tree of `Section` subclasses. Unknown keys are refused (with the nearest known key as the
remedy), because a misspelt key that is silently ignored is a player that is silently not watched.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from common.complaints import documented_keys, explain

__all__ = [
    "ConfigError",
    "Finding",
    "Section",
    "convert",
    "documented_keys",
    "load",
    "parse",
    "parse_toml",
    "read_text",
]


class Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of every configuration table."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint about a file. `id` is stable: documentation and scripts may rely on it."""

    id: str
    file: str
    key: str
    message: str
    remedy: str
    level: str = "error"

    def __str__(self) -> str:
        """Give the line a person reads."""
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where}: {self.message}; {self.remedy} [{self.id}]"


class ConfigError(Exception):
    """The file cannot be used; `findings` says why, each with its remedy."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


_S = TypeVar("_S", bound=Section)
_MAX_EXPONENT = 308  # of a double
_BYTE_ORDER_MARK = "\ufeff"  # Windows editors put it first


def load(path: Path, kind: type[_S]) -> _S:
    """Read and check the TOML file at `path`; ConfigError if it is missing, unreadable or wrong."""
    return parse(read_text(path), kind, str(path))


def read_text(path: Path) -> str:
    """Read a UTF-8 file; ConfigError with the remedy where that cannot be done."""
    try:
        return path.read_text(encoding="utf-8").removeprefix(_BYTE_ORDER_MARK)
    except FileNotFoundError:
        raise ConfigError(Finding("config.missing", str(path), "", "no such file", "check the path")) from None
    except UnicodeDecodeError as error:
        finding = Finding(
            "config.encoding", str(path), "", f"byte {error.start} is not UTF-8", "save the file as UTF-8"
        )
        raise ConfigError(finding) from None
    except OSError as error:
        finding = Finding(
            "config.unreadable", str(path), "", f"cannot be read ({error.strerror})", "check its permissions"
        )
        raise ConfigError(finding) from None


def parse(text: str, kind: type[_S], file: str) -> _S:
    """TOML text → `kind`; ConfigError with findings otherwise. Decimals stay exact (`decimal.Decimal`)."""
    return convert(parse_toml(text, file), kind, file)


def parse_toml(text: str, file: str) -> dict[str, object]:
    """TOML text → plain dict with exact, finite decimals; ConfigError naming the line or the key otherwise."""
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(Finding("config.toml", file, "", f"is not TOML: {error}", "mend that line")) from None
    except RecursionError:
        raise ConfigError(Finding("config.toml", file, "", "is nested too deeply", "flatten it")) from None
    except (ValueError, ArithmeticError):  # an integer of thousands of digits, an exponent of twenty
        raise ConfigError(Finding("config.toml", file, "", "holds a number that is too long", "shorten it")) from None
    if endless := list(_endless(data, "")):
        findings = [
            Finding("config.value", file, key, f"{number} is no number to reckon with", "write a finite number")
            for key, number in endless
        ]
        raise ConfigError(*findings)
    return data


def _endless(data: object, key: str) -> Iterator[tuple[str, Decimal]]:
    """Keys and values of the numbers that are infinite, or would be as floats; `nan` too."""
    if isinstance(data, Decimal):
        if not data.is_finite() or data.adjusted() > _MAX_EXPONENT:
            yield key, data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _endless(value, f"{key}.{name}" if key else name)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _endless(value, f"{key}[{index}]")


def convert(data: object, kind: type[_S], file: str) -> _S:
    """Plain data → `kind`; ConfigError with findings otherwise."""
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        told = explain(error, kind, data)
        raise ConfigError(Finding(told.id, file, told.key, told.message, told.remedy)) from None
