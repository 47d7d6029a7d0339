"""Pin what is in front of the user."""
