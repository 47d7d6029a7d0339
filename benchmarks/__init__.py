"""Figures behind the claims: `make bench` prints them, each beside its peer from the same run."""
