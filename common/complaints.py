"""PURE. What msgspec says of wrong data → what a person must mend: the exact key, and a remedy.

msgspec names a place as `$.outputs[...].kind`; which table of a dictionary it was, which keys are known there and which
values a choice has, is found by walking the types beside the data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeGuard, Union, get_args, get_origin, get_type_hints

import msgspec

_PATH: Final = re.compile(r" - at (?:`key` in )?`\$(?P<path>.*)`$")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_ANY_ENTRY: Final = "..."
_UNKNOWN: Final = "Object contains unknown field "
_MISSING: Final = "Object missing required field "
_CHOICE: Final = ("Invalid value ", "Invalid enum value ")


class Complaint(NamedTuple):
    """One complaint; `id` is stable."""

    id: str
    key: str
    message: str
    remedy: str


class _Place(NamedTuple):
    """Where in the data: its dotted key, the type that is wanted there, and what is there."""

    key: str
    hint: object
    data: object


def explain(error: msgspec.ValidationError, kind: type[msgspec.Struct], data: object) -> Complaint:
    """Say what is wrong with `data`, which msgspec could not make a `kind` of.

    A `__post_init__` may write its own remedy after a semicolon: `ValueError("is over 60; write 60 or less")`.
    """
    text = str(error)
    path = ""
    if match := _PATH.search(text):
        path, text = match["path"], text[: match.start()]
    place = _follow(path, _Place("", kind, data))
    if text.startswith(_UNKNOWN):
        return _unknown_key(text.removeprefix(_UNKNOWN).strip("`"), place, kind)
    if text.startswith(_MISSING):
        name = text.removeprefix(_MISSING).strip("`")
        return Complaint("config.missing_key", _join(place.key, name), "is missing", f"add {name} = …")
    message, remedy = _split(text)
    if text.startswith(_CHOICE) and (choices := _choices(path, place, kind)):
        remedy = f"use one of {', '.join(choices)}"
    return Complaint("config.value", place.key, message, remedy)


def documented_keys(kind: type[msgspec.Struct], prefix: str = "") -> set[str]:
    """Every dotted key of a configuration type, for the test that each one is documented."""
    keys: set[str] = set()
    if tag := kind.__struct_config__.tag_field:
        keys.add(f"{prefix}{tag}")
    for name, hint in _fields(kind).items():
        nested = _sections_in(hint)
        if not nested:
            keys.add(f"{prefix}{name}")
        for section in nested:
            keys |= documented_keys(section, f"{prefix}{name}.")
    return keys


def _split(text: str) -> tuple[str, str]:
    message, _, remedy = text.partition("; ")
    return message[:1].lower() + message[1:], remedy or "correct the value"


def _unknown_key(name: str, place: _Place, kind: type[msgspec.Struct]) -> Complaint:
    return Complaint(
        "config.unknown_key", _join(place.key, name), "unknown key", _remedy_for_unknown(name, place, kind)
    )


def _remedy_for_unknown(name: str, place: _Place, kind: type[msgspec.Struct]) -> str:
    possible = _sections_in(place.hint)
    here = {key for section in possible if _tag_fits(section, place.data) for key in _keys_of(section)}
    if near := _nearest(name, here):
        return f"did you mean {near!r}?"
    if owners := [section.__struct_config__ for section in possible if name in _keys_of(section)]:
        return "only " + " or ".join(f'{owner.tag_field} = "{owner.tag}"' for owner in owners) + " has it"
    if homes := sorted(key for key in documented_keys(kind) if key.rpartition(".")[2] == name):
        return f"it belongs at {' or '.join(homes)}"
    anywhere = {key for section in _all_sections(kind) for key in _keys_of(section)}
    near = _nearest(name, anywhere)
    return f"did you mean {near!r}?" if near else "remove it"


def _nearest(name: str, known: Collection[str]) -> str | None:
    from difflib import get_close_matches  # only for those who erred

    return next(iter(get_close_matches(name, known, n=1)), None)


def _tag_fits(section: type[msgspec.Struct], data: object) -> bool:
    """Whether a table with this tag (`kind = "mpv"`) is one of these; True where there are no tags."""
    config = section.__struct_config__
    return not config.tag_field or not isinstance(data, Mapping) or data.get(config.tag_field) == config.tag


def _choices(path: str, place: _Place, kind: type[msgspec.Struct]) -> list[str]:
    """The values that a choice, or a tag field such as `kind`, may have."""
    literals = [
        str(value) for option in _options(place.hint) if get_origin(option) is Literal for value in get_args(option)
    ]
    if literals:
        return literals
    field = path.rpartition(".")[2]
    configs = [section.__struct_config__ for section in _all_sections(kind)]
    return sorted(str(config.tag) for config in configs if config.tag_field == field)


def _follow(path: str, place: _Place) -> _Place:
    """Walk msgspec's path from the root; a step that the types do not explain is kept as written."""
    for step in _STEP.finditer(path):
        if step["name"] is not None:
            place = _into_field(step["name"], place)
        elif step["index"] == _ANY_ENTRY:
            place = _into_entry(place)
        else:
            place = _into_item(int(step["index"]), place)
    return place


