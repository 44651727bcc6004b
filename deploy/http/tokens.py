"""The bearer token."""

import hmac
import os
from pathlib import Path

from degcraft.errors import DegcraftError
from deploy.http.errors import Refusal

TOKEN_VARIABLE = "DEGCRAFT_TOKEN"
_LEAST_TOKEN = 8


def read_token(token_file: str | None) -> str | None:
    """The token of the file, else of DEGCRAFT_TOKEN, else None.

    Raises:
        DegcraftError: the file cannot be read, or the token is shorter than 8 characters.
    """
    if token_file is not None:
        try:
            token, origin = Path(token_file).expanduser().read_text(encoding="ascii").strip(), token_file
        except (OSError, UnicodeDecodeError) as error:
            raise DegcraftError(f"token_file {token_file}: cannot be read ({error})") from error
    else:
        token, origin = os.environ.get(TOKEN_VARIABLE, "").strip(), TOKEN_VARIABLE
        if not token:
            return None
    if len(token) < _LEAST_TOKEN:
        raise DegcraftError(f"{origin}: a token must have at least {_LEAST_TOKEN} characters, but has {len(token)}")
    return token


def check_token(token: str, authorization: str | None) -> None:
    """Refuse a request whose header Authorization is not `Bearer` and the token."""
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        message = "The header Authorization must be 'Bearer' and this server's token."
        raise Refusal(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})
