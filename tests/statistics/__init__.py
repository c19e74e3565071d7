"""Simulations: how often intervals hold what is true, and how often tests refuse what is not worse."""
