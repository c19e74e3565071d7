"""Intervals, tests and corrections for many tests: pure functions of arrays."""
