"""The ledger: the only truth. All SQL is named in this folder, and it alone holds the connection."""
