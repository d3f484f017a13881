"""Alerts: pure decisions, and delivery apart, one file a channel."""
