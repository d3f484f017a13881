"""PURE (but for `cli` and `evaluate`). The contract core: evidence in, the figures that decide money out (SPEC 2, 3).

Arithmetic is exact: integer milliseconds, `fractions.Fraction`, half-open intervals. Nothing here reads a clock, logs,
awaits or knows SQL. Where each rule lives:

| question | file |
|---|---|
| which hours count | `calendar.py` |
| what state a subject was in | `timeline.py` |
| what is down, and who answers for it | `tally.py` |
| the figure of a month: the formula, the denominator, coverage | `availability.py` |
| is a month eligible: strictly more than 20 % of the players, strictly more than 1 % of the time | `eligibility.py` |
| how a figure is rounded, which band holds it | `bands.py` |
| guarantee and termination windows | `windows.py` |
| what discount is due, and why | `discounts.py` |
| an incident's clock | `clock.py` |
| what may still fail before a level falls, and when that is | `budget.py`, `outlook.py`, `forecast.py` |
| how fast the error budget burns | `burn.py` |
| the keys of a contract file | `contract.py`, `service_reading.py` |
| what an agreement says beside its figure: desks, failure classes, claims, rights | `service.py`, `claims.py` |
| what every figure under the level earns, and how long must be down for it | `table.py`, `thresholds.py` |
| what someone will be invoiced by and should look at first | `cautions.py` |
| all of it in plain English and Spanish | `explain/` |
| no rule at all: whole fleets at once, by asking the rules above | `sweep.py` (numpy) |
"""
