"""PURE. Every word a person reads on the pages, in one place, so that another language is one more table.

Templates say `{{ t.wall }}`; a word that is missing raises, so it can never show as an empty spot.
"""

from __future__ import annotations

from typing import Final


class Texts:
    """One language's words, read as attributes; AttributeError for a word that does not exist."""

    def __init__(self, table: dict[str, str], months: tuple[str, ...]) -> None:
        self._table = table
        self._months = months

    def __getattr__(self, key: str) -> str:
        """Give one text by its key."""
        if key.startswith("_") or key not in self._table:
            raise AttributeError(key)
        return self._table[key]

    def keys(self) -> frozenset[str]:
        """Every key there is."""
        return frozenset(self._table)

    def named(self, family: str, name: str) -> str:
        """Give the word for a state, a cause, …: `named("state", "black")`; the name itself where it has none."""
        return self._table.get(f"{family}_{name}", name.replace("_", " "))

    def month(self, text: str) -> str:
        """`2026-11` → `November 2026`; the text itself where it is no month."""
        year, _, number = text.partition("-")
        if not (number.isdigit() and 1 <= int(number) <= len(self._months)):
            return text
        return f"{self._months[int(number) - 1]} {year}"


_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_STATES: Final = {
    "state_playing": "playing",
    "state_stopped": "stopped",
    "state_frozen": "frozen",
    "state_black": "black",
    "state_error": "error",
    "state_idle": "idle",
    "state_off": "off",
    "state_unknown": "unknown",
    "state_up": "up",
    "state_down": "down",
    "state_none": "no evidence",
    "link_online": "online",
    "link_silent": "silent: its heartbeats have stopped",
    "link_gone": "gone: its connection broke",
    "link_never": "has never reported",
    "clock_synced": "disciplined by a time source",
    "clock_received": "corrected by the time of arrival",
    "clock_estimated": "estimated: this boot never had the true time",
    "alert_players_down": "Too many players down",
    "alert_players_unknown": "Too many players unknown",
    "alert_breach": "Below the committed level",
    "alert_burn_rate": "Error budget burns fast",
    "alert_burn_rate_slow": "Error budget will not last",
    "severity_critical": "Critical",
    "severity_warning": "Warning",
    "status_objective": "Objective reached",
    "status_met": "Commitment held",
    "status_breach": "Below commitment",
    "status_termination": "Below termination level",
    "status_plain": "No level agreed",
    "status_none": "No figure yet",
    "level_termination": "termination",
    "level_committed": "committed",
    "level_objective": "objective",
}

_WALL: Final = {
    "lang": "en",
    "nav": "Main",
    "wall": "Wall",
    "alerts": "Alerts",
    "newcomers": "Newcomers",
    "sign_out": "Sign out",
    "fleet": "Players",
    "months": "Months",
    "live": "live",
    "connecting": "connecting",
    "lost": "Connection lost",
    "lost_detail": "What you see is old. Last word from the collector:",
    "lost_retry": "Trying again by itself.",
    "no_script": "This page refreshes itself only with JavaScript. What you see is as of the moment it was loaded.",
    "ago": "ago",
    "last_evidence": "Last evidence",
    "none_yet": "none yet",
    "alarm": "ALARM",
    "since": "since",
    "no_agreements": "No agreement has a figure yet.",
    "no_agreements_remedy": "Name a contract for your players in the registry: signwatch registry apply FILE",
    "no_players": "No player is registered yet.",
    "no_players_remedy": "Devices that already report are listed under Newcomers, each with the lines to apply.",
    "month_to_date": "{month}, month to date",
    "month_final": "{month}, final",
    "availability": "Weighted availability",
    "weight": "weight",
    "platform": "Platform",
    "players": "Players",
    "coverage": "Coverage",
    "coverage_none": "nothing to cover",
    "downtime": "Down",
    "down_now": "Players down now",
    "affected": "Players affected this month",
    "limit": "limit",
    "burn": "Error budget burns",
    "burn_note": "times the even rate",
    "burn_title": "{long}: {long_rate} times the even rate; {short}: {short_rate}. It rings when both reach the limit.",
    "unwatched_platform": "No platform is registered under this contract: its weight of {weight} % counts as up.",
    "unwatched_player": "No player is registered under this contract: their weight of {weight} % counts as up.",
    "over": "OVER LIMIT",
    "within": "within limit",
    "of": "{part} of {whole}",
    "unknown_now": "{count} unknown",
    "emitting_now": "{count} on air",
    "computed": "Computed",
    "off_scale": "below the scale",
    "tile_since": "{state} since {when}",
    "tile_cause": "cause: {cause}",
    "tile_off_air": "outside emission hours",
    "no_site": "No site",
    "filter": "Filter",
    "filter_state": "Show only",
    "filter_site": "Site",
    "filter_text": "Find a player",
    "all_sites": "All sites",
    "clear": "Show all",
    "nothing_fits": "No player fits this filter.",
}

