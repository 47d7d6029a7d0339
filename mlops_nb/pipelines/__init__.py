"""The generic pipelines: compiled once per release, the same for every team and notebook.

This module is what the rest needs to run one: names, stages, the compiled file; and, in
`arguments`, the parameters.
It does not import KFP; the definitions beside it do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

COMPILED_FOLDER = Path(__file__).parent / "compiled"


@dataclass(frozen=True)
class Pipeline:
    """One generic pipeline.

    Attributes:
        name: Name for users, file and platform.
        stages: Its stages, in order; each is a task of the pipeline.
    """

    name: str
    stages: tuple[str, ...]

    @property
    def compiled(self) -> Path:
        """The compiled pipeline, in KFP's intermediate representation."""
        return COMPILED_FOLDER / f"{self.name}.yaml"

    @property
    def digest(self) -> str:
        """SHA-256 of the compiled pipeline."""
        return hashlib.sha256(self.compiled.read_bytes()).hexdigest()


TRAINING = Pipeline(
    "training", ("provision-code", "provision-data", "train", "evaluate", "register")
)
DEPLOYMENT = Pipeline("deployment", ("provision-code", "assemble", "build", "deploy", "verify"))
TUNING = Pipeline("tuning", ("provision-code", "provision-data", "tune", "register"))
EVALUATION = Pipeline("evaluation", ("provision-code", "provision-data", "evaluate"))
MONITORING = Pipeline("monitoring", ("collect", "drift", "decide"))
# What a recurring run of a cluster runs: it pins, and has the server start the run of the pins.
SCHEDULED = Pipeline("scheduled", ("fire",))
_ALL = (TRAINING, TUNING, EVALUATION, DEPLOYMENT, MONITORING, SCHEDULED)
PIPELINES = {pipeline.name: pipeline for pipeline in _ALL}
# On a cluster each worker is a task of its own, beside a task before and one behind them.
STUDY, WORKER, BEST = "study", "worker", "best"


def stages_on_cluster(workers: int) -> tuple[str, ...]:
    """Return the stages of a tuning on a cluster, each of which is a task there.

    Args:
        workers: How many workers it has.
    """
    code, data, _, register = TUNING.stages
    others = (f"{WORKER}-{number}" for number in range(2, workers + 1))
    return (code, data, STUDY, WORKER, *others, BEST, register)


# A deployment builds, which takes an engine, and its records are this machine's.
ON_CLUSTER = (TRAINING, TUNING, EVALUATION, MONITORING, SCHEDULED)
