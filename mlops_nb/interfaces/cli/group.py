"""The group of all verbs."""

from __future__ import annotations

import difflib

import click

from mlops_nb.exceptions import UsageError
from mlops_nb.version import __version__


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
