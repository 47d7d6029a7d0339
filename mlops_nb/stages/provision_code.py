"""Stage: fetch one commit of the code repository."""

from __future__ import annotations

from pathlib import Path

from mlops_nb.capture import git


def run(*, repo: str, sha: str, code: str) -> dict[str, str]:
    """Make a bare repository that holds the commit; later stages check out from it.

    Args:
        repo: A folder or a URL.
        sha: The commit.
        code: Path of the artifact: a folder that does not exist yet.

    Raises:
        CodeError: The repository cannot be read, or does not have the commit.
    """
    target = Path(code)
    target.parent.mkdir(parents=True, exist_ok=True)
    git.fetch(repo, sha, target)
    print(f"commit {sha} of {git.without_credentials(repo)}")
    return {}
