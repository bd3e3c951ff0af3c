"""`bench chaos`: kill a loaded site at random, and count what is lost, doubled or left over."""
