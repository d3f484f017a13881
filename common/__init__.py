"""What every part of signwatch needs: clock, configuration, logs, tasks, systemd. Imports none of them."""
