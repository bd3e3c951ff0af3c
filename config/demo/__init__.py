"""The demo market: simulated organisations that a newcomer can look around in."""
