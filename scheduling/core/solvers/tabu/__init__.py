"""Critical-path tabu search for flexible job shops, on arrays, compiled by numba."""
