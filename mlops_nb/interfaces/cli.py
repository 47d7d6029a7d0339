"""`jupyter mlops <verb>`, and the words of `%mlops <verb>`: both parse with these commands.

What a command shows goes through a view, so that a terminal, a notebook cell and `--json` differ in
nothing else.
"""

from __future__ import annotations

import difflib
import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import click

from mlops_nb import api
from mlops_nb.exceptions import MlopsError, UsageError
from mlops_nb.interfaces import words
from mlops_nb.types import CommandLineText, Moment, Run, RunState
from mlops_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops_nb.types import Comparison, Deployment, Setting, Status, Verdict

EXIT_CODES = {RunState.FAILED: 1, RunState.LOST: 1, RunState.CANCELED: 130}


class View(Protocol):
    """How the result of a verb is shown."""

    def text(self, text: str) -> None:
        """Show a text as it is."""

    def run(self, moment: Moment) -> None:
        """Show a run as it is."""

    def runs(self, runs: Sequence[Run]) -> None:
        """Show a list of runs."""

    def follow(
        self, moments: Iterator[Moment], *, wait: bool, cancel: Callable[[], Run]
    ) -> Run | None:
        """Show a run as it goes on; return it as it ended, or None where nobody waited."""

    def comparison(self, comparison: Comparison) -> None:
        """Show runs side by side."""

    def status(self, status: Status) -> None:
        """Show what would be pinned."""

    def deployments(self, deployments: Sequence[Deployment]) -> None:
        """Show what is served."""

    def verdict(self, verdict: Verdict) -> None:
        """Show whether a run came out the same."""

    def settings(self, settings: Sequence[Setting]) -> None:
        """Show settings."""


class _Verbs(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self.commands)}"
            raise UsageError(f"there is no verb {args[0]!r}", hint=hint) from None


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mlops_nb")
@click.pass_context
def verbs(ctx: click.Context) -> None:
    """Pin, run, track and register notebooks."""
    if ctx.obj is None:
        # Not before a verb is known: the images of stages answer --version without it.
        from mlops_nb.interfaces.terminal import TerminalView

        ctx.obj = TerminalView()


