"""PURE. A bundle proved: computed again from its own files, and compared key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

import msgspec

from collector.revisions.bundle import (
    Bundle,
    BundleError,
    check_hashes,
    check_sums,
    open_bundle,
    read_members,
)
from collector.revisions.inputs import Inputs
from collector.revisions.papers import OPENING, REGISTRY, PaperError, from_papers, opening_paper
from collector.revisions.recompute import Judged, recompute, to_numbers
from collector.revisions.seal import MANIFEST, RESULT, Manifest, outcome_of, result_bytes
from collector.revisions.witness import contradictions
from collector.sla.instants import format_instant
from common.config import ConfigError

LEAST_SEAL: Final = 16  # digits of a seal that stand for it: nobody finds another revision that begins with them
_MOST: Final = 50
_SHOWN: Final = 60


class Verdict(NamedTuple):
    """What came of it. `problems` empty: equal. `bundle` None: it could not even be read."""

    bundle: Bundle | None
    seal: str
    problems: list[str]


def verify(data: bytes, seal: str = "") -> Verdict:
    """Check a bundle's bytes; BundleError where they are no bundle. `seal`: the one that was noted elsewhere."""
    members = read_members(data)
    problems = check_sums(members)
    try:
        bundle = open_bundle(members)
    except PaperError as error:
        return Verdict(None, "", [*problems, str(error)])
    own = bundle.frozen.seal
    problems += check_hashes(bundle, members)
    if seal and not _is_seal(seal, own):
        problems.append(f"{MANIFEST}: its seal is {own}, not {seal}: this is not the revision that was noted")
    try:
        problems += _recomputed(bundle)
    except (PaperError, ConfigError, ValueError, ArithmeticError) as error:
        problems.append(f"cannot be computed again: {error}")
    return Verdict(bundle, own, problems)


def _is_seal(noted: str, own: str) -> bool:
    """Whether this is the seal that was noted, be it by its beginning."""
    return len(noted) >= LEAST_SEAL and own.startswith(noted)


def _recomputed(bundle: Bundle) -> list[str]:
    manifest = bundle.frozen.manifest
    inputs = from_papers(bundle.frozen.papers)
    problems = [*_headings(manifest, inputs), *contradictions(inputs, bundle.journal.entries)]
    judged = recompute(inputs)
    problems += _machine(manifest, judged)
    problems += _opening(bundle.frozen.papers[OPENING], opening_paper(judged.opening))
    numbers, outcome = to_numbers(judged.report.figure), outcome_of(judged.result)
    for name, said, found in (("numbers", manifest.numbers, numbers), ("outcome", manifest.outcome, outcome)):
        problems += differing(msgspec.to_builtins(said), msgspec.to_builtins(found), f"{MANIFEST}.{name}")
    if result_bytes(judged.result) != bundle.frozen.result:
        problems += _results(bundle.frozen.result, result_bytes(judged.result))
    return problems


def _headings(manifest: Manifest, inputs: Inputs) -> Iterator[str]:
    """The manifest is about these inputs and no others."""
    pairs = {
        "tenant": (manifest.tenant, inputs.tenant),
        "contract": (manifest.contract, inputs.contract_id),
        "month": (manifest.month, inputs.month),
        "at_ms": (manifest.at_ms, inputs.closed_at_ms),
    }
    for name, (told, found) in pairs.items():
        if told != found:
            yield f"{MANIFEST}: {name} is {told!r}, {REGISTRY} says {found!r}"


def _machine(manifest: Manifest, judged: Judged) -> Iterator[str]:
    """What depends on this machine's time-zone rules."""
    span = judged.span
    for name, told, found in (
        ("start", manifest.start_ms, span.start_ms),
        ("end", manifest.end_ms, span.end_ms),
    ):
        if told != found:
            yield f"the month's {name}: said {_instant(told)}, computed {_instant(found)} (time-zone rules differ)"


def _opening(told: bytes, found: bytes) -> Iterator[str]:
    said, came = told.decode("utf-8", "replace").splitlines(), found.decode().splitlines()
    for number, (one, other) in enumerate(zip_longest(said, came, fillvalue="nothing"), 1):
        if one != other:
            yield f"{OPENING}: line {number}: said {_shown(one)}, computed {_shown(other)} (time-zone rules may differ)"
            return


def _instant(instant_ms: int) -> str:
    try:
        return format_instant(instant_ms)
    except OverflowError:
        return str(instant_ms)


def _results(told: bytes, found: bytes) -> list[str]:
    try:
        said = msgspec.json.decode(told)
    except (msgspec.DecodeError, ValueError) as error:
        return [f"{RESULT}: is no JSON ({error})"]
    problems = differing(said, msgspec.json.decode(found), RESULT)
    return problems or [f"{RESULT}: says the same in other bytes"]


def differing(told: object, found: object, where: str) -> list[str]:
    """Every place in which two plain values differ: `where.key: said X, computed Y`; long lists are cut, and say so."""
    problems: list[str] = []
    for number, line in enumerate(_walk(told, found, where)):
        if number == _MOST:
            return [*problems, f"{where}: and more"]
        problems.append(line)
    return problems


def _walk(told: object, found: object, where: str) -> Iterator[str]:
    if isinstance(told, dict) and isinstance(found, dict):
        for key in sorted({*told, *found}, key=str):
            yield from _walk(told.get(key, _Absent()), found.get(key, _Absent()), f"{where}.{key}")
    elif isinstance(told, (list, tuple)) and isinstance(found, (list, tuple)) and len(told) == len(found):
        for place, (one, other) in enumerate(zip(told, found, strict=True)):
            yield from _walk(one, other, f"{where}[{place}]")
    elif told != found or type(told) is not type(found):
        yield f"{where}: said {_shown(told)}, computed {_shown(found)}"


class _Absent:
    """A key that is not there; like no value at all."""

    def __repr__(self) -> str:
        return "nothing"


def _shown(value: object) -> str:
    text = f"{len(value)} entries" if isinstance(value, (list, tuple, dict)) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def told(verdict: Verdict) -> Mapping[str, object]:
    """What a verdict is about, as plain data."""
    if verdict.bundle is None:
        return {"equal": False, "problems": verdict.problems}
    manifest = verdict.bundle.frozen.manifest
    return {
        "equal": not verdict.problems,
        "tenant": manifest.tenant,
        "contract": manifest.contract,
        "month": manifest.month,
        "revision": manifest.number,
        "seal": verdict.seal,
        "journal_head": verdict.bundle.journal.head,
        **msgspec.to_builtins(manifest.outcome),
        "problems": verdict.problems,
    }


__all__ = ["BundleError", "Verdict", "differing", "told", "verify"]
