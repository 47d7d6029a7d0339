"""Front doors: the command line, the magic, and what they show. All the work is in `api`."""
