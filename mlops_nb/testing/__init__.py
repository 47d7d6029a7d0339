"""Doubles of what cannot run on one machine, public so that a platform can be tested with them.

`MemoryRunner`, the back-end "memory", is for tests of programs that submit runs and follow them.
"""

from mlops_nb.testing.kubeflow import KubeflowServer
from mlops_nb.testing.kubeflow.pod import Mount, Pod, SecretKey
from mlops_nb.testing.kubernetes import KubernetesServer
from mlops_nb.testing.memory import MemoryRunner, play
from mlops_nb.testing.script import Script

__all__ = [
    "KubeflowServer",
    "KubernetesServer",
    "MemoryRunner",
    "Mount",
    "Pod",
    "Script",
    "SecretKey",
    "play",
]