_project = click.option(
    "--project", metavar="DIR", help="A folder of the project; the current one by default."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
_wait = click.option("--wait", is_flag=True, help="Stay until the run has ended.")
_rebuild_env = click.option(
    "--rebuild-env",
    is_flag=True,
    default=None,
    help="Run in an environment built from the recorded lock.",
)
_backend = click.option("--backend", metavar="NAME", help="Where the run goes: local, kubeflow.")
_run_id = click.argument("run_id", default="latest", metavar="[ID]")


@verbs.command()
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--example", metavar="NAME", help="Start from an example: quickstart.")
@_json
@click.pass_obj
def init(view: View, folder: str, example: str | None, as_json: bool) -> None:
    """Make a folder a project: git, DVC, mlops.toml."""
    done = api.init(folder, example=example)
    _show(as_json, {"done": done}, lambda: view.text("\n".join(done)))


@verbs.command()
@click.argument("notebook", required=False)
@_backend
@_project
@_json
@click.pass_obj
def status(
    view: View, notebook: str | None, backend: str | None, project: str | None, as_json: bool
) -> None:
    """Show what would be pinned now, and what is to be said about it."""
    found = api.status(notebook, backend=backend, project=project)
    _show(as_json, api.as_json(found), lambda: view.status(found))
    if found.snapshot is None:
        raise click.exceptions.Exit(1)


@verbs.command()
@click.argument("path")
@_project
@_json
@click.pass_obj
def track(view: View, path: str, project: str | None, as_json: bool) -> None:
    """Put a dataset under DVC, or its new version."""
    pointer = api.track(path, project=project)
    _show(as_json, {"pointer": pointer}, lambda: view.text(f"{path} is tracked by {pointer}"))


@verbs.command()
@click.argument("notebook", required=False)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A hyperparameter.")
@click.option("--train", metavar="PATH", help="Training dataset.")
@click.option("--test", metavar="PATH", help="Test dataset.")
@_backend
@_rebuild_env
@click.option("--cache/--no-cache", default=None, help="Skip what an earlier run has done.")
@click.option(
    "--push/--no-push", default=None, help="Push snapshot and data to their remotes first."
)
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this run."
)
@click.option("--dry-run", is_flag=True, help="Show what would run; keep and start nothing.")
@_wait
@_project
@_json
@click.pass_obj
def train(
    view: View,
    notebook: str | None,
    params: tuple[str, ...],
    train: str | None,
    test: str | None,
    backend: str | None,
    rebuild_env: bool | None,
    cache: bool | None,
    push: bool | None,
    settings: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Pin what is in front of you and train it as a pipeline run."""
    run = api.train(
        notebook,
        params=dict(_pair("--param", text) for text in params),
        train=train,
        test=test,
        backend=backend,
        rebuild_env=rebuild_env,
        cache=cache,
        push=push,
        settings=dict(_pair("--set", text) for text in settings),
        dry_run=dry_run,
        project=project,
    )
    if dry_run:
        _show(as_json, api.as_json(run), lambda: view.run(Moment(run=run)))
    else:
        _follow(view, run, wait=wait, project=project, as_json=as_json)


@verbs.command()
@click.option("--state", metavar="STATE", help="Only runs in this state, such as FAILED.")
@click.option("--notebook", metavar="PATH", help="Only runs of this notebook.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only runs that meet it, such as 'test_accuracy>0.9'; may be given again.",
)
@click.option(
    "--sort",
    metavar="NAME",
    help="created, seconds, metric.NAME or param.NAME; -NAME for the largest first.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=int, metavar="N", help="No more than so many.")
@_project
@_json
@click.pass_obj
def runs(
    view: View,
    state: str | None,
    notebook: str | None,
    where: tuple[str, ...],
    sort: str | None,
    reverse: bool,
    limit: int | None,
    project: str | None,
    as_json: bool,
) -> None:
    """List the project's runs, newest first."""
    found = api.runs(
        state=state,
        notebook=notebook,
        where=where,
        sort=sort,
        reverse=reverse,
        limit=limit,
        project=project,
    )
    _show(as_json, {"runs": api.as_json(found)}, lambda: view.runs(found))


@verbs.command()
@_run_id
@_project
@_json
@click.pass_obj
def show(view: View, run_id: str, project: str | None, as_json: bool) -> None:
    """Show a run: pins, stages, metrics, model, error."""
    moment = next(api.follow(run_id, project=project))
    _show(as_json, api.as_json(moment.run), lambda: view.run(moment))


@verbs.command()
@click.argument("run_ids", nargs=-1, metavar="ID ID...")
@_project
@_json
@click.pass_obj
def compare(view: View, run_ids: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Put runs side by side: parameters, metrics, pins, curves; differences first."""
    found = api.compare(*run_ids, project=project)
    _show(as_json, api.as_json(found), lambda: view.comparison(found))


@verbs.command()
@_run_id
@_project
@_json
@click.pass_obj
def watch(view: View, run_id: str, project: str | None, as_json: bool) -> None:
    """Follow a run to its end."""
    run = api.show(run_id, project=project)
    _follow(view, run, wait=True, project=project, as_json=as_json)


@verbs.command()
@_run_id
@click.option("--stage", metavar="STAGE", help="Only this stage; 'driver' for the engine's log.")
@_project
@_json
@click.pass_obj
def logs(view: View, run_id: str, stage: str | None, project: str | None, as_json: bool) -> None:
    """Print the log of a stage, or of all stages."""
    text = api.logs(run_id, stage=stage, project=project)
    _show(as_json, {"log": text}, lambda: view.text(text.rstrip("\n")))


@verbs.command()
@_run_id
@_project
@_json
@click.pass_obj
def cancel(view: View, run_id: str, project: str | None, as_json: bool) -> None:
    """End a run and all of its processes."""
    run = api.cancel(run_id, project=project)
    _show(as_json, api.as_json(run), lambda: view.run(Moment(run=run)))


@verbs.command()
@_run_id
@_wait
@_project
@_json
@click.pass_obj
def resume(view: View, run_id: str, wait: bool, project: str | None, as_json: bool) -> None:
    """Start an ended run again from the stage that failed."""
    run = api.resume(run_id, project=project)
    _follow(view, run, wait=wait, project=project, as_json=as_json)


@verbs.command()
@click.argument("run_id", metavar="ID")
@click.option("--force", is_flag=True, help="Even if a registered model version came from it.")
@_project
@_json
@click.pass_obj
def delete(view: View, run_id: str, force: bool, project: str | None, as_json: bool) -> None:
    """Delete an ended run, its snapshot and its run in MLflow."""
    deleted = api.delete(run_id, force=force, project=project)
    _show(as_json, {"deleted": deleted}, lambda: view.text(f"deleted run {deleted}"))


@verbs.command()
@_run_id
@click.option("--tolerance", type=float, default=1e-6, help="Relative difference of a metric.")
@_rebuild_env
@_project
@_json
@click.pass_obj
def reproduce(
    view: View,
    run_id: str,
    tolerance: float,
    rebuild_env: bool | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Run a run again from its record alone and compare: PASS or FAIL, and why."""
    verdict = api.reproduce(
        run_id, tolerance=tolerance, rebuild_env=bool(rebuild_env), project=project
    )
    _show(as_json, api.as_json(verdict), lambda: view.verdict(verdict))
    if not verdict.passed:
        raise click.exceptions.Exit(1)


@verbs.command()
@click.argument("run_id", metavar="ID")
@click.argument("file")
@_project
@_json
@click.pass_obj
def export(view: View, run_id: str, file: str, project: str | None, as_json: bool) -> None:
    """Write a run as one file: record, code, data, lock."""
    path = str(api.export(run_id, file, project=project))
    _show(as_json, {"file": path}, lambda: view.text(f"wrote {path}"))


@verbs.command(name="import")
@click.argument("file")
@_project
@_json
@click.pass_obj
def import_(view: View, file: str, project: str | None, as_json: bool) -> None:
    """Put a run that `export` wrote into this project."""
    run = api.import_(file, project=project)
    _show(as_json, api.as_json(run), lambda: view.run(Moment(run=run)))


@verbs.command(name="compile")
@click.option("--output", default=".", metavar="DIR", help="Folder to write to.")
@click.option(
    "--backend",
    default="local",
    metavar="NAME",
    help="kubeflow: as `publish` uploads them; otherwise the same for every project.",
)
@_project
@_json
@click.pass_obj
def compile_(view: View, output: str, backend: str, project: str | None, as_json: bool) -> None:
    """Write the pipelines' YAML, one file each."""
    files = [str(path) for path in api.compile(output, backend=backend, project=project)]
    _show(as_json, {"files": files}, lambda: view.text("\n".join(files)))


@verbs.command()
@click.argument("what", required=False, metavar="[RUN|MODEL|deployment.yaml]")
@click.option("--name", metavar="NAME", help="Name of the deployment.")
@click.option("--target", metavar="NAME", help="Where it is served: local.")
@click.option("--traffic", metavar="P", help="replace, shadow, or a canary's percentage.")
@click.option("--write", is_flag=True, help="Write deployment.yaml, and deploy nothing.")
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this once."
)
@_wait
@_project
@_json
@click.pass_obj
def deploy(
    view: View,
    what: str | None,
    name: str | None,
    target: str | None,
    traffic: str | None,
    write: bool,
    settings: tuple[str, ...],
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Put a model behind a REST endpoint: of a run, a version, a URI, or as a file describes it."""
    done = api.deploy(
        what,
        name=name,
        target=target,
        traffic=traffic,
        write=write,
        settings=dict(_pair("--set", text) for text in settings),
        project=project,
    )
    if isinstance(done, Run):
        _follow(view, done, wait=wait, project=project, as_json=as_json)
    else:
        _show(as_json, {"file": str(done)}, lambda: view.text(f"wrote {done}"))


@verbs.command()
@click.argument("name", required=False)
@click.option("--start", is_flag=True, help="Start those that do not run, as after a reboot.")
@_project
@_json
@click.pass_obj
def deployments(
    view: View, name: str | None, start: bool, project: str | None, as_json: bool
) -> None:
    """Show what is served: revisions, traffic, health, address."""
    found = api.deployments(name, start=start, project=project)
    _show(as_json, {"deployments": api.as_json(found)}, lambda: view.deployments(found))


@verbs.command()
@click.argument("name")
@click.option("--input", "data", default="-", metavar="FILE", help="JSON; - for standard input.")
@click.option("--revision", type=int, metavar="N", help="Ask this one, whatever its traffic.")
@_project
@_json
@click.pass_obj
def predict(
    view: View, name: str, data: str, revision: int | None, project: str | None, as_json: bool
) -> None:
    """Ask a deployment for predictions."""
    text = click.open_file(data, encoding="utf-8").read()
    found = api.predict(name, text, revision=revision, project=project)
    _show(as_json, {"predictions": found}, lambda: view.text(json.dumps(found)))


@verbs.command()
@click.argument("name")
@click.option("--canary", type=int, metavar="PERCENT", help="Of the newest revision.")
@click.option("--shadow", type=int, metavar="N", help="It gets a copy of each request; 0: none.")
@click.option("--promote", is_flag=True, help="Give the newest revision all requests.")
@click.option("--revision", type=int, metavar="N", help="In place of the newest one.")
@_project
@_json
@click.pass_obj
def traffic(
    view: View,
    name: str,
    canary: int | None,
    shadow: int | None,
    promote: bool,
    revision: int | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Change which revisions get the requests."""
    found = api.traffic(
        name, canary=canary, shadow=shadow, promote=promote, revision=revision, project=project
    )
    _show(as_json, api.as_json(found), lambda: view.deployments((found,)))


@verbs.command()
@click.argument("name")
@click.option("--revision", type=int, metavar="N", help="Go back to this one.")
@_project
@_json
@click.pass_obj
def rollback(
    view: View, name: str, revision: int | None, project: str | None, as_json: bool
) -> None:
    """Give all requests to the revision that served before."""
    found = api.rollback(name, revision=revision, project=project)
    _show(as_json, api.as_json(found), lambda: view.deployments((found,)))


@verbs.command()
@click.argument("name")
@click.option("--keep", is_flag=True, help="Keep it, for `deployments --start`.")
@_project
@_json
@click.pass_obj
def undeploy(view: View, name: str, keep: bool, project: str | None, as_json: bool) -> None:
    """Take a deployment down, once it has answered what it has."""
    done = api.undeploy(name, keep=keep, project=project)
    said = f"{done} is {'stopped' if keep else 'gone'}"
    _show(as_json, {"undeployed": done}, lambda: view.text(said))


@verbs.group()
def images() -> None:
    """Make the images that stages run in on a cluster."""


@images.command(name="build")
@click.option("--stage", "stages", multiple=True, metavar="NAME", help="Only this one: train.")
@click.option("--base", metavar="IMAGE", help="Image to build on, which has Python.")
@click.option("--push", metavar="REGISTRY", help="Push them, and note the digests in mlops.toml.")
@click.option("--engine", metavar="NAME", help="podman, docker or buildah.")
@_project
@_json
@click.pass_obj
def build_images(
    view: View,
    stages: tuple[str, ...],
    base: str | None,
    push: str | None,
    engine: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Build an image for every stage."""
    built = api.build_images(stages=stages, base=base, push=push, engine=engine, project=project)
    _show(
        as_json,
        {"images": api.as_json(built)},
        lambda: view.text("\n".join(map(words.image, built))),
    )


@verbs.command()
@_project
@_json
@click.pass_obj
def publish(view: View, project: str | None, as_json: bool) -> None:
    """Upload the pipelines to the Kubeflow server, where it lacks them."""
    done = api.publish(project=project)
    _show(as_json, {"pipelines": api.as_json(done)}, lambda: view.text(words.published(done)))


@verbs.command()
@_project
@_json
@click.pass_obj
def login(view: View, project: str | None, as_json: bool) -> None:
    """Log in at the Kubeflow endpoint, or look whether its token is there."""
    say = functools.partial(click.echo, err=True) if as_json else view.text
    who = api.login(project=project, say=say)
    _show(as_json, {"login": who}, lambda: view.text(f"logged in: {who}"))


@verbs.command()
@_project
@_json
@click.pass_obj
def logout(view: View, project: str | None, as_json: bool) -> None:
    """Forget the session at the Kubeflow endpoint."""
    done = api.logout(project=project)
    text = "logged out" if done else "no session of ours is kept"
    _show(as_json, {"logged_out": done}, lambda: view.text(text))


@verbs.command()
@_project
@_json
@click.pass_obj
def config(view: View, project: str | None, as_json: bool) -> None:
    """Show every setting, its value and its source."""
    settings = api.config(project=project)
    _show(as_json, {"settings": api.as_json(settings)}, lambda: view.settings(settings))


@verbs.command(name="help")
@click.argument("verb", required=False)
@click.pass_context
def help_(ctx: click.Context, verb: str | None) -> None:
    """Explain the verbs, or one of them."""
    parent = ctx.parent or ctx
    if verb is None:
        text = verbs.get_help(parent)
    else:
        _, command, _ = verbs.resolve_command(parent, [verb])
        assert command is not None  # noqa: S101  (resolve_command raises otherwise)
        text = command.get_help(click.Context(command, info_name=verb, parent=parent))
    ctx.obj.text(text)


def main() -> NoReturn:
    """Run a command line and exit: 0 done, 1 failed, 2 usage, 130 canceled."""
    arguments = sys.argv[1:]
    try:
        # In this mode click returns the code of an explicit exit, and the command's value if none.
        code = verbs.main(arguments, prog_name="jupyter mlops", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except MlopsError as error:
        _fail(arguments, type(error).__name__, error.message, error.hint)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except click.UsageError as error:
        hint = f"see: {error.ctx.command_path} --help" if error.ctx else "see: jupyter mlops help"
        _fail(arguments, "UsageError", error.format_message(), hint)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)


def _fail(arguments: Sequence[str], kind: str, message: str, hint: str) -> None:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"error": {"type": kind, "message": message, "hint": hint}}))


def _show(as_json: bool, data: Any, view: Callable[[], None]) -> None:
    if as_json:
        print(json.dumps(data, indent=2, allow_nan=False))
    else:
        view()


def _follow(view: View, run: Run, *, wait: bool, project: str | None, as_json: bool) -> None:
    if as_json:
        ended = list(api.watch(run.id, project=project))[-1] if wait else None
        _show(True, api.as_json(ended or run), lambda: None)
    else:
        try:
            # A click may come after the session has gone to another folder.
            cancel = functools.partial(api.cancel, run.id, project=project or Path.cwd())
            ended = view.follow(api.follow(run.id, project=project), wait=wait, cancel=cancel)
        except KeyboardInterrupt:
            view.text(f"run {run.id} goes on; follow it: watch {run.id}; end it: cancel {run.id}")
            raise
    if ended is not None and ended.state in EXIT_CODES:
        raise click.exceptions.Exit(EXIT_CODES[ended.state])


def _pair(option: str, text: str) -> tuple[str, CommandLineText]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{option} {text} has no value", hint=f"write it as {option} {name}=VALUE")
    return name, CommandLineText(value)
