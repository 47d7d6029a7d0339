from __future__ import annotations

import stat

import pytest

from mlops_nb.exceptions import BackendError, LoginError
from mlops_nb.runners.kubeflow.authentication import sessions
from mlops_nb.runners.kubeflow.authentication.sessions import Session, Store

ADA = Session("ada", bearer="planted-b", refresh_token="planted-r", cookie="planted-c")


def test_a_session_is_kept_in_a_private_file_of_a_private_folder():
    store = Store.of("https://host", "dex", "ada")
    with store.lock():
        store.write(ADA)
    assert store.read() == ADA
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_each_endpoint_way_and_user_has_a_session_of_its_own():
    keys = [("a", "dex", "u"), ("b", "dex", "u"), ("a", "device", "u"), ("a", "dex", "v")]
    # Joined with any separator, these two would be the same.
    keys += [("a,dex", "u"), ("a", "dex,u")]
    assert len({Store.of(*key).path for key in keys}) == len(keys)


def test_the_name_of_the_file_does_not_tell_who_it_is_of():
    assert "ada" not in str(Store.of("https://host", "dex", "ada").path.name)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_session_that_others_can_read_is_refused(mode, refused):
    store = Store.of("https://host", "dex", "ada")
    store.write(ADA)
    store.path.chmod(mode)
    with refused(LoginError, f"mode {mode:o}"):
        store.read()


def test_a_folder_that_others_can_look_into_is_refused(refused):
    sessions.folder().chmod(0o750)
    with refused(LoginError, "mode 750"):
        Store.of("https://host", "dex", "ada")


def test_a_damaged_session_is_refused_and_not_shown(refused):
    store = Store.of("https://host", "dex", "ada")
    store.write(ADA)
    store.path.write_bytes(store.path.read_bytes()[:-9])
    with refused(LoginError, "does not hold a session"):
        store.read()


def test_a_lock_that_is_never_let_go_is_said(monkeypatch, refused):
    monkeypatch.setattr(sessions, "_LOCK_TIMEOUT_S", 0.1)
    store = Store.of("https://host", "dex", "ada")
    with store.lock(), refused(BackendError, "another process has held"), store.lock():
        pass


def test_a_session_does_not_print_its_secrets():
    assert "planted" not in repr(ADA)
    assert "ada" in repr(ADA)


def test_a_forgotten_session_is_gone():
    store = Store.of("https://host", "dex", "ada")
    store.write(ADA)
    assert (store.delete(), store.delete(), store.read()) == (True, False, None)
