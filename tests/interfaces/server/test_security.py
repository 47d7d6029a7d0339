from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from mlops_nb.interfaces.server.routes import ROUTES, SWITCHING

PATHS = sorted({route.path for route in ROUTES} | {"/openapi.json"})
TAKEN = {"GET", "POST", "PATCH", "DELETE"}


def served_by(app):
    """Return every path of ours that the application has, with the methods of its handler."""
    rules = [rule for group in app.web_app.default_router.rules for rule in rules_of(group)]
    found = {}
    for rule in rules:
        pattern = rule.matcher.regex.pattern.removesuffix("$").replace("\\.", ".")
        if "/mlops" in pattern:
            path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern).partition("/mlops")[2]
            found[path] = rule.target
    return found


def rules_of(group):
    return getattr(group.target, "rules", [])


def asked_of(route):
    return route.path.replace("{run_id}", "latest").replace("{name}", "sample").strip("/")


def test_the_application_serves_what_the_table_says(jp_serverapp):
    assert sorted(served_by(jp_serverapp)) == PATHS


def test_every_handler_asks_who_it_is(jp_serverapp):
    for path, handler in served_by(jp_serverapp).items():
        for method in {name.lower() for name in TAKEN} & set(vars(handler)):
            inner = getattr(handler, method)
            assert hasattr(inner, "__wrapped__"), (path, method)


async def test_nothing_is_answered_without_the_token(jp_serverapp, http_server_client, project):
    refused = {}
    places = [("GET", "openapi.json"), *((route.method, asked_of(route)) for route in ROUTES)]
    for method, path in places:
        answer = await http_server_client.fetch(
            f"{jp_serverapp.base_url}mlops/{path}", method=method, raise_error=False,
            allow_nonstandard_methods=True,
        )  # fmt: skip
        refused[method, path] = answer.code
    assert set(refused.values()) == {403}, refused
    assert not (project.root / ".mlops").exists()


async def test_the_websocket_is_refused_without_the_token(jp_ws_fetch, memory):
    with pytest.raises(Exception, match="403"):
        await jp_ws_fetch("mlops", "events", headers={"Authorization": "token of another"})


async def logged_in(jp_serverapp, http_server_client):
    """Ask as a page in a browser does: with the cookies of a login, and no token."""
    base, token = jp_serverapp.base_url, jp_serverapp.identity_provider.token
    pages = [
        await http_server_client.fetch(f"{base}{page}", follow_redirects=False, raise_error=False)
        for page in ("login", f"login?token={token}")
    ]
    given = [cookie for page in pages for cookie in page.headers.get_list("Set-Cookie")]
    pairs = [cookie.partition(";")[0] for cookie in given]
    cookies = dict(pair.split("=", 1) for pair in pairs)

    async def asked(method, path, body=None, **headers):
        answer = await http_server_client.fetch(
            f"{base}mlops/{path}", method=method, raise_error=False,
            headers={"Cookie": "; ".join(pairs), **headers},
            body=None if body is None else json.dumps(body), allow_nonstandard_methods=True,
        )  # fmt: skip
        return answer.code

    return asked, cookies


async def test_a_foreign_origin_is_refused(jp_serverapp, http_server_client, jp_ws_fetch, memory):
    asked, cookies = await logged_in(jp_serverapp, http_server_client)
    reading = [route for route in ROUTES if route.method == "GET" and route.status != SWITCHING]
    foreign = {asked_path: await asked("GET", asked_path, Origin="http://evil.example")
               for asked_path in ("openapi.json", *map(asked_of, reading))}  # fmt: skip
    assert set(foreign.values()) == {404}
    assert await asked("GET", "runs") == 200
    pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = {"Origin": "http://evil.example", "Cookie": pairs, "Authorization": ""}
    with pytest.raises(Exception, match="403"):
        await jp_ws_fetch("mlops", "events", headers=headers)


async def test_a_foreign_host_is_refused(jp_fetch, jp_auth_header, memory):
    headers = {"Host": "evil.example:80", **jp_auth_header}
    answer = await jp_fetch("mlops", "runs", raise_error=False, headers=headers)
    assert answer.code == 403


