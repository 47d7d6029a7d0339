"""Who may ask, and what stands in between."""

from __future__ import annotations

import kfp_server_api
import pytest
import urllib3

FIRST = "first"


def status_of(user, **login) -> int:
    return user.get("/apis/v2beta1/healthz", **login).status


def test_a_token_is_needed_and_may_expire(serve):
    user = serve(token=FIRST, login={"existing_token": FIRST})
    assert user.client.list_experiments().total_size == 0
    answer = user.get("/apis/v2beta1/experiments")
    assert (answer.status, answer.json()["code"]) == (401, 16)
    user.server.expire("second")
    with pytest.raises(kfp_server_api.ApiException) as refused:
        user.client.list_experiments()
    assert refused.value.status == 401


def test_who_has_no_cookie_is_sent_to_a_page(serve):
    user = serve(cookie=("session", "secret"), login={"cookies": "session=secret"})
    assert user.client.list_experiments().total_size == 0
    answer = user.get("/apis/v2beta1/experiments")
    assert answer.status == 302
    page = user.get(answer.headers["Location"])
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")


def test_there_is_one_namespace_of_the_user(serve):
    user = serve(namespace="mine")
    assert user.client.get_kfp_healthz().multi_user
    experiment = user.client.create_experiment("e", namespace="mine")
    found = user.client.list_experiments(namespace="mine")
    assert [one.experiment_id for one in found.experiments] == [experiment.experiment_id]
    for namespace, status in (("other", 403), ("", 400)):
        made = {"display_name": "x", "namespace": namespace}
        assert user.get("/apis/v2beta1/experiments", "POST", made).status == status
        assert user.get(f"/apis/v2beta1/runs?namespace={namespace}").status == status


def test_runs_of_a_namespace_have_its_service_account(serve):
    user = serve(namespace="mine")
    experiment = user.client.create_experiment("e", namespace="mine")
    package = str(user.package("dressed"))
    run = user.client.run_pipeline(experiment.experiment_id, "r", package)
    assert run.service_account == "default-editor"
    user.ended(run.run_id)


def test_an_error_lasts_for_some_requests(user):
    user.server.fail(status=429, requests=2, retry_after_s=1)
    answers = [user.get("/apis/v2beta1/healthz") for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"


def test_an_error_of_a_proxy_is_no_json(user):
    user.server.fail(status=503, requests=1)
    answer = user.get("/apis/v2beta1/healthz")
    assert (answer.status, answer.headers["Content-Type"]) == (503, "text/plain")


def test_an_error_lasts_for_some_time(user, until):
    user.server.fail(seconds=0.3)
    assert status_of(user) == 503
    assert until(lambda: status_of(user) == 200)


def test_slow_answers_come(user):
    user.server.delay(0.2)
    with pytest.raises(urllib3.exceptions.MaxRetryError, match="timed out"):
        # A pair: the client passes over a timeout that is a float.
        user.client._healthz_api.healthz_service_get_healthz(_request_timeout=(1, 0.05))
    user.server.delay(0)
    assert status_of(user) == 200


def test_requests_are_kept_to_be_looked_through(user):
    user.client.create_experiment("e", description="told")
    method, path, body = user.server.requests[-1]
    assert (method, path) == ("POST", "/apis/v2beta1/experiments")
    assert '"told"' in body


def test_state_outlives_the_server_and_the_port_its_stop(user, serve):
    made = user.client.create_experiment("kept")
    user.server.stop()
    user.server.start()
    assert user.client.get_experiment(made.experiment_id).display_name == "kept"
    other = serve()
    assert other.client.get_experiment(experiment_name="kept").experiment_id == made.experiment_id
