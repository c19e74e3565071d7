"""Measurements; `make bench` prints them all."""
