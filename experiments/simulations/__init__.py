"""One file per claim of docs/statistics.md: `simulate(rng, repeats)` returns the rows of its table."""
