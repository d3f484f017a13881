"""PURE. The chain of the journal: what of an entry is hashed, what may be redacted, and what a walk along it finds.

| form | hash of entry n = SHA-256 of the canonical JSON of |
|---|---|
| 1 | `[n, at_ms, who, kind, key, before, after, previous hash]` |
| 2 | `[2, n, at_ms, kind, content hash, previous hash]`; content hash: SHA-256 of `[salt, who, key, before, after]` |

`before` and `after` are stored as the very text that was hashed. Ledgers of revision 0001 have entries of form 1 only;
everything since is written in form 2. Only form 2 lets go of its content (who, key, before, after, salt) and can still
be recomputed; without its salt (128 random bits) what was erased cannot be guessed from the hash either.

A redacted entry of either form is believed because a later entry of the chain (`tenant.erased`) lists it, with a hash
of all that is left of it (its stub): so an entry that somebody emptied is told apart from one that was erased by
decision, and a redacted entry of form 1, whose own hash nobody can recompute any more, still cannot be changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

GENESIS: Final = "0" * 64
LATEST_FORM: Final = 2
ERASED: Final = "tenant.erased"  # its `after` holds `redacted`: [[entry, stub], …]
_HEAD: Final = re.compile(r"(?P<entries>[0-9]{1,15}):(?P<hash>[0-9a-f]{64})")


class Head(NamedTuple):
    """How long the journal is, and the hash of its last entry."""

    entries: int
    hash: str

    def __str__(self) -> str:
        """Give the form that a person notes down: `42:9f2c…`."""
        return f"{self.entries}:{self.hash}"


_BEGINNING: Final = Head(0, GENESIS)


class Link(NamedTuple):
    """One row of the journal as it is stored, in the order of its columns."""

    id: int
    at_ms: int
    who: str
    kind: str
    key: str
    before: str | None
    after: str | None
    previous_hash: str
    hash: str
    form: int
    salt: str | None
    content_hash: str | None
    redacted_by: int | None

    @property
    def name(self) -> str:
        """Say which it is, as far as it still tells."""
        return f"entry {self.id} ({self.kind} {self.key})" if self.key else f"entry {self.id} ({self.kind})"


def parse_head(text: str) -> Head:
    """Read `42:9f2c…`; ValueError where it is something else."""
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no head of a journal")
    return Head(int(match["entries"]), match["hash"])


def canonical(value: object) -> str:
    """JSON in its one form: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(value).encode(errors="surrogatepass")).hexdigest()


def content_hash(link: Link) -> str:
    """Hash of what an entry of form 2 may let go of."""
    return digest([link.salt, link.who, link.key, link.before, link.after])


def entry_hash(link: Link) -> str | None:
    """The hash that an entry should have; None where it is redacted and nobody can tell (form 1)."""
    if link.form == LATEST_FORM:
        return digest([LATEST_FORM, link.id, link.at_ms, link.kind, link.content_hash, link.previous_hash])
    if link.redacted_by is not None:
        return None
    return digest([link.id, link.at_ms, link.who, link.kind, link.key, link.before, link.after, link.previous_hash])


def sealed(link: Link) -> Link:
    """A new entry of form 2 with its hashes filled in."""
    link = link._replace(form=LATEST_FORM, content_hash=content_hash(link))
    return link._replace(hash=entry_hash(link) or "")


def redacted(link: Link, by: int) -> Link:
    """What is left of an entry when entry `by` has erased its content."""
    return link._replace(who="", key="", before=None, after=None, salt=None, redacted_by=by)


def stub(link: Link) -> str:
    """Hash of what is left of an entry after its redaction; the same before and after."""
    return digest([link.id, link.at_ms, link.kind, link.form, link.content_hash, link.previous_hash, link.hash])


@dataclass
class Walk:
    """A walk along the chain, entry by entry; `end` tells what only the end shows."""

    noted: Head | None = None
    last: Head = _BEGINNING
    erasures: dict[int, int] = field(default_factory=dict)  # entry that erased → how many it redacted
    _noted_hash: str | None = None
    _stubs: dict[int, tuple[str, int]] = field(default_factory=dict)  # seen entries: stub, and who redacted it or 0

    def step(self, link: Link) -> Iterator[str]:
        """One entry: a sentence a problem."""
        if link.id != self.last.entries + 1:
            yield f"entry {self.last.entries + 1} is missing: entry {link.id} follows entry {self.last.entries}"
        if link.previous_hash != self.last.hash:
            yield f"entry {link.id} does not continue entry {self.last.entries}: its link to it is another hash"
        yield from _changed(link)
        self.last = Head(link.id, link.hash)
        self._stubs[link.id] = stub(link), link.redacted_by or 0
        if self.noted and link.id == self.noted.entries:
            self._noted_hash = link.hash
        if link.kind == ERASED:
            yield from self._erasure(link)

    def end(self, remembered: Head) -> Iterator[str]:
        """After the last entry: the remembered head, the noted one, and redactions that nobody decided."""
        for number, (_, by) in self._stubs.items():
            if by:
                yield f"entry {number} lost its content, and entry {by} does not say that it was to be erased"
        if remembered != self.last:
            yield f"the journal ends with entry {self.last.entries}, but its head says {remembered.entries}: cut off"
        if self.noted:
            found = GENESIS if self.noted.entries == 0 else self._noted_hash
            if found != self.noted.hash:
                yield f"entry {self.noted.entries} is not the one whose hash was noted: the journal was rewritten"

    def _erasure(self, link: Link) -> Iterator[str]:
        listed = _listed(link)
        if listed is None:
            yield f"entry {link.id} erased a tenant, but its list of redacted entries cannot be read"
            return
        self.erasures[link.id] = len(listed)
        for number, left in listed:
            found, by = self._stubs.get(number, ("", 0))
            if by != link.id:
                yield f"entry {number} was to be erased by entry {link.id}, but is not marked so"
            elif found != left:
                yield f"entry {number} was changed after entry {link.id} had erased its content"
            else:
                self._stubs[number] = found, 0


def walk(links: Iterable[Link], remembered: Head, noted: Head | None = None) -> list[str]:
    """Walk a whole chain: one sentence a problem, none where all is well."""
    on = Walk(noted)
    problems = [problem for link in links for problem in on.step(link)]
    return [*problems, *on.end(remembered)]


def _changed(link: Link) -> Iterator[str]:
    if link.redacted_by is not None:
        if (link.who, link.key, link.before, link.after, link.salt) != ("", "", None, None, None):
            yield f"{link.name} was changed: it is marked as erased and has content"
    elif link.form == LATEST_FORM and content_hash(link) != link.content_hash:
        yield f"{link.name} was changed: its content does not have the hash it was written with"
    if link.form not in {1, LATEST_FORM} or (link.form == 1 and (link.salt or link.content_hash) is not None):
        yield f"{link.name} was changed: no entry of form {link.form} looks like this"
    elif entry_hash(link) not in {None, link.hash}:
        yield f"{link.name} was changed: it does not have the hash it was written with"


def _listed(link: Link) -> list[tuple[int, str]] | None:
    try:
        return [(int(number), str(left)) for number, left in json.loads(link.after or "")["redacted"]]
    except (ValueError, TypeError, KeyError):
        return None
