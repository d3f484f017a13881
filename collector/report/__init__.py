"""From the ledger to the month: `signwatch sla report`.

| file | what |
|---|---|
| `gather.py` | everything that the ledger knows of one agreement and month → a `Dossier` |
| `months.py` | which months beside it must be judged, for the guarantee and the right to leave |
| `stretches.py` | what became of each millisecond of a subject's counted time |
| `incidents.py` | stretches → outages → incidents: what happened to many players at once is told once |
| `judge.py` | dossier → `Report`: the contract core's figures, and what they are made of |
| `as_json.py` `as_csv.py` `as_table.py` `as_html.py` | one rendering each |

Only `gather.py`, `cli.py` and `as_html.py` are not pure.
"""
