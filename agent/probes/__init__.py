"""Playback probes: one file a probe, one signature, one dict that registers them all."""
