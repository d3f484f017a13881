"""Looking ahead for people: an agreement from the ledger, forecast, in a table or as JSON (docs/forecast.md)."""
