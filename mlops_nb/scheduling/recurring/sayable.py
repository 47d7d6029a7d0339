"""What the server's recurring runs can say of a schedule."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import UsageError
from mlops_nb.scheduling.starts import start_of

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Schedule

KUBEFLOW = "kubeflow"
# How many firings the server runs at once, for each policy that it has.
AT_ONCE = {"skip": "1", "parallel": "10"}


def must_be_sayable(config: Config, schedule: Schedule) -> None:
    """Refuse what a recurring run cannot do.

    Raises:
        UsageError: The server would fire it otherwise than the schedule says, or not at all.
    """
    config = config.with_settings(schedule.arguments.get("settings") or {})
    if schedule.arguments.get("backend", config.run_backend) != KUBEFLOW:
        raise UsageError(
            "what Kubeflow fires runs there, and the back-end of this is another one",
            hint="say --backend kubeflow, or --fired-by scheduler",
        )
    zone = config.kubeflow_cron_timezone
    other_zone = schedule.cron is not None and schedule.timezone != zone
    for refused, what, hint in (
        (not start_of(schedule.pipeline).in_pods, f"--pipeline {schedule.pipeline}", ""),
        (schedule.on_change, "--on-change", "say --every 1h: without a change it skips"),
        (schedule.overlap not in AT_ONCE, f"--overlap {schedule.overlap}", "say skip or parallel"),
        (schedule.missed == "skip", "--missed skip", "say once or all"),
        (schedule.retries > 0, "--retries", "resume what has failed: jupyter mlops resume"),
        (schedule.deadline_s > 0, "--deadline", "set run.timeout_s in mlops.toml"),
        (other_zone, f"--timezone {schedule.timezone}", f"say --timezone {zone}, "
         "or set kubeflow.cron_timezone to the zone of the server's cron lines"),
    ):  # fmt: skip
        if refused:
            raise UsageError(
                f"a recurring run of Kubeflow has no {what}",
                hint=hint or "have a scheduler of yours fire it: --fired-by scheduler",
            )
    if schedule.cron is not None:
        cron_of_server(schedule.cron)
    if config.data_repo and (config.root / config.data_repo).is_dir():
        raise UsageError(
            f"data.repo is a folder of this machine ({config.data_repo}), which pods do not see",
            hint="name the repository by the URL that the cluster reaches it at",
        )
    if config.kubeflow_auth == "kubeconfig" and not config.kubeflow_url_of_pods:
        raise UsageError(
            "pods do not reach Kubeflow Pipelines by your kubeconfig",
            hint="set kubeflow.url_of_pods, such as http://ml-pipeline.kubeflow:8888",
        )


def cron_of_server(line: str) -> str:
    """Return a cron line as the server reads it: with seconds, and with 0 alone for Sunday.

    Raises:
        UsageError: The server's cron cannot say it.
    """
    from cronsim import CronSim

    read: Any = CronSim(line, datetime(2026, 1, 1, tzinfo=timezone.utc))
    sets = (read.minutes, read.hours, read.days, read.months, read.weekdays)
    fields = ["0"]
    for text, found in zip(line.split(), sets, strict=True):
        if text == "*" or (text.startswith("*/") and text[2:].isdecimal()):
            # How the two fields of days stand to each other hangs on the star.
            fields.append(text)
            continue
        if "*" in text or not all(isinstance(one, int) and one >= 0 for one in found):
            raise UsageError(
                f"the server's cron cannot say {text!r} of {line!r}",
                hint="write numbers, names, ranges and steps",
            )
        numbers = {int(str(one)) for one in found}
        if found is read.weekdays:
            numbers = {number % 7 for number in numbers}
        fields.append(",".join(map(str, sorted(numbers))))
    return " ".join(fields)
