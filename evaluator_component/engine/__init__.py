"""The engine: what must be computed, the keyed sums, and the thin shell on Beam."""
