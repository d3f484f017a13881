"""True time: what is kept of each boot's clock, which offset it has when, and whether our own clock can be trusted."""
