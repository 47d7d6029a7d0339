"""Every verb, through every front door, with names that nobody means.

What takes a name is read from signatures, commands, routes, settings and records, so that what is
added is asked too. Each place is tried with a few of the names, the next place with the next few.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
from pathlib import Path

import click
import msgspec
import pytest
import tomlkit
import yaml

from mlops_nb import api
from mlops_nb.deployment import descriptor
from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces import magics
from mlops_nb.interfaces.server import parameters
from mlops_nb.interfaces.server.routes import ROUTES, SWITCHING
from mlops_nb.settings import FILE_NAME, Config
from tests.corpora.names import LEADING_OUT, names, some
from tests.rules.test_public import COMMANDS

pytest_plugins = ["tests.interfaces.server.conftest"]

# How many of the names each place is tried with; all of them in `make faults`.
IN_PYTHON, IN_WORDS, OVER_HTTP, IN_SETTINGS = 1, 1, 2, 3
LEFT_OUT = {
    "as_json": "it makes JSON of what it is given",
    "fire_in_background": "it starts the scheduler of this process",
    "inside_run": "it takes nothing",
    "scheduler": "it fires until it is ended",
    "serve": "it serves until it is ended; tests/interfaces/server has its requests",
    "help": "it explains commands",
}
# Where the user writes is where the user says; and what is there afterwards is of a hostile name.
OWN_PLACES = {("compile", "output"), ("init", "folder"), ("export", "file")}
# What a call needs beside the name that is tried, so that it comes as far as it can.
BESIDE = {
    "train": {"dry_run": True},
    "tune": {"notebook": "train.ipynb", "space": {"rate": [0.1, 0.2]}, "objective": "loss"},
    "schedule": {"what": "train.ipynb", "cron": "0 3 * * *"},
    "upcoming": {"cron": "0 3 * * *"},
    "build_images": {"engine": "none-such"},
    "label": {"name": "sample", "labels": {"x": 1}},
    "predict": {"name": "sample", "data": {"instances": [[1]]}},
    "traffic": {"name": "sample", "promote": True},
    "reschedule": {"name": "sample", "cron": "0 4 * * *"},
}
REQUIRED = {"run_id": "latest", "name": "sample", "file": "carried.tar.gz", "path": "data"}
VERBS = sorted(
    ((name, inspect.signature(getattr(api, name)).parameters)
     for name in api.__all__ if name not in LEFT_OUT),
    key=lambda verb: any(verb[0] == name for name, _ in OWN_PLACES),
)  # fmt: skip


@pytest.fixture
def canary(tmp_path, project, monkeypatch):
    """Return where the file would be, and look that neither it nor anything else is around."""
    monkeypatch.setenv("MLOPS_NB_RUN_BACKEND", "memory")
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    place = tmp_path / "canary"
    around = {*tmp_path.iterdir(), *tmp_path.parent.iterdir()}
    yield place
    assert not place.exists()
    assert {*tmp_path.iterdir(), *tmp_path.parent.iterdir()} == around


def tried(canary, count, turn, *, own_place=False):
    every = names(canary)
    if own_place:
        every = {kind: name for kind, name in every.items() if kind not in LEADING_OUT}
    return some(every, count, turn).items()


def values(annotation, name):
    """Yield what a parameter of a type may be given that has this name in it."""
    kinds = {kind.partition("[")[0].rpartition(".")[2] for kind in annotation.split(" | ")}
    if kinds & {"str", "Folder", "Any"}:
        yield name
    if "Path" in kinds and "\0" not in name:
        yield Path(name)
    if "Mapping" in kinds:
        yield {name: 1}
        yield {"rate": name}
    if "Sequence" in kinds:
        yield (name,)


def call(verb, taken, key, value):
    """Call a verb, and take what it gives to its end."""
    needed = [n for n, p in taken.items() if p.default is p.empty and n != "run_ids"]
    arguments = {**{n: REQUIRED.get(n, "x") for n in needed}, **BESIDE.get(verb, {}), key: value}
    some_runs = [arguments.pop("run_ids"), "latest"] if key == "run_ids" else []
    found = getattr(api, verb)(*some_runs, **arguments)
    if inspect.isgenerator(found):
        list(itertools.islice(found, 3))


@contextlib.contextmanager
def planned(*what):
    """Let what is refused be refused with a hint, and nothing else be raised."""
    try:
        yield
    except MlopsError as error:
        assert error.hint, what
    except Exception as error:
        raise AssertionError(f"{what} raised {type(error).__name__}") from error


def ask_in_python(canary, count):
    turns = itertools.count()
    for verb, taken in VERBS:
        for key, parameter in taken.items():
            own = (verb, key) in OWN_PLACES
            for kind, name in tried(canary, count, next(turns), own_place=own):
                for value in values(parameter.annotation, name):
                    with planned(verb, key, kind):
                        call(verb, taken, key, value)


def test_in_python(canary):
    ask_in_python(canary, IN_PYTHON)


@pytest.mark.faults
def test_in_python_with_every_name(canary):
    ask_in_python(canary, len(names(canary)))


def placed(command, parameter, name):
    """Return the words of a command line that has a name in one place."""
    words = ["--json", "--dry-run"] if command.name == "train" else ["--json"]
    others = [p for p in command.params if isinstance(p, click.Argument) and p is not parameter]
    needed = [REQUIRED.get(p.name, "x") for p in others if p.required and p.nargs == 1]
    if isinstance(parameter, click.Argument):
        return [*words, *needed, "--", name]
    return [*words, *needed, f"{parameter.opts[0]}={name}"]


def in_words(canary):
    """Yield command lines, one for each argument and option that takes a text."""
    turns = itertools.count()
    for verb, command in COMMANDS.items():
        for parameter in command.params if verb not in LEFT_OUT else ():
            if not parameter.expose_value or getattr(parameter, "is_flag", False):
                continue
            own = (verb.rstrip("_"), parameter.name) in OWN_PLACES
            for kind, name in tried(canary, IN_WORDS, next(turns), own_place=own):
                if "\0" not in name:
                    path = verb.split("_") if verb.startswith("images_") else [verb]
                    yield (verb, parameter.name, kind), [*path, *placed(command, parameter, name)]


def test_as_a_command(canary, json_of):
    for what, words in in_words(canary):
        with planned(*what):
            code, printed = json_of(*words)
            assert code in (0, 1, 2), what
            assert "error" not in printed or printed["error"]["hint"], what


def test_as_a_magic(canary):
    import shlex

    # They are parsed by the same commands.
    for what, words in itertools.islice(in_words(canary), 0, None, 3):
        with planned(*what):
            magics.mlops(shlex.join(word for word in words if "\n" not in word))


def texts_of(route):
    for parameter in parameters.of(route.verb):
        kinds = str(parameter.type)
        if "str" in kinds or "Any" in kinds or "dict" in kinds:
            yield parameter


def of_type(parameter, name):
    kinds = str(parameter.type)
    if "list" in kinds:
        return [name]
    return {name: name} if "dict" in kinds and "str" not in kinds.split("dict")[0] else name


async def test_over_http(ask, memory, canary):
    """Nothing is the server's fault, and each refusal says what to do."""
    turns = itertools.count()
    for route in ROUTES:
        if route.status == SWITCHING:
            continue
        for parameter in texts_of(route):
            for kind, name in tried(canary, OVER_HTTP, next(turns)):
                given = {p.name: REQUIRED.get(p.name, "x") for p in route.parameters
                         if p.default is msgspec.NODEFAULT and p.type is str}  # fmt: skip
                given |= {parameter.name: of_type(parameter, name)}
                status, answer = await asked(ask, route, given)
                assert status < 500, (route.path, parameter.name, kind, answer)
                assert status < 400 or answer["error"]["hint"] or status == 404, (route.path, kind)