async def test_a_browser_without_the_xsrf_token_changes_nothing(
    jp_serverapp, http_server_client, memory
):
    """A cookie is sent along by any page; the token in it is known to ours alone."""
    asked, cookies = await logged_in(jp_serverapp, http_server_client)
    for route in ROUTES:
        if route.method != "GET":
            assert await asked(route.method, asked_of(route), body={}) == 403, route.path
    wish = {"notebook": "train.ipynb", "dry_run": True}
    assert await asked("POST", "train", wish, **{"X-XSRFToken": cookies["_xsrf"]}) == 202
    assert not (memory.root / ".mlops").exists()


async def test_an_authorizer_has_the_last_word(jp_fetch, jp_serverapp, memory):
    seen = []

    def may_only_read(handler, user, action, resource):
        seen.append((action, resource))
        return action == "read"

    jp_serverapp.authorizer.is_authorized = may_only_read
    looked = await jp_fetch("mlops", "runs")
    body = json.dumps({"notebook": "train.ipynb"})
    done = await jp_fetch("mlops", "train", method="POST", body=body, raise_error=False)
    assert (looked.code, done.code) == (200, 403)
    assert seen == [("read", "mlops"), ("write", "mlops")]


HOSTILE = [
    "../root-secret",
    "..",
    "a/../../root-secret",
    "/etc",
    "..\\root-secret",
    "\0",
    "link",
    "link/secret.ipynb",
    "loop",
    "%2e%2e",
    "%252e%252e%252froot-secret",
    "....//root-secret",
    "~root",
    "x" * 300,
    "/".join(["y"] * 600),
    "\udcff",
    "\n",
]


@pytest.fixture
def outside(project):
    """A project beside the root whose name begins with the root's, and links to it."""
    secret = project.root.with_name(project.root.name + "-secret")
    secret.mkdir()
    (secret / "mlops.toml").write_text("[project]\nname = 'secret'\n")
    (secret / "secret.ipynb").write_text('{"cells": [], "nbformat": 4, "metadata": {}}')
    (project.root / "link").symlink_to(secret)
    (project.root / "loop").symlink_to("loop")
    return secret


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_path_leads_out_of_the_root(ask, memory, outside, text):
    text = text.replace("root-secret", outside.name)
    before = sorted(outside.rglob("*"))
    sent = text.encode(errors="surrogateescape")
    looked = [
        await ask("GET", "config", project=sent),
        await ask("GET", "parameters", notebook=sent),
        await ask("POST", "train", body={"notebook": text}),
        await ask("POST", "track", body={"path": text}),
        await ask("POST", "deploy", body={"what": f"{text}.yaml"}),
        await ask("POST", "train", body={"notebook": "train.ipynb", "train": text}),
        await ask("POST", "schedules", body={"what": text, "cron": "0 3 * * *"}),
        await ask("POST", "tune", body={"notebook": "train.ipynb", "space": text}),
    ]
    for status, answer in looked:
        assert 400 <= status < 500
        assert answer["error"]["hint"]
    assert sorted(outside.rglob("*")) == before


IN_PATHS = [
    ("GET", "runs", ""), ("DELETE", "runs", ""), ("GET", "runs", "/notebook"),
    ("GET", "runs", "/report"), ("GET", "runs", "/logs"), ("POST", "runs", "/resume"),
    ("GET", "deployments", ""), ("DELETE", "deployments", ""), ("POST", "deployments", "/labels"),
    ("DELETE", "schedules", ""), ("PATCH", "schedules", ""),
]  # fmt: skip


async def test_no_name_in_a_path_leads_anywhere(ask, memory, outside):
    """What is read, written or deleted by a name is looked for among the names that there are."""
    kept = memory.root / ".mlops" / "runs" / "kept"
    kept.mkdir(parents=True)
    (kept / "request.json").write_text("{}")
    texts = [t.replace("root-secret", outside.name) for t in HOSTILE if len(t) < 300]
    texts += [f"../../../{outside.name}", "../runs/kept", "kept/../kept", ".", "kept/"]

    def around():
        return [p for p in sorted(memory.root.parent.rglob("*")) if ".mlops" not in p.parts]

    before = around()
    for method, kind, rest in IN_PATHS:
        for text in texts:
            raw = text.encode(errors="surrogateescape")
            for name in {quote(raw, safe=""), quote(quote(raw, safe=""), safe="")}:
                body = {"labels": {"x": 1}} if rest == "/labels" else {}
                status, _ = await ask(method, kind, name + rest, body=body)
                assert 400 <= status < 500, (method, kind, text, rest)
    assert around() == before
    assert (kept / "request.json").read_text() == "{}"
