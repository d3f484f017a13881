"""Refused messages: what is kept of them, and what an operator can do with it (docs/poison.md)."""
