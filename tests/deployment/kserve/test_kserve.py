"""KServe as a target, on a double of the cluster whose pods are processes."""

from __future__ import annotations

import os

import pytest
import requests

from mlops_nb.drawing import words
from mlops_nb.exceptions import DeploymentError, LoginError, MlopsError, UsageError
from mlops_nb.types import DeploymentState, RevisionState, Traffic


def test_a_revision_answers_before_it_has_traffic(team, cluster, until):
    team.create()
    assert team.ask(1)["revision"] == 1
    assert team.percent() == {}
    with pytest.raises(DeploymentError, match="not ready"):
        team.target.endpoint("scores")
    deployment = team.route({1: 100})
    assert deployment.state is DeploymentState.READY
    assert team.answers() == [1]
    until(lambda: cluster.names("InferenceService") == ["scores"])


def test_no_request_fails_while_revisions_follow_one_another(team):
    team.deploy()
    with team.asking() as answers:
        team.deploy()
        team.deploy()
    assert answers == sorted(answers)
    assert team.ask()["revision"] == 3
    assert len(answers) > 20


def test_a_canary_has_its_part_and_is_promoted(team):
    team.deploy()
    team.create()
    team.route({1: 60, 2: 40})
    assert team.percent() == {1: 60, 2: 40}
    found = team.answers(100)
    assert 15 <= found.count(2) <= 65
    team.route({2: 100})
    assert team.percent() == {2: 100}
    assert set(team.answers(10)) == {2}


def test_a_canary_is_rolled_back_without_new_pods(team, cluster):
    team.deploy()
    team.create()
    team.route({1: 60, 2: 40})
    pods = set(cluster.names("Pod"))
    team.route({1: 100})
    assert team.percent() == {1: 100}
    assert set(cluster.names("Pod")) <= pods
    assert set(team.answers(20)) == {1}
    team.deploy()
    assert team.percent() == {3: 100}


def test_a_canary_gets_no_more_than_its_part_when_a_third_revision_follows(team):
    team.deploy()
    team.create()
    team.route({1: 95, 2: 5})
    team.route({1: 100})
    with team.asking() as answers:
        team.deploy("slow")
    assert set(answers) == {1, 3}
    assert answers == sorted(answers)


def test_a_promotion_is_rolled_back(team):
    team.deploy()
    team.deploy()
    team.route({1: 100})
    assert team.percent() == {1: 100}
    assert team.answers(5) == [1] * 5


@pytest.mark.parametrize(
    ("how", "said"), [("broken", "No module named 'wrapper'"), ("hanging", "not ready after")]
)
def test_a_bad_revision_says_why_and_leaves_what_serves(team, cluster, until, how, said):
    team.deploy()
    with pytest.raises(DeploymentError, match=said):
        team.create(how, service={"start_s": 3})
    assert team.percent() == {1: 100}
    assert team.answers(3) == [1] * 3
    assert [one.number for one in team.target.get("scores").revisions] == [1]
    until(lambda: cluster.names("InferenceService") == ["scores"])
    until(lambda: len(cluster.names("Pod")) == 1)


def test_a_first_revision_that_is_bad_leaves_nothing(team, cluster, until):
    with pytest.raises(DeploymentError, match="No module named"):
        team.create("broken")
    assert team.target.names() == []
    assert cluster.names("ConfigMap") == []
    until(lambda: cluster.names("InferenceService") == [])


def test_an_image_that_cannot_be_pulled_is_named(team):
    with pytest.raises(DeploymentError, match="ImagePullBackOff") as caught:
        team.create("absent")
    assert "pull_secrets" in caught.value.hint


def test_secrets_and_variables_reach_the_service(team):
    team.create(environment={"GREETING": "hello"}, secrets={"PASSWORD": "logins/password"})
    found = team.ask(1)
    assert (found["greeting"], found["password"]) == ("hello", "s3cret")


def test_a_secret_that_is_not_there_is_named(team):
    with pytest.raises(DeploymentError, match="passwords") as caught:
        team.create(secrets={"PASSWORD": "passwords/password"})
    assert "secrets" in caught.value.hint


def test_what_is_applied_twice_changes_nothing(team, cluster):
    team.deploy()
    before = team.target.get("scores")
    asked = len(cluster.requests)
    team.route({1: 100})
    assert team.target.get("scores") == before
    changes = [path for method, path in cluster.requests[asked:] if method == "PATCH"]
    assert not [path for path in changes if "inferenceservices" in path]


def test_starting_what_runs_leaves_the_canary_its_part(team, cluster):
    team.deploy()
    team.create()
    team.route({1: 60, 2: 40})
    asked = len(cluster.requests)
    team.target.start("scores")
    assert team.percent() == {1: 60, 2: 40}
    assert {method for method, _ in cluster.requests[asked:]} == {"GET"}


