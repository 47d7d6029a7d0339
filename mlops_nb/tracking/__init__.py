"""MLflow: the run, its tags, metrics, artifacts and model versions."""
