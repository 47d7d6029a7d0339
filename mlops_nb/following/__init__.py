"""What goes on: a run's moments, a deployment's pulse, and all changes since the last look."""
