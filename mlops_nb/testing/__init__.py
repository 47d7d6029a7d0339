"""Doubles of what cannot run on one machine, public so that a platform can be tested with them."""

from mlops_nb.testing.kubeflow import KubeflowServer
from mlops_nb.testing.kubeflow.pod import Mount, Pod, SecretKey

__all__ = ["KubeflowServer", "Mount", "Pod", "SecretKey"]
