from __future__ import annotations

import os
import shutil
import signal
import stat

import psutil
import pytest
import requests
from msgspec import structs

from mlops_nb import lease
from mlops_nb.deployment.local import LocalTarget, launch, standby, tree
from mlops_nb.deployment.local.records import Place, control, identity
from mlops_nb.exceptions import DeploymentError, UsageError
from mlops_nb.settings import Config
from mlops_nb.types import DeploymentState, RevisionState
from tests.deployment.local.conftest import Load


def processes(place):
    return [process for process, _ in tree.marked(identity(place.target.root) + "/")]


def keeper(place, file):
    holder = lease.holder(control(place.target.root) / file)
    return holder.pid if holder else None


def test_the_first_revision_is_put_up_without_traffic_and_then_serves(place):
    number = place.create()
    assert place.ask(number=number)["revision"] == "1"
    before = place.target.get("tumours")
    assert (before.serving, before.state) == (None, DeploymentState.UPDATING)
    after = place.route({number: 100})
    assert (after.serving.number, after.state) == (1, DeploymentState.READY)
    assert place.ask()["revision"] == "1"
    assert "serving" in place.target.logs("tumours")


def test_a_service_knows_nothing_of_the_run_that_has_put_it_up(place, monkeypatch):
    monkeypatch.setenv("MLOPS_RUN_ID", "20260101-000000-abc")
    monkeypatch.setenv("KEY", "s3cret")
    place.serve(secrets={"KEY": "store/key"})
    told = place.ask()
    assert (told["run"], told["secret"]) == (None, "s3cret")
    supervisor = psutil.Process(keeper(place, standby.SUPERVISOR_LEASE))
    assert "MLOPS_RUN_ID" not in supervisor.environ()


def test_a_secret_that_is_not_set_is_asked_for(place):
    with pytest.raises(UsageError, match="the secret KEY is not in the environment"):
        place.create(secrets={"KEY": "store/key"})
    assert place.target.names() == []


def test_what_is_kept_is_the_users_alone(place):
    place.serve()
    root = place.target.root
    open_ones = [
        path
        for path in (root, *root.rglob("*"))
        if not stat.S_ISSOCK(path.lstat().st_mode) and path.stat().st_mode & 0o077
    ]
    assert open_ones == []


@pytest.mark.parametrize(
    ("fault", "said", "service"),
    [
        ("load", "error: no such layer", {}),
        ("hang", "not ready after 1 s", {"start_s": 1.0}),
        pytest.param("memory", "out of memory", {}, marks=pytest.mark.faults),
        ("memory of a child", "out of memory", {}),
    ],
)
def test_a_bad_revision_is_taken_down_and_says_why(place, fault, said, service):
    place.serve()
    load = Load(place.target.endpoint("tumours"), clients=2)
    with load, pytest.raises(DeploymentError) as refused:
        place.create(fault, **service)
    assert said in refused.value.message
    assert load.failures == []
    assert set(load.answers) == {"1"}
    assert [r.number for r in place.target.get("tumours").revisions] == [1]


def test_a_first_revision_that_is_bad_leaves_no_deployment(place):
    with pytest.raises(DeploymentError, match="no such layer"):
        place.create("load")
    assert place.target.names() == []


def test_no_request_fails_while_revisions_take_turns(place):
    place.serve()
    with Load(place.target.endpoint("tumours")) as load:
        for _ in range(4):
            number = place.create()
            place.route({number - 1: 50, number: 50})
            place.route({number: 100})
            place.until(lambda now=str(number): now in load.answers)
        place.route({number - 1: 100})
    assert load.failures == []
    assert {"1", "2", "3", "4", "5"} == set(load.answers)


def test_a_canary_gets_its_part(place):
    place.serve()
    place.route({1: 80, place.create(): 20})
    given = [place.ask()["revision"] for _ in range(300)]
    assert 25 < given.count("2") < 100


def test_a_shadow_gets_copies_and_answers_nobody(place):
    place.serve()
    place.route({1: 100}, shadow=place.create())
    assert {place.ask()["revision"] for _ in range(20)} == {"1"}
    place.until(lambda: place.ask(number=2)["count"] > 20)


def test_old_revisions_are_kept_for_a_while_and_start_again(place):
    for _ in range(6):
        place.serve()
    found = place.target.get("tumours")
    assert [r.number for r in found.revisions] == [6, 5, 4, 3]
    assert {r.state for r in found.revisions[1:]} == {RevisionState.STOPPED}
    place.route({4: 100})
    assert place.ask()["revision"] == "4"
    with pytest.raises(DeploymentError, match="no revision 1"):
        place.route({1: 100})


@pytest.mark.parametrize("file", [standby.SUPERVISOR_LEASE, standby.FRONT_LEASE])
def test_what_is_killed_comes_back_by_itself(place, file):
    place.serve()
    before, revision = keeper(place, file), place.ask()
    os.kill(before, signal.SIGKILL)
    place.until(lambda: keeper(place, file) not in (None, before))
    assert place.ask()["count"] == revision["count"] + 1
    place.create()
    assert place.route({2: 100}).serving.number == 2


