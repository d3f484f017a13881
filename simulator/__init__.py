"""Virtual players that speak the real wire."""
