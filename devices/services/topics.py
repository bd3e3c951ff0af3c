"""Topics of outbox messages that this app sends and others handle."""

MACHINES_CHANGED = "machines.changed"
"""{supplier_id, machine_ids}: what others copied of these machines is out of date."""
