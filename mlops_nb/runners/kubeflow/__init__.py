"""Runs on a Kubeflow Pipelines server."""
