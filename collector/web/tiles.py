"""PURE. The fleet on the wall: players → tiles, groups, counts. Nothing is left for a browser to compute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from collector.web.format import Times, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from collector.views import FigureView, PlatformView, PlayerView
    from collector.web.texts import Texts

# The order of the filter chips: what is well, what is ill, what nobody knows.
PLAYER_STATES: Final = ("playing", "stopped", "frozen", "black", "error", "idle", "off", "unknown")
STATES: Final = frozenset((*PLAYER_STATES, "up", "down"))
_LARGE_UP_TO: Final = 90
_MEDIUM_UP_TO: Final = 400
_SMALL_UP_TO: Final = 1200
_DETAIL_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Tile:
    """One player on the wall. `state` is a known state, safe as a part of a class name."""

    subject: str
    href: str
    state: str
    emitting: bool
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class SiteGroup:
    """The tiles of one site."""

    key: str
    label: str
    tiles: tuple[Tile, ...]


def player_href(subject: str) -> str:
    """Give the address of a player's page."""
    return f"/player/{quote(subject)}"


def zones(figures: Iterable[FigureView]) -> dict[str, Times]:
    """Agreement → the times of its zone."""
    return {figure.key: Times(figure.timezone) for figure in figures}


def times_of(view: PlayerView | PlatformView, known: Mapping[str, Times]) -> Times:
    """Give the times of the zone of a subject's agreement, UTC without one."""
    return known.get(f"{view.tenant}/{view.contract}") or Times(None)


def known_state(state: str) -> str:
    """A state that the style sheet knows; anything else is shown as unknown."""
    return state if state in STATES else "unknown"


def tile(player: PlayerView, times: Times, now_ms: int, t: Texts) -> Tile:
    """One player's tile; everything that came over the wire is plain text in it."""
    return Tile(
        subject=player.subject,
        href=player_href(player.subject),
        state=known_state(player.state),
        emitting=player.emitting,
        name=plain(player.name or player.device, 60),
        title=_title(player, times, now_ms, t),
    )


def _title(player: PlayerView, times: Times, now_ms: int, t: Texts) -> str:
    state = t.named("state", player.state)
    if player.since_ms is not None:
        state = t.tile_since.format(state=state, when=times.brief(player.since_ms, now_ms))
    words = [f"{plain(player.name or player.device, 60)} ({player.subject}): {state}"]
    if player.cause:
        words.append(t.tile_cause.format(cause=t.named("cause", player.cause)))
    if player.link != "online":
        words.append(t.named("link", player.link))
    if not player.emitting:
        words.append(t.tile_off_air)
    if player.detail:
        words.append(plain(player.detail, _DETAIL_CHARACTERS))
    return "; ".join(words)


def site_groups(
    players: Sequence[PlayerView], known: Mapping[str, Times], now_ms: int, t: Texts
) -> tuple[SiteGroup, ...]:
    """Tiles by tenant and site, in the order in which the players come."""
    several = len({player.tenant for player in players}) > 1
    groups: dict[str, tuple[str, list[Tile]]] = {}
    for player in players:
        site = player.site_name or player.site or t.no_site
        label = plain(f"{player.tenant} · {site}" if several else site, 80)
        _, tiles = groups.setdefault(f"{player.tenant}/{player.site or ''}", (label, []))
        tiles.append(tile(player, times_of(player, known), now_ms, t))
    return tuple(SiteGroup(key, label, tuple(tiles)) for key, (label, tiles) in groups.items())


def density(players: int) -> str:
    """How large tiles may be: `large` with names, `medium`, `small`, `tiny`."""
    if players <= _LARGE_UP_TO:
        return "large"
    if players <= _MEDIUM_UP_TO:
        return "medium"
    return "small" if players <= _SMALL_UP_TO else "tiny"


def state_counts(players: Iterable[PlayerView]) -> dict[str, int]:
    """How many players are in each state, in the order of the filter chips."""
    counts = Counter(known_state(player.state) for player in players)
    return {state: counts[state] for state in PLAYER_STATES}


def newest_evidence(views: Iterable[PlayerView | PlatformView]) -> int | None:
    """Give the instant up to which the newest evidence reaches; None where there is none."""
    return max((view.evidence_ms for view in views if view.evidence_ms is not None), default=None)


def evidence_by_agreement(players: Iterable[PlayerView]) -> dict[str, int]:
    """Agreement → the instant up to which its newest player evidence reaches."""
    newest: dict[str, int] = {}
    for player in players:
        if player.contract is not None and player.evidence_ms is not None:
            key = f"{player.tenant}/{player.contract}"
            newest[key] = max(newest.get(key, 0), player.evidence_ms)
    return newest
