"""One way to send a request to an endpoint or an identity provider: with a time limit, one hop.

No redirect is followed here, so nothing that a request carries can reach another host; who follows
one decides what to send along. Errors name the place and never the query, which may hold a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import BackendError
from mlops_nb.runners.kubeflow.authentication.endpoint import place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response

TIMEOUT_S = (10, 30)


class Web:
    """A client with cookies of its own.

    Args:
        ca_file: Certificates to trust, in PEM.
    """

    def __init__(self, ca_file: str | None) -> None:
        import requests

        self._ca_file = ca_file
        self._session = requests.Session()
        # Without it, requests looks the host up in ~/.netrc and sends what stands there.
        self._session.auth = _unchanged

    def send(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the answer, also where it is an error or a redirect.

        Raises:
            BackendError: There is no answer.
        """
        import requests

        # Of the session it would give way to REQUESTS_CA_BUNDLE.
        verify: Any = self._ca_file or True
        try:
            return self._session.request(
                method,
                url,
                data=data,
                headers=headers,
                verify=verify,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.exceptions.SSLError:
            raise BackendError(
                f"{place(url)} has a certificate that is not trusted here",
                hint="name the file of its authority: kubeflow.ca_file in mlops.toml",
            ) from None
        except requests.RequestException as error:
            raise BackendError(
                f"{place(url)} gives no answer ({type(error).__name__})",
                hint=f"see whether it can be reached from here: curl -v {place(url)}",
            ) from None

    def cookie(self, url: str) -> str:
        """Return the header with the cookies that belong to an address, empty without any."""
        import requests
        from requests.cookies import get_cookie_header

        request = requests.Request("GET", url).prepare()
        return str(get_cookie_header(self._session.cookies, request) or "")


def _unchanged(request: PreparedRequest) -> PreparedRequest:
    return request
