"""Code and data, fetched by what pins them."""

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("code"), install_kfp_package=False)
def provision_code(volume: str, repo: str, sha: str, ref: str) -> str:
    """Fetch one commit of the code repository."""
    from mlops_nb.stages import execute

    return execute("provision-code", volume=volume, repo=repo, sha=sha, ref=ref)["code"]


@dsl.component(base_image=image("data"), install_kfp_package=False)
def provision_data(
    volume: str, repo: str, sha: str, train: str, test: str, other: str, earlier: str = ""
) -> str:
    """Fetch and verify the datasets as one commit of the data repository points at them."""
    from mlops_nb.stages import execute

    outputs = execute(
        "provision-data",
        volume=volume,
        repo=repo,
        sha=sha,
        train=train,
        test=test,
        other=other,
        earlier=earlier,
    )
    return outputs["data"]
