"""The stages as KFP components: each calls the stage of its name, in a process or in a pod."""

from mlops_nb.pipelines.components.deployment import assemble, build, deploy, verify
from mlops_nb.pipelines.components.evaluation import evaluate
from mlops_nb.pipelines.components.monitoring import collect, decide, drift
from mlops_nb.pipelines.components.provisioning import provision_code, provision_data
from mlops_nb.pipelines.components.scheduled import fire
from mlops_nb.pipelines.components.training import register, train
from mlops_nb.pipelines.components.tuning import best, study, tune, worker

__all__ = [
    "assemble",
    "best",
    "build",
    "collect",
    "decide",
    "deploy",
    "drift",
    "evaluate",
    "fire",
    "provision_code",
    "provision_data",
    "register",
    "study",
    "train",
    "tune",
    "verify",
    "worker",
]
