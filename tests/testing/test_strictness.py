"""What the double refuses, as the server does."""

from __future__ import annotations

import pytest
import yaml

from mlops_nb.testing.kubeflow import contract

RUNS = "/apis/v2beta1/runs"


def test_every_route_of_the_generated_client_is_known():
    names = {route.operation for route in contract.routes()}
    assert {"run_service_create_run", "upload_pipeline_version"} < names
    assert len(names) == len(contract.routes()) > 35


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/apis/v2beta1/nothing", "GET", 404),
        ("/apis/v1beta1/runs", "GET", 404),
        (f"{RUNS}/absent", "GET", 404),
        (f"{RUNS}/absent:terminate", "POST", 404),
        (f"{RUNS}/absent:explode", "POST", 404),
        (f"{RUNS}?unknown=1", "GET", 400),
        (f"{RUNS}?page_size=many", "GET", 400),
        (f"{RUNS}?page_size=-1", "GET", 400),
        (f"{RUNS}?page_token=x", "GET", 400),
        (f"{RUNS}?sort_by=colour", "GET", 400),
        (f"{RUNS}?filter=no-json", "GET", 400),
        (f"{RUNS}?namespace=of-somebody", "GET", 400),
        ("/apis/v2beta1/visualizations/any", "POST", 501),
    ],
)
def test_a_wrong_address_is_refused(user, path, method, status):
    answer = user.get(path, method)
    assert answer.status == status
    assert set(answer.json()) == {"error", "code", "message", "details"}


def test_a_comparison_that_is_not_there_is_refused(user):
    user.client.create_experiment("a")
    wanted = '{"predicates": [{"operation": "LESS_THAN", "key": "name", "string_value": "b"}]}'
    answer = user.get(f"/apis/v2beta1/experiments?filter={wanted}")
    assert answer.status == 400
    assert "LESS_THAN" in answer.json()["message"]


@pytest.fixture
def body(user):
    """Return the body of a run that would be created."""
    spec = yaml.safe_load(user.package("small").read_text())
    return {
        "display_name": "run",
        "pipeline_spec": spec,
        "runtime_config": {"parameters": {"size": 1}},
    }


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"displayname": "x"}, 400, "unknown field 'displayname'"),
        ({"display_name": 7}, 400, "is not str"),
        ({"display_name": ""}, 400, "run name is empty"),
        ({"state": "EXPLODED"}, 400, "is none of"),
        ({"runtime_config": {"parameters": {"size": 1}, "caching": True}}, 400, "'caching'"),
        ({"runtime_config": {"parameters": []}}, 400, "is not dict"),
        ({"runtime_config": {"parameters": {}}}, 400, "is not optional"),
        ({"runtime_config": {"parameters": {"size": "1"}}}, 400, "requires type NUMBER_INTEGER"),
        ({"runtime_config": {"parameters": {"size": 1.5}}}, 400, "requires type NUMBER_INTEGER"),
        ({"runtime_config": {"parameters": {"size": 1, "more": 1}}}, 400, "not required"),
        ({"pipeline_spec": None}, 400, "source is missing"),
        ({"pipeline_spec": {"colour": 1}}, 400, "unknown template format"),
        ({"pipeline_version_reference": {"pipeline_id": "x"}}, 400, "there are two"),
        (
            {"pipeline_spec": None, "pipeline_version_reference": {"pipeline_id": "x"}},
            500,
            "error fetching manifest",
        ),
        ({"experiment_id": "absent"}, 404, "not found"),
    ],
)
def test_a_wrong_run_is_refused(user, body, change, status, said):
    answer = user.get(RUNS, "POST", body | change)
    assert (answer.status, said in answer.json()["message"]) == (status, True), answer.json()


def test_the_right_run_is_not_refused(user, body):
    assert user.get(RUNS, "POST", body).status == 200


def test_a_package_that_is_none_is_refused(user, tmp_path):
    import kfp_server_api

    path = tmp_path / "no-pipeline.yaml"
    for content in ("a: [", "kind: Workflow\n", "---\n"):
        path.write_text(content)
        with pytest.raises(kfp_server_api.ApiException) as refused:
            user.client._upload_api.upload_pipeline(str(path), name="p")
        assert refused.value.status == 400


def test_the_log_of_a_pod_that_is_not_there_is_an_error_of_its_own_shape(user):
    run_id = user.submit("small", size=1)
    answer = user.get(f"/apis/v1alpha1/runs/{run_id}/nodes/nobody/log")
    assert answer.status == 500
    assert set(answer.json()) == {"error_message", "error_details"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "str"),
        (True, "int"),
        ("1", "int"),
        (1, "bool"),
        ([1], "list[str]"),
        ("a", "dict(str, str)"),
    ],
)
def test_json_of_another_type_is_refused(value, kind):
    from mlops_nb.testing.kubeflow.refusals import RefusedError

    with pytest.raises(RefusedError):
        contract.check(value, kind)


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({"cron_schedule": {"cron": "0 6 * * 1-5 x y"}}, "found 7"),
        ({"cron_schedule": {"cron": "6 * * *"}}, "found 4"),
        ({"cron_schedule": {"cron": "0 0 6 * * 7"}}, "day of week"),
        ({"cron_schedule": {"cron": "0 0 6 L * *"}}, "day of month"),
        ({"cron_schedule": {"cron": "0 0 24 * * *"}}, "hour"),
        ({"cron_schedule": {"cron": "0 0 6 * * FRI-MON"}}, "beyond its end"),
        ({"cron_schedule": {"cron": "0 */0 * * * *"}}, "a step of 0"),
        ({"cron_schedule": {"cron": "@fortnightly"}}, "found 1"),
        ({"cron_schedule": {"cron": "@daily", "start_time": "tomorrow"}}, "RFC 3339"),
        ({"periodic_schedule": {"interval_second": "0"}}, "interval 0"),
        ({"cron_schedule": {"cron": "@daily"},
          "periodic_schedule": {"interval_second": "9"}}, "both"),
    ],
)  # fmt: skip
def test_a_recurring_run_without_right_times_is_refused(user, body, trigger, said):
    wanted = {**body, "max_concurrency": "1", "mode": "ENABLE", "trigger": trigger}
    answer = user.get("/apis/v2beta1/recurringruns", "POST", wanted)
    assert (answer.status, said in answer.json()["message"]) == (400, True), answer.json()


def test_a_recurring_run_with_right_times_is_not_refused(user, body):
    for cron in ("0 0 6 * * MON-FRI", "0 */5 1-3/2,7 1,15 JAN ?", "@daily", "0 0 6 * *"):
        wanted = {**body, "max_concurrency": "1", "trigger": {"cron_schedule": {"cron": cron}}}
        assert user.get("/apis/v2beta1/recurringruns", "POST", wanted).status == 200
