"""Where this package's own source is, where it runs from a checkout."""

from __future__ import annotations

from pathlib import Path

from mlops_nb.capture import git


def labels(prefix: str) -> dict[str, str]:
    """Return the labels that say which source an image was built from, none where that is unknown.

    A package that was installed may lie inside a repository, but it is no part of one.
    """
    folder = Path(__file__).parent
    known = git.run(["ls-files", "--error-unmatch", Path(__file__).name], cwd=folder, check=False)
    if known.returncode:
        return {}
    sha = _told(folder, "rev-parse", "HEAD")
    url = git.without_credentials(_told(folder, "config", "--get", "remote.origin.url"))
    # A folder of this machine says nothing to others.
    return {f"{prefix}.revision": sha, f"{prefix}.source": url if "://" in url else sha}


def _told(folder: Path, *arguments: str) -> str:
    return git.run(arguments, cwd=folder, check=False).stdout.decode().strip()
