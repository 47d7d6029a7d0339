"""What nobody should have to be afraid of: hostile names, planted secrets, paths that lead out."""
