"""The tuning pipeline.

On one machine one task tries all, several trials at once. Where there is a platform each of its
workers is a task of its own, since a pod is what a cluster finds a place for.
"""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import BEST, STUDY, WORKER, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="tuning",
        description="Search hyperparameters of a notebook from pinned code and data, register.",
        pipeline_config=pods.config,
    )
    def tuning_(
        code_repo: str,
        code_sha: str,
        code_paths: str,
        notebook: str,
        data_repo: str,
        data_sha: str,
        train_dataset: str,
        other_datasets: str,
        hyperparameters: str,
        environment: str,
        variables: str,
        secrets: str,
        cell_timeout_s: str,
        tracking_uri: str,
        experiment: str,
        autolog: str,
        model_name: str,
        model_alias: str,
        snapshot: str,
        tuning: str,
        training: str,
        code_ref: str = "",
        storage: str = "",
        cpu: str = "1",
        memory: str = "2Gi",
        accelerator: str = "",
        accelerators: str = "0",
    ) -> None:
        """Wire the stages; the test dataset is not among what they are given."""
        code = components.provision_code(
            volume=pods.volume, repo=code_repo, sha=code_sha, ref=code_ref
        )
        data = components.provision_data(
            volume=pods.volume,
            repo=data_repo,
            sha=data_sha,
            train=train_dataset,
            test="",
            other=other_datasets,
        )
        given = {
            "volume": pods.volume,
            "code": code.output,
            "data": data.output,
            "code_paths": code_paths,
            "notebook": notebook,
            "hyperparameters": hyperparameters,
            "environment": environment,
            "variables": variables,
            "secrets": secrets,
            "cell_timeout_s": cell_timeout_s,
            "tracking_uri": tracking_uri,
            "experiment": experiment,
            "autolog": autolog,
            "snapshot": snapshot,
            "tuning": tuning,
        }
        workers: list[Any] = []
        if platform is None:
            tuned = components.tune(training=training, **given)
            workers.append(tuned)
        else:
            shared = {
                "volume": pods.volume,
                "tracking_uri": tracking_uri,
                "snapshot": snapshot,
                "tuning": tuning,
                "storage": storage,
            }
            # The code's place tells the run's name, which no parameter does.
            begun = components.study(experiment=experiment, **shared).after(code)
            pods.give(begun, STUDY)
            given.update(storage=storage, mlflow_run_id=begun.output)
            for number in range(platform.workers):
                tried = components.worker(number=str(number), **given)
                workers.append(pods.give(tried, WORKER))
            tuned = components.best(mlflow_run_id=begun.output, **shared).after(*workers)
            pods.give(tuned, BEST)
        for task in workers:
            task.set_cpu_request(cpu).set_memory_request(memory).set_memory_limit(memory)
            task.set_accelerator_type(accelerator).set_accelerator_limit(accelerators)
        registered = components.register(
            refusal="",
            metrics=tuned.outputs["metrics"],
            tracking_uri=tracking_uri,
            mlflow_run_id=tuned.outputs["mlflow_run_id"],
            model_uri=tuned.outputs["model_uri"],
            name=model_name,
            alias=model_alias,
        )
        for stage, task in {
            "provision-code": code,
            "provision-data": data,
            "register": registered,
        }.items():
            pods.give(task, stage)

    return tuning_
