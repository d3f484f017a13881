"""PURE. What lies on top in a bundle: what it is, and how to come to the figure without signwatch."""

from __future__ import annotations

from typing import Final

README_TEXT: Final = """\
# One month of a service agreement, with everything it was judged from

This file holds one revision of one closed month: the contract, the evidence, what people announced and decided, the
figure and the discount. Nothing else is needed to compute it again.

    pip install 'signwatch[collector]'
    signwatch sla verify BUNDLE

says "equal", or which file was changed and which number comes out differently. Without signwatch:
`sha256sum -c SHA256SUMS` finds a changed file, and the figure can be computed by hand, as follows.

## The files

| file | |
|---|---|
| `contract.toml` | the contract: weights, levels, bands, what is left out |
| `registry.json` | who was judged, active when, in whose hours; calendars with their holidays |
| `evidence.csv` | each run of each subject within the month: from, to, state, cause |
| `windows.json` | announced maintenance; `applies_to` says for whom |
| `rulings.json` | what people decided afterwards on cause or state, with who, when and why |
| `months.json` | other months judged with this one, each as its own revision had it |
| `opening-hours.csv` | what the calendars come to in this month, in UTC |
| `result.json` | the result, to the millisecond and as exact fractions |
| `manifest.json` | who closed it, when, why; what changed since the revision before; every hash; versions |
| `journal.json` | the entries of the collector's journal about this month, up to its closing |
| `SHA256SUMS` | the hash of every file |

The SHA-256 of `manifest.json` is the seal. It stands on the report; if it is the same there, this is what was reported.
Instants in CSV are UTC; in JSON `*_ms` are milliseconds since 1970-01-01 UTC. A cell of the CSV that a
spreadsheet would take for a formula has an apostrophe before it.

## By hand

1. Month: `start_ms` to `end_ms` of the manifest, local midnight to local midnight. `total` is that length;
   under `month = "fixed-31d"` it is 31 days.
2. Timeline of a subject: paint its rows of `evidence.csv` in their order, later ones over earlier ones.
   What nothing painted is `unknown`. Then the rulings by `at_ms`: the state first, then the cause where it is not up.
3. Counted time: within the month, within `active_from` and `active_until`, within the opening hours (platform: always).
4. Down: every state but `playing` and `up`; `unknown` only if the contract says so. It does not count where its cause
   is in `excluded_causes`, or a window of `excluded_windows` covers it (a planned one announced in time).
   A run without a cause: `stopped`, `frozen`, `black` and `error` are the player's software, `idle` is the content,
   `down` is the platform, anything else is unknown.
5. Platform: the union of its parts' down time. Players: the sum.
6. Availability = 1 - k x platform down / total - (1 - k) x players down / denominator, where the denominator is
   players x total (or what `membership` and `player_base` say), and k is the platform's weight.
7. Round as `rounding` says, then compare with the level and the bands. `result.json` has each step's number.

## En español

Este archivo contiene una revisión de un mes cerrado: el contrato, las pruebas, lo anunciado y lo decidido, la cifra y
el descuento. `signwatch sla verify BUNDLE` la calcula de nuevo y dice si coincide o qué archivo o qué número difiere.
`sha256sum -c SHA256SUMS` detecta un archivo cambiado. El SHA-256 de `manifest.json` es el sello que figura en el
informe. El cálculo a mano sigue los siete pasos de arriba: mes, línea de tiempo, tiempo contado, caída, suma,
fórmula y redondeo; `result.json` contiene el número de cada paso.
"""
