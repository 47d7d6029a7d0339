"""What a JSON web token says of itself, read without its signature.

The signature is checked by the server that the token is sent to. Here a token comes from the
issuer's token endpoint, over TLS, which OpenID Connect Core 1.0, section 3.1.3.7, accepts in its
place.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import LoginError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_IN = "log in: jupyter mlops login"
CLOCK_LEEWAY_S = 60


def read(token: str) -> dict[str, Any] | None:
    """Return the claims of a token, None where it is not a JSON web token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def checked(
    token: str, *, issuer: str, client_id: str, nonce: str | None, now: float
) -> dict[str, Any]:
    """Return the claims of an ID token that is meant for this client, now.

    Args:
        token: The ID token.
        issuer: Who must have made it.
        client_id: Whom it must have been made for.
        nonce: What the request for it said; None where there was no such request.
        now: Seconds since 1970.

    Raises:
        LoginError: It is for somebody else, out of time, or the answer to another request.
    """
    claims = read(token)
    if claims is None:
        raise _refused(issuer, "is not a JSON web token")
    if claims.get("iss") != issuer:
        raise _refused(issuer, "names another issuer (iss)")
    if client_id not in _audience(claims) or claims.get("azp", client_id) != client_id:
        raise _refused(issuer, f"is not for client {client_id} (aud)")
    if (expires := expiry(claims)) is None or expires + CLOCK_LEEWAY_S < now:
        raise _refused(issuer, "has expired (exp); does the clock of this machine go right?")
    if nonce is not None and claims.get("nonce") != nonce:
        raise _refused(issuer, "answers another request (nonce)")
    return claims


def expiry(claims: Mapping[str, Any]) -> float | None:
    """Return when a token expires, in seconds since 1970; None where it does not say."""
    value = claims.get("exp")
    return float(value) if isinstance(value, (int, float)) else None


def who(claims: Mapping[str, Any]) -> str:
    """Return the most readable name that a token has for its user, empty where it has none."""
    found = (claims.get(name) for name in ("email", "preferred_username", "name", "sub"))
    return next((value for value in found if isinstance(value, str) and value), "")


def description(token: str, now: float) -> str:
    """Return whose a token is and until when, as far as it says.

    Raises:
        LoginError: It has expired.
    """
    claims = read(token) or {}
    expires = expiry(claims)
    parts = [f"of {who(claims)}"] if who(claims) else []
    if expires is not None:
        at = f"{datetime.fromtimestamp(expires, timezone.utc):%Y-%m-%d %H:%M} UTC"
        if expires < now:
            raise LoginError(f"the token expired at {at}", hint="set a new one")
        parts.append(f"until {at}")
    return ", ".join(parts) or "opaque: it does not say whose it is"


def _audience(claims: Mapping[str, Any]) -> list[Any]:
    found = claims.get("aud")
    return found if isinstance(found, list) else [found]


def _refused(issuer: str, why: str) -> LoginError:
    return LoginError(f"the ID token of {issuer} {why}", hint=LOG_IN)