def _into_field(name: str, place: _Place) -> _Place:
    data = place.data if isinstance(place.data, Mapping) else {}
    for section in _sections_in(place.hint):
        if _tag_fits(section, data) and name in (fields := _fields(section)):
            return _Place(_join(place.key, name), fields[name], data.get(name))
    return _Place(_join(place.key, name), None, data.get(name))


def _into_item(index: int, place: _Place) -> _Place:
    items = place.data if isinstance(place.data, list) else []
    data = items[index] if index < len(items) else None
    key = f"{place.key}[{index}]"
    for option in _options(place.hint):
        arguments = get_args(option)
        if arguments and get_origin(option) is not dict:
            fixed = get_origin(option) is tuple and arguments[-1] is not Ellipsis and index < len(arguments)
            return _Place(key, arguments[index if fixed else 0], data)
    return _Place(key, None, data)


def _into_entry(place: _Place) -> _Place:
    """Find which entry of a dictionary is wrong: msgspec says only that one is."""
    entries = place.data if isinstance(place.data, Mapping) else {}
    for option in _options(place.hint):
        arguments = get_args(option)
        if len(arguments) == 2:  # noqa: PLR2004 - a mapping has a key type and a value type
            for name, value in entries.items():
                if not _fits(value, arguments[1]):
                    return _Place(_join(place.key, str(name)), arguments[1], value)
    return _Place(f"{place.key}[{_ANY_ENTRY}]", None, None)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - any type that msgspec knows
    try:
        msgspec.convert(value, hint, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _fields(kind: type[msgspec.Struct]) -> dict[str, object]:
    hints = get_type_hints(kind, include_extras=True)
    names = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    return {written: hints[attribute] for written, attribute in names}


def _keys_of(kind: type[msgspec.Struct]) -> set[str]:
    tag = kind.__struct_config__.tag_field
    return {*kind.__struct_encode_fields__, *([tag] if tag else [])}


def _options(hint: object) -> Iterator[object]:
    """The plain types of a hint, without `Annotated` and unions."""
    origin = get_origin(hint)
    if origin is Annotated:
        yield from _options(get_args(hint)[0])
    elif origin in {Union, UnionType}:
        for part in get_args(hint):
            yield from _options(part)
    else:
        yield hint


def _is_section(hint: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _sections_in(hint: object) -> list[type[msgspec.Struct]]:
    """Every section type inside a hint, however deep: `list[Webhook | Log]` has two."""
    if _is_section(hint):
        return [hint]
    return [section for part in get_args(hint) for section in _sections_in(part)]


def _all_sections(
    kind: type[msgspec.Struct], seen: set[type[msgspec.Struct]] | None = None
) -> set[type[msgspec.Struct]]:
    seen = seen if seen is not None else set()
    if kind not in seen:
        seen.add(kind)
        for hint in _fields(kind).values():
            for section in _sections_in(hint):
                _all_sections(section, seen)
    return seen


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
