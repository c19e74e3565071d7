"""Models and how they are called: one file per kind."""
