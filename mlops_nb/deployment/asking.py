"""Ask a deployment for predictions, as its users do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import DeploymentError, UsageError

if TYPE_CHECKING:
    from mlops_nb.deployment import Endpoint

_TIMEOUT_S = 60


def predict(endpoint: Endpoint, data: Any) -> Any:
    """Return the predictions for data.

    Args:
        endpoint: The deployment's, or that of a revision.
        data: A DataFrame, an array, a list of rows, or a body of MLflow's `/invocations`.

    Raises:
        UsageError: The data are no JSON.
        DeploymentError: It gives no answer, or refuses.
    """
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                f"{endpoint.url}/invocations",
                data=body(data),
                headers={**endpoint.headers, "Content-Type": "application/json"},
                timeout=_TIMEOUT_S,
            )
        except requests.RequestException as error:
            raise DeploymentError(
                f"the deployment at {endpoint.url} gives no answer: {error}",
                hint="see how it is: jupyter mlops deployments",
            ) from error
    if not answer.ok:
        raise DeploymentError(
            f"the deployment refuses the request ({answer.status_code}): {_said(answer)}",
            hint="see what it takes: GET / of its URL tells the columns and an example",
        )
    return answer.json()["predictions"]


def body(data: Any) -> bytes:
    """Return the request for data.

    Raises:
        UsageError: They are no JSON.
    """
    if isinstance(data, (str, bytes)):
        try:
            return json.dumps(_request(json.loads(data))).encode()
        except ValueError as error:
            raise UsageError(
                f"the input is no JSON: {error}",
                hint='such as {"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}',
            ) from None
    return json.dumps(_request(data), default=_plain).encode()


def _request(data: Any) -> Any:
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        rows = data.astype(object).where(data.notna(), None).to_dict(orient="split")
        return {"dataframe_split": {"columns": rows["columns"], "data": rows["data"]}}
    if hasattr(data, "tolist"):
        return {"inputs": data.tolist()}
    if isinstance(data, list):
        return {"dataframe_records": data} if _are_records(data) else {"inputs": data}
    return data


def _are_records(rows: list[Any]) -> bool:
    return bool(rows) and all(isinstance(row, dict) for row in rows)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _said(answer: Any) -> str:
    try:
        told = answer.json()
    except ValueError:
        return str(answer.text)[:200]
    return str(told.get("message") or told.get("error") or told) if isinstance(told, dict) else ""
