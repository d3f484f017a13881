"""A claim, drafted: `signwatch claim draft`.

| file | what |
|---|---|
| `model.py` | the draft, free of any language |
| `money.py` | a fee and what is credited of it: exact, then rounded as it says |
| `classes.py` | which failure class an incident belongs to, as far as the number of players tells |
| `clocks.py` | the times that the agreement promises for that class, read at the incident |
| `incidents.py` | each incident with its deadlines, class and clocks |
| `gaps.py` | what is missing, or must be known before the claim is sent |
| `draft.py` | report → `Draft` |
| `letter.py` `sections.py` | the draft in words; every sentence stands in `texts.py` |
| `as_text.py` `as_html.py` `as_json.py` | one rendering each |

Only `cli.py` and `as_html.py` are not pure. Nothing is filled in that the agreement or the ledger does not say.
"""
