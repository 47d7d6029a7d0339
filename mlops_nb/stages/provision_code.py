"""Stage: fetch one commit of the code repository."""

from __future__ import annotations

from mlops_nb.capture import git
from mlops_nb.stages import volume as volumes


def run(*, repo: str, sha: str, ref: str, volume: str) -> dict[str, str]:
    """Make a bare repository that holds the commit; later stages check out from it.

    Args:
        repo: A folder or a URL.
        sha: The commit.
        ref: A ref of the repository that names the commit; servers that give no commit by its
            hash give it by that.
        volume: What the stages of the run share.

    Returns:
        `code`, the repository's place in the volume.

    Raises:
        CodeError: The repository cannot be read, or does not have the commit.
    """
    place = f"code/{sha}"
    target = volumes.folder(volume) / place
    if not target.exists():
        with volumes.filled(target) as scratch:
            git.fetch(repo, sha, scratch, ref=ref)
    volumes.keep_ref(volume, ref)
    print(f"commit {sha} of {git.without_credentials(repo)}")
    return {"code": place}
