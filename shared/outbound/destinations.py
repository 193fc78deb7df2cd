"""The DICOMweb servers that results are sent to: named in a TOML file, never in a request.

[[destination]]
name = "pacs"
url = "https://pacs.example.org/dicom-web"
tenants = ["default"]                 # whose results; all, if left out
ca_file = "/etc/viscera/pacs-ca.pem"
authorization_file = "/run/secrets/pacs-header"      # the Authorization header, or:
[destination.oauth2]
token_url = "https://login.example.org/token"
client_id = "viscera"
client_secret_env = "PACS_SECRET"     # or client_secret_file
scope = "dicomweb"
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import VisceraError


class BadDestinations(VisceraError):
    """The file of destinations is missing or not valid."""

    code = "bad_destinations"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuth2(_Strict):
    """Client credentials (RFC 6749 4.4); the secret is in a file or in an environment variable."""

    token_url: str = Field(pattern=r"^https?://")
    client_id: str
    client_secret_file: Path | None = None
    client_secret_env: str | None = None
    scope: str | None = None

    @property
    def secret(self) -> str:
        """Return the client's secret; it is read at each use."""
        return _secret(self.client_secret_file, self.client_secret_env)

    @model_validator(mode="after")
    def _one_secret(self) -> OAuth2:
        if (self.client_secret_file is None) == (self.client_secret_env is None):
            raise ValueError("set client_secret_file or client_secret_env")
        return self


class Destination(_Strict):
    """A DICOMweb server that receives results by STOW-RS."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    url: str = Field(pattern=r"^https?://")
    tenants: tuple[str, ...] | None = None
    ca_file: Path | None = None
    authorization_file: Path | None = None
    authorization_env: str | None = None
    oauth2: OAuth2 | None = None
    seconds: float = Field(60.0, gt=0)

    @property
    def authorization(self) -> str | None:
        """Return the Authorization header, if one is configured."""
        if self.authorization_file is None and self.authorization_env is None:
            return None
        return _secret(self.authorization_file, self.authorization_env)


class _File(_Strict):
    destination: tuple[Destination, ...] = ()


def load(path: Path | None) -> dict[str, Destination]:
    """Return the destinations by name; none without a file.

    Raises BadDestinations.
    """
    if path is None:
        return {}
    try:
        entries = _File.model_validate(tomllib.loads(path.read_text())).destination
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadDestinations("The file of DICOMweb destinations can't be read.") from error
    except ValidationError as error:
        where = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors()[:5])
        raise BadDestinations(f"The file of DICOMweb destinations is not valid: {where}.") from error
    return {destination.name: destination for destination in entries}


def of_tenant(destinations: dict[str, Destination], tenant: str) -> list[str]:
    """Return the names of the destinations for a tenant's results."""
    return [
        name
        for name, destination in destinations.items()
        if destination.tenants is None or tenant in destination.tenants
    ]


def _secret(file: Path | None, variable: str | None) -> str:
    try:
        return file.read_text().strip() if file is not None else os.environ[variable or ""]
    except (OSError, KeyError) as error:
        raise BadDestinations("A secret of a DICOMweb destination can't be read.") from error
