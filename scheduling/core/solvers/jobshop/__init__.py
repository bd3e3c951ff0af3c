"""Schedule plain job shops of up to some hundred thousand operations: one machine per operation."""
