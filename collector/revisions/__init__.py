"""From a provisional month to a revision that is never overwritten, and to a bundle that proves it.

| file | what |
|---|---|
| `inputs.py` | what a month is judged from, frozen |
| `papers.py` | inputs ⇄ the files of a bundle, in open formats |
| `recompute.py` | inputs → report and result, by the contract core |
| `closing.py` | when a month may be closed: the one rule |
| `substance.py` | whether what judges has changed, told by hashes |
| `differences.py` `wording.py` | what changed between two revisions, as facts and in words |
| `seal.py` | the manifest: every hash, and the seal over them |
| `look.py` `make.py` | the ledger → inputs; inputs → the next revision in the ledger |
| `drafting.py` | inputs and the revision before → the next one |
| `keeper.py` `reach.py` `debounce.py` | the running collector's part: closes, catches up, revises |
| `orders.py` `backend.py` `cli.py` `shelf.py` `edition.py` `listing.py` | what people ask for |
| `bundle.py` `verify.py` | the file to hand out, and its proof without a ledger |

The SQL is in `collector/ledger/revision_store.py`. docs/revisions.md says what all this means to people.
"""
