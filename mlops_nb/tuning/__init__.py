"""What a tuning is to search, checked before anything starts, and the search itself."""
