"""Slicing specs, the slices of each example, and the names of slices."""
