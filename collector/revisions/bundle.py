"""The bundle: one zip with everything about one revision, for somebody who has no ledger; always the same bytes.

Every file is named in `SHA256SUMS` (`sha256sum -c SHA256SUMS` checks them), inputs and result in the manifest too, and
the manifest's own hash, the seal, in the journal's entry.

What is read is anybody's: names, sizes and number of the members are checked before anything is unpacked, nothing is
ever written to disk, and more than `LARGEST_BYTES` is never unpacked.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from collector.ledger.chain import LATEST_FORM, Link, content_hash, entry_hash
from collector.revisions.papers import PAPERS, PaperError, to_json
from collector.revisions.readme import README_TEXT
from collector.revisions.seal import FORMAT, LEVEL, MANIFEST, RESULT, Frozen, Manifest, manifest_bytes, sha256

README: Final = "README.md"
JOURNAL: Final = "journal.json"
SUMS: Final = "SHA256SUMS"
MEMBERS: Final = (README, *PAPERS, MANIFEST, RESULT, JOURNAL, SUMS)
LARGEST_BYTES: Final = 1 << 30

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_PLAIN_FILE: Final = 0o100644 << 16
_UNIX: Final = 3
_SUM: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


class BundleError(ValueError):
    """The file is no bundle, or it is a broken or hostile one; the message says which part and why."""


class JournalPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the journal says of this agreement's month, and its head at the closing: `entries:hash`."""

    head: str
    entries: tuple[dict[str, Any], ...]


class Bundle(NamedTuple):
    """A bundle that was read: the revision, and what its journal says."""

    frozen: Frozen
    journal: JournalPart


def write_bundle(frozen: Frozen, journal: JournalPart) -> bytes:
    """The whole file."""
    files = {
        README: README_TEXT.encode(),
        **frozen.papers,
        MANIFEST: manifest_bytes(frozen.manifest),
        RESULT: frozen.result,
        JOURNAL: to_json(journal),
    }
    files[SUMS] = "".join(f"{sha256(files[name])}  {name}\n" for name in MEMBERS if name != SUMS).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in MEMBERS:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr, info.compress_type = _UNIX, _PLAIN_FILE, zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name], compresslevel=LEVEL)
    return written.getvalue()


def read_members(data: bytes) -> dict[str, bytes]:
    """Name → bytes of every member; BundleError where the file is no bundle, or not safe to read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive.infolist())
            return {info.filename: _unpack(archive, info) for info in archive.infolist()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise BundleError(f"is no readable bundle: {error}; ask for it again") from None


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if twice := sorted({name for name in names if names.count(name) > 1} if len(names) <= len(MEMBERS) * 2 else names):
        raise BundleError(f"holds {twice[0][:100]!r} more than once; a bundle holds each file once")
    if strange := sorted(set(names) - set(MEMBERS)):
        raise BundleError(f"holds {strange[0][:100]!r}, which no bundle has; it was not made by signwatch, or changed")
    if missing := sorted(set(MEMBERS) - set(names)):
        raise BundleError(f"lacks {missing[0]}; ask for the whole bundle")
    if any(member.flag_bits & 1 for member in members):
        raise BundleError("is encrypted; a bundle is not")
    if sum(member.file_size for member in members) > LARGEST_BYTES:
        raise BundleError(f"would unpack to more than {LARGEST_BYTES >> 20} MiB; no bundle does")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """One member, never more of it than it says of itself."""
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise BundleError(f"{info.filename}: is not as long as it says; ask for the bundle again")
    return data


def check_sums(members: Mapping[str, bytes]) -> list[str]:
    """Every member whose bytes are not those that were hashed, a sentence each."""
    told: dict[str, str] = {}
    problems: list[str] = []
    for line in members[SUMS].decode("utf-8", "replace").split("\n")[:-1]:
        match = _SUM.fullmatch(line)
        if match is None:
            problems.append(f"{SUMS}: {line[:80]!r} is no line of it")
        else:
            told[match[2]] = match[1]
    if not members[SUMS].endswith(b"\n") or list(told) != [name for name in MEMBERS if name != SUMS]:
        problems.append(f"{SUMS}: does not name each file of a bundle once, in order")
    changed = [name for name in MEMBERS if name in told and sha256(members[name]) != told[name]]
    return problems + [
        f"{name}: changed: its SHA-256 is {sha256(members[name])}, {SUMS} says {told[name]}" for name in changed
    ]


def open_bundle(members: Mapping[str, bytes]) -> Bundle:
    """The parts; PaperError where manifest or journal are not what they should be."""
    manifest: Manifest = _decode(members, MANIFEST, Manifest)
    if manifest.format != FORMAT:
        raise PaperError(MANIFEST, f"is of format {manifest.format}, this signwatch reads {FORMAT}; update signwatch")
    papers = {name: members[name] for name in PAPERS}
    journal: JournalPart = _decode(members, JOURNAL, JournalPart)
    return Bundle(Frozen(manifest, papers, members[RESULT]), journal)


def _decode(members: Mapping[str, bytes], name: str, kind: Any) -> Any:  # noqa: ANN401  # each kind is its own
    try:
        return msgspec.json.decode(members[name], type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise PaperError(name, f"is not what it should be ({error})") from None


def check_hashes(bundle: Bundle, members: Mapping[str, bytes]) -> list[str]:
    """What manifest and journal say of the files, against the files."""
    manifest = bundle.frozen.manifest
    problems = [] if set(manifest.files) == set(PAPERS) else [f"{MANIFEST}: does not name exactly {', '.join(PAPERS)}"]
    named = {**manifest.files, RESULT: manifest.result}
    for name, told in sorted(named.items()):
        if name in members and sha256(members[name]) != told:
            problems.append(f"{name}: is not the file that the manifest names by its hash")
    return problems + _check_journal(bundle, sha256(members[MANIFEST]))


def _check_journal(bundle: Bundle, seal: str) -> list[str]:
    problems, sealed = [], False
    manifest = bundle.frozen.manifest
    key = f"{manifest.tenant}/{manifest.contract}/{manifest.month}/revision-{manifest.number}"
    for entry in bundle.journal.entries:
        try:
            link = Link(**entry)
            sound = _is_sound(link)
        except (TypeError, ValueError) as error:
            problems.append(f"{JOURNAL}: entry {entry.get('id')!r} is none of a journal ({error})")
            continue
        if not sound:
            problems.append(f"{JOURNAL}: entry {link.id} was changed: it does not have the hash it was written with")
        if link.key == key and _sealed(link.after) == seal:
            sealed = True
            if bundle.journal.head != f"{link.id}:{link.hash}":
                problems.append(f"{JOURNAL}: its head is not the entry of the closing")
    if not sealed:
        problems.append(f"{JOURNAL}: no entry seals this manifest ({seal})")
    return problems


def _is_sound(link: Link) -> bool:
    if link.form == LATEST_FORM and content_hash(link) != link.content_hash:
        return False
    return entry_hash(link) == link.hash


def _sealed(after: object) -> object:
    try:
        told = json.loads(after) if isinstance(after, str) else None
    except ValueError:
        return None
    return told.get("seal") if isinstance(told, dict) else None