def test_a_deployment_stops_and_starts(team, cluster):
    team.deploy()
    team.create()
    team.route({1: 60, 2: 40})
    assert team.target.stop("scores").state is DeploymentState.STOPPED
    assert cluster.names("Pod") == []
    assert team.target.start("scores").state is DeploymentState.READY
    assert team.percent() == {1: 100}
    assert team.answers(3) == [1] * 3


def test_nothing_is_left_of_what_is_deleted(team, cluster):
    team.deploy()
    team.create()
    team.target.delete("scores")
    kinds = ("InferenceService", "ConfigMap", "Lease", "Pod")
    assert [name for kind in kinds for name in cluster.names(kind)] == []
    with pytest.raises(DeploymentError, match="no deployment"):
        team.target.get("scores")


def test_old_revisions_are_forgotten_but_three(team):
    for _ in range(6):
        team.deploy()
    assert [one.number for one in team.target.get("scores").revisions] == [6, 5, 4, 3]


def test_the_log_is_that_of_the_revision(team):
    team.deploy()
    team.create()
    assert team.target.logs("scores", 2) == "revision 2 begins\n"
    assert team.target.logs("scores") == "revision 1 begins\n"
    assert team.target.logs("scores", 1, last_bytes=7) == "begins\n"


def test_a_claim_that_another_one_has_taken_over_is_left_to_it(team, cluster):
    lease = ("apis/coordination.k8s.io/v1", "leases")
    with team.target.claim("scores"):
        found = team.target.cluster.get(lease, "scores-mlops-deploy")
        found["spec"]["holderIdentity"] = "another"
        team.target.cluster.replace(lease, found)
    assert cluster.names("Lease") == ["scores-mlops-deploy"]


def test_one_deploy_at_a_time(team, join, cluster):
    with (
        team.target.claim("scores"),
        pytest.raises(DeploymentError, match=str(os.getpid())),
        join().target.claim("scores"),
    ):
        pass
    with team.target.claim("scores"):
        assert cluster.names("Lease") == ["scores-mlops-deploy"]
    assert cluster.names("Lease") == []


def test_what_a_killed_deploy_has_left_is_cleared_by_the_next(team, cluster):
    team.deploy()
    team.create()
    # Nobody verified the second one, and nobody will.
    team.create()
    assert team.ask(3)["revision"] == 3
    assert [one.number for one in team.target.get("scores").revisions] == [3, 1]
    assert cluster.names("InferenceService") == ["scores", "scores-candidate"]


@pytest.mark.parametrize("mode", ["serverless", "raw"])
@pytest.mark.parametrize("renames_modes", [True, False])
def test_older_and_newer_servers_have_a_name_of_their_own_for_a_mode(
    serve, join, mode, renames_modes
):
    team = join(serve(renames_modes=renames_modes), kserve_mode=mode)
    team.deploy()
    team.deploy()
    assert team.percent() == {2: 100}


def test_a_mode_is_not_changed_under_a_deployment(team, join, cluster, until):
    team.deploy()
    with pytest.raises(DeploymentError, match="cannot be changed to raw"):
        join(kserve_mode="raw").create()
    assert [one.number for one in team.target.get("scores").revisions] == [1]
    until(lambda: cluster.names("InferenceService") == ["scores"])


