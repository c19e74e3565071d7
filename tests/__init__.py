"""Tests; a package so that tests and measurements can share their data."""
