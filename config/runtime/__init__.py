"""Start, watch and stop the servers that the site runs on."""