def test_a_candidate_is_one_pod_however_many_serve(team, cluster):
    team.create(replicas={"min": 3, "max": 5})
    predictor = cluster.object("InferenceService", "scores-candidate")["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 1)
    team.route({1: 100})
    predictor = cluster.object("InferenceService", "scores")["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (3, 5)


def test_what_scales_to_nothing_is_replaced_all_the_same(team):
    team.deploy(replicas={"min": 0, "max": 1})
    team.deploy("slow", replicas={"min": 0, "max": 1})
    assert team.answers(3) == [2] * 3


def test_all_of_the_descriptor_and_the_settings_is_in_the_object(join, cluster):
    team = join(kserve_service_account="models", kserve_pull_secrets=("pull",))
    team.create(
        resources={"cpu": "2", "memory": "3Gi", "accelerator": "nvidia.com/gpu", "accelerators": 1},
        service={"start_s": 20.5, "timeout_s": 9.5},
        kserve={
            "labels": {"team": "scoring"},
            "annotations": {"note": "x"},
            "node_selector": {"gpu": "true"},
            "tolerations": ["gpu=yes:NoSchedule", "spot:NoExecute"],
            "logger_url": "http://collector",
        },
    )
    made = cluster.object("InferenceService", "scores-candidate")
    predictor = made["spec"]["predictor"]
    (container,) = predictor["containers"]
    assert made["metadata"]["labels"]["team"] == "scoring"
    assert made["metadata"]["annotations"]["note"] == "x"
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "3Gi", "nvidia.com/gpu": "1"}
    assert container["securityContext"]["runAsNonRoot"] is True
    assert predictor["serviceAccountName"] == "models"
    assert predictor["imagePullSecrets"] == [{"name": "pull"}]
    assert predictor["nodeSelector"] == {"gpu": "true"}
    assert [one["key"] for one in predictor["tolerations"]] == ["gpu", "spot"]
    assert predictor["logger"] == {"mode": "all", "url": "http://collector"}
    assert predictor["timeout"] == 11
    assert predictor["annotations"] == {"serving.knative.dev/progress-deadline": "21s"}


def test_raw_mode_replaces_and_has_no_canary(join):
    team = join(kserve_mode="raw")
    team.deploy()
    team.deploy()
    assert team.answers(3) == [2] * 3
    team.create()
    with pytest.raises(DeploymentError, match="raw"):
        team.route({2: 90, 3: 10})
    with pytest.raises(DeploymentError, match="raw"):
        team.target.check(team.descriptor(traffic={"strategy": "canary"}))
    assert team.percent() == {2: 100}


def test_a_revision_with_traffic_is_not_discarded(team):
    team.deploy()
    with pytest.raises(DeploymentError, match="has traffic"):
        team.target.discard("scores", 1)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"traffic": {"strategy": "shadow"}}, "copies"),
        ({"secrets": {"PASSWORD": ""}}, "SECRET/KEY"),
        ({"kserve": {"tolerations": ["gpu"]}}, "tolerations"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_built(team, cluster, wanted, said):
    with pytest.raises(MlopsError) as caught:
        team.target.check(team.descriptor(**wanted))
    assert said in f"{caught.value} {caught.value.hint}"
    assert cluster.requests == []


def test_a_registry_is_needed(join):
    with pytest.raises(UsageError, match="registry"):
        join(container_registry="").target.check(join().descriptor())


def test_shadow_traffic_is_refused(team):
    team.deploy()
    team.create()
    with pytest.raises(DeploymentError, match="copies"):
        team.target.route("scores", Traffic(percent={1: 100}, shadow=2))


def test_who_is_not_known_is_told_to_log_in(team, cluster, monkeypatch, tmp_path):
    text = cluster.kubeconfig.read_text().replace('"token": "t"', '"token": "old"')
    stale = tmp_path / "stale"
    stale.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(stale))
    with pytest.raises(LoginError, match="does not know who asks"):
        team.target.list()


def test_a_namespace_that_is_not_ours_is_forbidden(join):
    with pytest.raises(DeploymentError, match="forbids") as caught:
        join(kserve_namespace="others").target.list()
    assert "docs/deployment.md" in caught.value.hint


def test_a_context_that_is_not_there_is_named(join):
    with pytest.raises(DeploymentError, match="no context 'there'") as caught:
        join(kserve_context="there").target.list()
    assert "here" in caught.value.hint


def test_a_cluster_that_is_down_is_named(team, monkeypatch, tmp_path, cluster):
    text = cluster.kubeconfig.read_text().replace(cluster.url, "http://127.0.0.1:9")
    dead = tmp_path / "dead"
    dead.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(dead))
    with pytest.raises(DeploymentError, match="cannot be reached"):
        team.target.list()


def test_states_follow_the_cluster(team):
    team.deploy()
    team.create()
    deployment = team.target.get("scores")
    assert deployment.state is DeploymentState.UPDATING
    assert [one.state for one in deployment.revisions] == [RevisionState.READY] * 2
    assert [one.name for one in team.target.list()] == ["scores"]
    assert deployment.url is not None


def test_the_log_of_requests_is_refused_for_it_is_not_here(team):
    team.deploy()
    with pytest.raises(DeploymentError, match="in its pods, and not on this machine"):
        team.target.requests("scores", 1)


def test_a_log_on_a_claim_is_where_pods_of_monitoring_find_it(serve, join, tmp_path):
    cluster = serve(claims={"team": tmp_path / "team"})
    team = join(cluster)
    team.deploy(kserve={"log_claim": "team"}, service={"start_s": 20, "log_sample": 0.5})
    assert team.target.shared_log("scores", 1) == ("team", "requests-scores-1", 0.5)
    place = team.target.endpoint("scores", 1)
    told = requests.get(f"{place.url}/v2", headers=place.headers, timeout=20).json()
    assert told["log_folder"] == str(tmp_path / "team" / "requests-scores-1")
    with pytest.raises(DeploymentError, match="not on this machine") as refused:
        team.target.requests("scores", 1)
    assert "kserve.log_claim" in refused.value.hint


def test_a_claim_that_is_not_there_keeps_a_revision_from_starting(team):
    with pytest.raises(DeploymentError, match='persistentvolumeclaim "absent" not found'):
        team.create(kserve={"log_claim": "absent"}, service={"start_s": 3})


def test_the_line_for_curl_names_the_service_to_the_gateway(team, join, cluster):
    team.deploy()
    (line,) = words.asking(team.target.list())
    assert line == f'curl -H "Host: scores.team.example.com" {cluster.url}/'
    (line,) = words.asking(join(kserve_ingress="").target.list())
    assert line == "curl http://scores.team.example.com/"