_PAGES: Final = {
    "overview": "Now",
    "state": "State",
    "cause": "Cause",
    "default_cause": "none given; the contract reads it as “{cause}”",
    "detail": "Detail",
    "site": "Site",
    "agreement": "Agreement",
    "no_agreement": "no contract judges it",
    "link": "Link",
    "on_air": "Emission",
    "on_air_yes": "inside its hours",
    "on_air_no": "outside its hours, or not active",
    "evidence": "Evidence up to",
    "clock": "Clock",
    "latency": "Latency",
    "address": "Checked at",
    "host": "Machine",
    "no_host": "The device has sent no host figures.",
    "timeline": "Timeline",
    "range": "Range",
    "range_24h": "24 hours",
    "range_7d": "7 days",
    "range_month": "Month",
    "all_states": "all",
    "marks_window": "windows",
    "marks_ruling": "rulings",
    "marks": "Windows and rulings",
    "marks_note": "Windows are announced beforehand, rulings decided afterwards. The evidence itself never changes.",
    "mark_left_out": "left out of the figure",
    "mark_cancelled": "counts: it was cancelled",
    "mark_kind": "counts: the contract does not leave out windows of this kind",
    "mark_late": "counts: it was not announced before it began",
    "mark_notice": "counts: it was announced too shortly before",
    "mark_no_contract": "no contract judges this subject",
    "mark_ruling": "ruling {id}",
    "mark_ruled": "decided: {what}",
    "mark_decided": "{when} by {who}",
    "window_planned": "planned maintenance",
    "window_emergency": "emergency maintenance",
    "window_other": "other window",
    "effect": "Effect",
    "why": "Why",
    "decided": "Decided",
    "what": "What",
    "growing": "still growing",
    "growing_note": "The striped end is a run that is still open: evidence reaches this far and may extend it.",
    "short_note": "Runs too short to draw are shown one pixel wide; the worst state lies on top.",
    "runs": "Runs",
    "runs_newest": "The newest {shown} of {count} runs in this range, newest first; the API gives them all.",
    "runs_all": "{count} runs in this range, newest first.",
    "no_runs": "Nothing is known of this range.",
    "start": "Start",
    "end": "End",
    "length": "Length",
    "times_in": "Times in {zone}.",
    "alerts_title": "Alerts, newest first",
    "opened": "Opened",
    "closed": "Closed",
    "open": "open",
    "kind": "Kind",
    "summary": "Summary",
    "reason": "Reason",
    "no_history": "There has been no alert.",
    "months_title": "Months of {title}",
    "months_note": "A closed month never changes. What comes later makes another revision beside it.",
    "months_none": "There is no evidence yet, and so no month.",
    "month_running": "running",
    "month_settling": "over, not closed yet",
    "month_closed": "closed",
    "month_revised": "revised",
    "month_provisional": "provisional",
    "month_provisional_at": "as of {when}",
    "month_unjudged": "not computed yet; it will be within the hour",
    "month_closes": "Closes by itself",
    "month_closes_settling": "at the latest {when}, earlier once everybody has reported",
    "month_closes_due": "within minutes",
    "month_coverage": "players {players}, platform {platform}",
    "month_waiting": "It is made by itself, at the latest {when}; signwatch sla close makes it at once.",
    "discount": "Discount",
    "revision": "Revision {number}",
    "revision_by": "{when} by {who}: {why}",
    "revision_changes": "What changed since revision {number}",
    "seal": "Seal",
    "papers": "To read and to hand out",
    "paper_report": "Report",
    "paper_claim": "Claim, draft",
    "paper_bundle": "Bundle to verify (zip)",
    "no_figure": "no figure",
    "conflicts_title": "Devices that contradict themselves",
    "conflicts_intro": "What each said is kept as it was said. A person decides what counts: signwatch ruling add.",
    "conflict_two_machines": "Two machines have this name",
    "conflict_contradiction": "Two different runs have one name",
    "newcomers_title": "Devices that report but are not in the registry",
    "newcomers_intro": "Their evidence is kept. Save the lines in a file, mend names and contract, and apply it with:",
    "newcomers_none": "Every device that reports is registered.",
    "outputs": "Outputs",
    "first_seen": "First seen",
    "last_seen": "Last seen",
    "copy": "Copy",
    "copied": "Copied",
    "copy_by_hand": "Press Ctrl+C",
    "sign_in": "Sign in",
    "password": "Password",
    "wrong_password": "That is not the password.",
    "wait": "Too many wrong passwords from your address. Try again in {seconds} s.",
    "error": "That did not work",
    "home": "Back to the wall",
}

ENGLISH: Final = Texts({**_STATES, **_WALL, **_PAGES}, _MONTHS)
