"""Strict configuration: TOML text → msgspec Struct, and every complaint names file, key and remedy.

A configuration type is a tree of `Section` subclasses. Unknown keys are refused (with the nearest known key as the
remedy), because a misspelt key that is silently ignored is a player that is silently not watched.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar, get_args, get_type_hints

import msgspec


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
_PATH = re.compile(r" - at `\$(?P<path>.*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`")


def load(path: Path, kind: type[_S]) -> _S:
    """Read and check the TOML file at `path`; ConfigError if it is missing, unreadable or wrong."""
    return parse(read_text(path), kind, str(path))


def read_text(path: Path) -> str:
    """Read a UTF-8 file; ConfigError with the remedy where that cannot be done."""
    try:
        return path.read_text(encoding="utf-8")
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
    """TOML text → plain dict with exact decimals; ConfigError naming the line otherwise."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(Finding("config.toml", file, "", f"is not TOML: {error}", "mend that line")) from None
    except RecursionError:
        raise ConfigError(Finding("config.toml", file, "", "is nested too deeply", "flatten it")) from None


def convert(data: object, kind: type[_S], file: str) -> _S:
    """Plain data → `kind`; ConfigError with findings otherwise."""
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_finding(error, kind, file)) from None


def _finding(error: msgspec.ValidationError, kind: type[Section], file: str) -> Finding:
    message = str(error)
    path = ""
    if match := _PATH.search(message):
        path = match["path"].lstrip(".")
        message = message[: match.start()]
    if unknown := _UNKNOWN.fullmatch(message):
        name = unknown["name"]
        key = f"{path}.{name}" if path else name
        return Finding("config.unknown_key", file, key, "unknown key", _nearest(name, kind))
    if message.startswith("Object missing required field"):
        name = message.split("`")[1]
        return Finding("config.missing_key", file, f"{path}.{name}".lstrip("."), "is missing", f"add {name} = …")
    if message.startswith("Invalid value ") and (tags := _tags(kind, path.rpartition(".")[2])):
        return Finding("config.value", file, path, message[:1].lower() + message[1:], f"use one of {', '.join(tags)}")
    if path.endswith("[...]") and not message:
        message = "wrong value"
    return Finding("config.value", file, path, message[:1].lower() + message[1:], "correct the value")


def _nearest(name: str, kind: type[Section]) -> str:
    near = difflib.get_close_matches(name, _known_keys(kind), n=1)
    return f"did you mean {near[0]!r}?" if near else "remove it"


def _known_keys(kind: type[Section]) -> set[str]:
    return {key for section in _all_sections(kind) for key in _keys_of(section)}


def _keys_of(kind: type[Section]) -> set[str]:
    tag = kind.__struct_config__.tag_field
    return {*kind.__struct_encode_fields__, *([tag] if tag else [])}


def _tags(kind: type[Section], field: str) -> list[str]:
    """The values that a tag field such as `kind` may have."""
    configs = [section.__struct_config__ for section in _all_sections(kind)]
    return sorted(str(config.tag) for config in configs if config.tag_field == field)


def _all_sections(kind: type[Section], seen: set[type[Section]] | None = None) -> set[type[Section]]:
    seen = seen if seen is not None else set()
    if kind not in seen:
        seen.add(kind)
        for hint in get_type_hints(kind).values():
            for section in _sections_in(hint):
                _all_sections(section, seen)
    return seen


def _sections_in(hint: object) -> list[type[Section]]:
    """Every section type inside a hint, however deep: `list[Webhook | Log]` has two."""
    if isinstance(hint, type) and issubclass(hint, Section):
        return [hint]
    return [section for part in get_args(hint) for section in _sections_in(part)]


def documented_keys(kind: type[Section], prefix: str = "") -> set[str]:
    """Every dotted key of a configuration type, for the test that each one is documented."""
    keys: set[str] = set()
    if tag := kind.__struct_config__.tag_field:
        keys.add(f"{prefix}{tag}")
    hints = get_type_hints(kind)
    for attribute, name in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        nested = _sections_in(hints[attribute])
        if not nested:
            keys.add(f"{prefix}{name}")
        for section in nested:
            keys |= documented_keys(section, f"{prefix}{name}.")
    return keys