async def asked(ask, route, given):
    from urllib.parse import quote

    path = route.path
    for name in route.in_path:
        text = str(given.pop(name, REQUIRED[name]))
        path = path.replace(f"{{{name}}}", quote(text.encode(errors="surrogateescape"), safe=""))
    if len(path) > 10_000:
        return 414, {"error": {"hint": "a path that no client sends"}}
    if route.has_body:
        return await ask(route.method, path.strip("/"), body=given)
    query = {
        key: [v.encode(errors="surrogateescape")[:20_000] for v in map(str, value)]
        if isinstance(value, list) else str(value).encode(errors="surrogateescape")[:20_000]
        for key, value in given.items()
    }  # fmt: skip
    return await ask(route.method, path.strip("/"), **query)


SETTINGS = [setting.name for setting in Config(root=Path()).settings()]


def test_in_the_settings(canary, project, monkeypatch):
    turns = itertools.count()
    before = (project.root / FILE_NAME).read_text()
    for setting in SETTINGS:
        for kind, name in tried(canary, IN_SETTINGS, next(turns)):
            document = tomlkit.parse(before)
            section, _, key = setting.partition(".")
            table = document.setdefault(section, tomlkit.table())
            with planned(setting, kind, "mlops.toml"):
                table[key] = name.encode(errors="replace").decode()
                (project.root / FILE_NAME).write_text(tomlkit.dumps(document), newline="")
                config = Config.load(project.root)
                api.as_json(config.settings())
            (project.root / FILE_NAME).write_text(before)
            if "\0" in name:
                continue
            with planned(setting, kind, "environment"), monkeypatch.context() as patch:
                patch.setenv(f"MLOPS_NB_{setting.replace('.', '_').upper()}", name[:100_000])
                config = Config.load(project.root)
                api.as_json(config.settings())


def leaves(part, path=()):
    for field in msgspec.structs.fields(part):
        kind = field.type
        if isinstance(kind, type) and issubclass(kind, descriptor.Part):
            yield from leaves(kind, (*path, field.name))
        else:
            yield (*path, field.name), kind


def value_at(part, path):
    for key in path:
        part = getattr(part, key)
    return list(part) if isinstance(part, tuple) else part


def test_in_a_descriptor(canary, project):
    """What is taken is what comes back from the YAML that we write of it."""
    turns = itertools.count()
    taken = 0
    for path, kind in leaves(descriptor.Descriptor):
        for name_kind, name in tried(canary, 8, next(turns)):
            value = {"dict": {name: name}, "tuple": [name]}.get(
                str(kind).partition("[")[0].rpartition(".")[2], name
            )
            data = {"name": "sample", "model": "latest"}
            place = data
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = value
            with planned(path, name_kind):
                file = project.root / "deployment.yaml"
                file.write_text(yaml.safe_dump(data), encoding="utf-8", errors="surrogatepass")
                found = descriptor.load(file)
                assert value_at(found, path) == value
                assert descriptor.of(yaml.safe_load(descriptor.text(found))) == found
                taken += 1
    assert taken > 20
