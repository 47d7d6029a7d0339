"""A Jupyter Server with the extension, in a project whose runs are in memory."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def jp_server_config():
    # No scheduler: what it writes is not what these tests look at.
    return {
        "ServerApp": {"jpserver_extensions": {"mlops_nb": True}},
        "MlopsExtension": {"services": False},
    }


@pytest.fixture
def jp_root_dir(project):
    return project.root


@pytest.fixture
def memory(project, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_RUN_BACKEND", "memory")
    return project


@pytest.fixture
def ask(jp_fetch):
    """Ask a route and return the status and the JSON of the answer."""

    async def asked(method, *path, body=None, **params):
        lists = {name: v if isinstance(v, list) else [v] for name, v in params.items()}
        pairs = [(name, value) for name, values in lists.items() for value in values]
        answer = await jp_fetch(
            "mlops", *path, method=method, params=pairs, raise_error=False,
            body=json.dumps(body or {}) if method in ("POST", "PATCH") else None,
        )  # fmt: skip
        return answer.code, json.loads(answer.body)

    return asked
