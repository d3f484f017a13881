"""InfluxDB: what is shown on dashboards. Rebuildable from the ledger, never the truth, never in the ledger's way."""
