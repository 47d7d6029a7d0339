"""The double, as Kubeflow's own client sees it."""

from __future__ import annotations

import json

import pytest

from mlops_nb.testing.kubeflow import kubelet


def processes_of(pod: str) -> list:
    return list(kubelet._of_pod(pod))


def test_a_pipeline_is_uploaded_and_runs_to_its_end(user):
    experiment = user.client.create_experiment("first")
    pipeline = user.client.upload_pipeline(str(user.package("small")), pipeline_name="small")
    (version,) = user.client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions
    run = user.client.run_pipeline(
        experiment.experiment_id,
        "a job",
        pipeline_id=pipeline.pipeline_id,
        version_id=version.pipeline_version_id,
        params={"size": 3},
    )
    assert run.state == "PENDING"
    run = user.client.wait_for_run_completion(run.run_id, timeout=60, sleep_duration=0.2)
    assert run.state == "SUCCEEDED"
    assert [one.state for one in run.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert run.finished_at >= run.created_at
    assert "got xxx" in user.log(run.run_id, "consume")
    assert user.client.get_experiment(experiment_name="first").last_run_created_at.year > 1970


def test_tasks_are_a_tree_whose_pods_the_parents_name(user):
    run_id = user.submit("small", size=1)
    run = user.ended(run_id)
    details = {}
    for detail in run.run_details.task_details:
        details.setdefault(detail.display_name, detail)
    assert {"root-driver", "root", "produce-driver", "produce", "executor"} < set(details)
    (child,) = details["produce"].child_tasks
    workflow, _, number = child.pod_name.rpartition("-")
    pod = user.server.pod(run_id, "produce").name
    assert pod == f"{workflow}-system-container-impl-{number}"
    assert details["produce"].pod_name is None


def test_a_failing_task_fails_the_run_and_a_retry_goes_on_from_there(user, barrier):
    barrier.write_text("fail")
    run_id = user.submit("small", size=2, barrier=str(barrier))
    assert user.ended(run_id).state == "FAILED"
    assert {("produce", "SUCCEEDED"), ("consume", "FAILED"), ("executor", "FAILED")} <= set(
        user.states(run_id)
    )
    first = user.detail(run_id, "produce").start_time
    barrier.unlink()
    user.client._run_api.run_service_retry_run(run_id)
    assert user.ended(run_id).state == "SUCCEEDED"
    history = [one.state for one in user.client.get_run(run_id).state_history]
    assert history == ["PENDING", "RUNNING", "FAILED", "RUNNING", "SUCCEEDED"]
    assert [one.state for one in user.detail(run_id, "produce").state_history].count("PENDING") == 1
    assert user.detail(run_id, "produce").start_time == first


def test_only_a_run_that_failed_is_retried(user):
    run_id = user.submit("small", size=2)
    user.ended(run_id)
    answer = user.get(f"/apis/v2beta1/runs/{run_id}:retry", "POST")
    assert (answer.status, answer.json()["code"]) == (409, 10)
    answer = user.get(f"/apis/v2beta1/runs/{run_id}:terminate", "POST")
    assert (answer.status, answer.json()["code"]) == (400, 3)


def test_a_run_is_terminated(user, barrier):
    run_id = user.submit("small", size=2, barrier=str(barrier))
    user.reached(run_id, "consume")
    user.client.terminate_run(run_id)
    run = user.ended(run_id)
    assert [one.state for one in run.state_history][-3:] == ["RUNNING", "CANCELING", "CANCELED"]
    assert user.detail(run_id, "consume").state == "FAILED"


def test_nothing_of_a_terminated_run_goes_on(user, barrier):
    run_id = user.submit("looping", barrier=str(barrier))
    tasks = ("consume", "consume:2")
    for task in tasks:
        user.reached(run_id, task)
    pods = [user.server.pod(run_id, task).name for task in tasks]
    assert all(processes_of(pod) for pod in pods)
    user.client.terminate_run(run_id)
    user.ended(run_id)
    assert not any(processes_of(pod) for pod in pods)


def test_a_server_may_report_a_terminated_run_as_failed(serve, barrier):
    user = serve(terminated_state="FAILED")
    run_id = user.submit("small", size=2, barrier=str(barrier))
    user.reached(run_id, "consume")
    user.server.terminate(run_id)
    assert user.ended(run_id).state == "FAILED"


def test_an_evicted_pod_fails_its_task(user, barrier):
    run_id = user.submit("small", size=2, barrier=str(barrier))
    user.reached(run_id, "consume")
    user.server.evict(run_id, "consume")
    assert user.ended(run_id).state == "FAILED"
    error = user.detail(run_id, "consume").error
    assert error.message == "Evicted: The node was low on resource: memory."


def test_a_task_is_tried_again_where_the_pipeline_says_so(user, barrier):
    barrier.write_text("fail")
    run_id = user.submit("retrying", barrier=str(barrier))
    assert user.ended(run_id).state == "FAILED"
    attempts = [("executor(0)", "FAILED"), ("executor(1)", "FAILED"), ("executor(2)", "FAILED")]
    assert [one for one in user.states(run_id) if "(" in one[0]] == attempts


def test_a_run_goes_on_while_the_server_is_down(user, barrier, serve):
    run_id = user.submit("small", size=2, barrier=str(barrier))
    user.reached(run_id, "consume")
    user.server.stop()
    other = serve()
    assert other.client.get_run(run_id).state == "RUNNING"
    other.server.stop()
    barrier.unlink()
    later = serve()
    assert later.ended(run_id).state == "SUCCEEDED"
    assert "got xx" in later.log(run_id, "consume")


def test_a_run_whose_engine_died_has_failed(user, barrier):
    import os
    import signal

    run_id = user.submit("small", size=2, barrier=str(barrier))
    user.reached(run_id, "consume")
    runs = user.server._api.runs
    os.kill(runs.ledger(runs.get(run_id)).pid(), signal.SIGKILL)
    barrier.unlink()
    assert user.ended(run_id).state == "FAILED"


def test_equal_tasks_are_taken_from_the_cache_where_that_is_on(user):
    first, second, other = (user.submit("cached", size=size) for size in (4, 4, 5))
    for run_id in (first, second, other):
        assert user.ended(run_id).state == "SUCCEEDED"
    again = user.submit("cached", size=4)
    user.ended(again)
    assert user.states(again).count(("executor", "SKIPPED")) == 2
    assert ("produce", "SUCCEEDED") in user.states(again)
    assert ("executor", "SKIPPED") not in user.states(other)


def test_a_recurring_run_fires_when_it_is_enabled(user):
    from mlops_nb.exceptions import UsageError

    experiment = user.client.create_experiment("nightly")
    made = user.client.create_recurring_run(
        experiment.experiment_id,
        "nightly",
        cron_expression="0 0 1 * * *",
        pipeline_package_path=str(user.package("small")),
        params={"size": 1},
    )
    run_id = user.server.fire(made.recurring_run_id)
    run = user.ended(run_id)
    assert (run.state, run.recurring_run_id) == ("SUCCEEDED", made.recurring_run_id)
    user.client.disable_recurring_run(made.recurring_run_id)
    assert user.client.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    with pytest.raises(UsageError, match="is disabled"):
        user.server.fire(made.recurring_run_id)
    path = f"/apis/v2beta1/recurringruns/{made.recurring_run_id}"
    assert user.get(path, "PATCH", {"display_name": "x"}).status == 501
    assert user.client.list_recurring_runs(experiment_id=experiment.experiment_id).total_size == 1
    user.client.delete_recurring_run(made.recurring_run_id)
    assert user.get(path).status == 404


def test_what_is_there_is_found_by_name_and_page_by_page(user):
    for name in ("a", "b", "c"):
        user.client.create_experiment(name)
    assert user.client.get_experiment(experiment_name="b").display_name == "b"
    page = user.client.list_experiments(page_size=2, sort_by="name desc")
    assert [one.display_name for one in page.experiments] == ["c", "b"]
    rest = user.client.list_experiments(page_size=2, page_token=page.next_page_token)
    assert [one.display_name for one in rest.experiments] == ["a"]
    assert rest.next_page_token is None
    user.client.upload_pipeline(str(user.package("small")), pipeline_name="of users")
    named = user.client._pipelines_api.pipeline_service_get_pipeline_by_name("of users")
    assert user.client.get_pipeline_id("of users") == named.pipeline_id


def test_names_are_taken_once(user):
    import kfp_server_api

    pipeline = user.client.upload_pipeline(str(user.package("small")), pipeline_name="p")
    user.client.upload_pipeline_version(
        str(user.package("small")), "v1", pipeline_id=pipeline.pipeline_id
    )
    again = (
        lambda: user.client.upload_pipeline(str(user.package("small")), pipeline_name="p"),
        lambda: user.client.upload_pipeline_version(
            str(user.package("small")), "v1", pipeline_id=pipeline.pipeline_id
        ),
    )
    for upload in again:
        with pytest.raises(kfp_server_api.ApiException) as refused:
            upload()
        assert refused.value.status == 409
        assert json.loads(refused.value.body)["code"] == 6


def test_what_is_archived_or_deleted_is_no_longer_there(user):
    run_id = user.submit("small", size=1)
    user.ended(run_id)
    user.client.archive_run(run_id)
    assert user.client.get_run(run_id).storage_state == "ARCHIVED"
    user.client.unarchive_run(run_id)
    assert user.client.get_run(run_id).storage_state == "AVAILABLE"
    user.client.delete_run(run_id)
    assert user.get(f"/apis/v2beta1/runs/{run_id}").status == 404