def test_a_revision_that_was_discarded_while_nobody_watched_is_ended(place):
    place.serve()
    place.create()
    leases = (standby.SUPERVISOR_LEASE, standby.FRONT_LEASE)
    watching = [keeper(place, one) for one in leases]
    for pid in watching:
        os.kill(pid, signal.SIGSTOP)
    for pid in watching:
        os.kill(pid, signal.SIGKILL)
    place.until(lambda: not any(keeper(place, one) for one in leases))
    kept = Place(place.target.root, "tumours")
    (_, stray) = kept.seen().revisions
    kept.change(lambda wanted: structs.replace(wanted, revisions=wanted.revisions[:1]))
    assert psutil.pid_exists(stray.pid)
    place.target.get("tumours")
    place.until(lambda: keeper(place, standby.FRONT_LEASE) not in (None, watching[1]))
    mark = tree.mark(identity(place.target.root), "tumours", stray.number)
    place.until(lambda: not tree.is_same(stray.pid, stray.started, mark))
    assert place.ask()["revision"] == "1"


def test_a_revision_that_ends_is_started_again(place):
    place.serve()
    for body in ("die",):
        endpoint = place.target.endpoint("tumours", 1)
        with pytest.raises(requests.ConnectionError):
            requests.post(endpoint.url + "/invocations", data=body, timeout=30)
    assert place.ask()["revision"] == "1"
    place.until(lambda: place.target.get("tumours").revision(1).restarts == 1)


@pytest.mark.faults
def test_one_that_ends_again_and_again_is_given_up(place):
    place.serve("crash")
    with Load(place.target.endpoint("tumours"), clients=2):
        place.until(
            lambda: place.target.get("tumours").revision(1).state is RevisionState.FAILED, 90
        )
    found = place.target.get("tumours")
    assert found.state is DeploymentState.FAILED
    assert "5 times in a row" in found.error.message


def test_stop_keeps_it_and_start_brings_it_back_at_the_same_address(place):
    place.serve()
    url = place.target.endpoint("tumours").url
    assert place.target.stop("tumours").state is DeploymentState.STOPPED
    place.until(lambda: processes(place) == [])
    assert place.target.start("tumours").url == url
    assert place.ask()["revision"] == "1"


def test_a_port_that_another_program_has_taken_is_named_and_waited_for(place):
    place.serve()
    url = place.target.endpoint("tumours").url
    place.target.stop("tumours")
    with launch.bind(int(url.rpartition(":")[2])):
        with pytest.raises(DeploymentError, match="is another program's"):
            place.target.start("tumours")
        assert place.target.get("tumours").error.type == "PortTaken"
    place.until(lambda: place.target.get("tumours").error is None)
    assert place.target.endpoint("tumours").url == url
    assert place.ask()["revision"] == "1"


def test_everything_killed_at_once_is_started_by_a_look(place):
    place.serve()
    url = place.target.endpoint("tumours").url
    found = processes(place)
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=30)
    place.target.get("tumours")
    place.until(lambda: len(processes(place)) >= 3, 20)
    place.target.start("tumours")
    assert place.target.endpoint("tumours").url == url
    assert place.ask()["revision"] == "1"


def _remove(root):
    # What serves may write into a folder while it is emptied.
    while root.exists():
        shutil.rmtree(root, ignore_errors=True)


def _move(root):
    root.rename(root.with_name("moved"))


@pytest.mark.parametrize("away", [_remove, _move])
def test_a_project_that_is_gone_takes_its_services_along(place, away):
    place.serve()
    mark = identity(place.target.root) + "/"
    away(place.target.root)
    place.until(lambda: [p for p, _ in tree.marked(mark)] == [])
    assert not place.target.root.exists()


def test_a_copy_of_a_project_leaves_the_services_of_the_first_alone(place, tmp_path):
    place.serve()
    before = {process.pid for process in processes(place)}
    shutil.copytree(place.target.root, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    (tmp_path / "other" / ".mlops").mkdir(parents=True)
    (tmp_path / "copy").rename(tmp_path / "other" / ".mlops" / "deployments")
    LocalTarget(Config(root=tmp_path / "other")).delete("tumours")
    assert place.ask()["revision"] == "1"
    assert {process.pid for process in processes(place)} == before


def test_a_delete_leaves_nothing(place):
    place.serve()
    port = int(place.target.endpoint("tumours").url.rpartition(":")[2])
    place.target.delete("tumours")
    place.until(lambda: processes(place) == [])
    assert place.target.names() == []
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=5)
    with pytest.raises(DeploymentError, match="there is no deployment 'tumours'"):
        place.target.get("tumours")


def test_one_deploy_of_a_name_at_a_time(place):
    with place.target.claim("tumours"):
        again = place.target.claim("tumours")
        with pytest.raises(DeploymentError, match=f"process {os.getpid()} since"):
            again.__enter__()
        with place.target.claim("others"):
            pass
    with place.target.claim("tumours"):
        pass


def test_a_revision_with_traffic_is_not_discarded(place):
    place.serve()
    with pytest.raises(DeploymentError, match="has traffic"):
        place.target.discard("tumours", 1)
    number = place.create()
    place.target.discard("tumours", number)
    assert place.ask()["revision"] == "1"


@pytest.mark.parametrize("percent", [{1: 90}, {1: 120, 2: -20}, {1: 0}])
def test_traffic_adds_up(place, percent):
    place.serve()
    with pytest.raises(UsageError, match="the parts of the traffic are"):
        place.route(percent)


@pytest.mark.parametrize("name", ["../x", "A", "a/b", "", "a" * 60, "-a"])
def test_names_are_names(place, name):
    with pytest.raises(UsageError, match="no name of a deployment"):
        place.target.get(name)


def test_ports_are_those_of_this_machine_alone(place):
    """Front, revisions and supervisor: none of them can be asked from elsewhere."""
    place.serve()
    number = place.create()
    assert place.ask(number=number)
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in processes(place)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert len(listening) >= 3
    assert {ip for ip, _ in listening} == {"127.0.0.1"}
