"""Case files from the disk to their results: the I/O around the pure core."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from collector.sla.case import parse_case
from collector.sla.reading import ContractError, exact_decimal
from collector.sla.verdict import Result, judge
from common.config import Finding, read_text


def evaluate_file(path: str) -> Result:
    """Judge one case file; ConfigError (ContractError is one) names file, key and remedy."""
    return judge(parse_case(decode(read_text(Path(path)).removeprefix("\ufeff"), path), path))


def decode(text: str, file: str) -> object:
    """JSON text → plain data with exact decimals; ContractError otherwise. A key that stands twice is refused."""
    try:
        return json.loads(
            text, parse_float=exact_decimal, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats
        )
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise ContractError(Finding("case.json.invalid", file, "", f"is not JSON: {problem}", "mend that place"))


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _without_repeats(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return members
