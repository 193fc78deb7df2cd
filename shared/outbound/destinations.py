"""The DICOM systems that results are sent to: named in a TOML file, never in a request.

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

[[destination]]
name = "archive"
url = "dimse://ARCHIVE@10.1.2.3:104"  # by C-STORE to this AE title; dimses:// is TLS
calling_aet = "VISCERA"
modalities = ["SEG", "SR"]            # of the results that it receives; all, if left out
certificate_file = "/etc/viscera/viscera.crt"        # for TLS, if the destination wants one
key_file = "/etc/viscera/viscera.key"
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import VisceraError

AE_TITLE = r"^[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?$"
"""1 to 16 printable characters without a backslash, no space at either end (PS3.5 6.2, AE)."""
Modality = Literal["SEG", "SR", "RTSTRUCT", "M3D"]
"""Of a result."""
_BY_DIMSE = {"calling_aet", "certificate_file", "key_file"}


class BadDestinations(VisceraError):
    """The file of destinations is missing or not valid."""

    code = "bad_destinations"


class NotDelivered(VisceraError):
    """The destination did not confirm every instance; the sentence says why and has no personal data."""

    code = "not_delivered"


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
    """A system that receives results: a DICOMweb server by STOW-RS, or an application entity by C-STORE."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    url: str = Field(pattern=r"^(https?://|dimses?://[^@/\\]{1,16}@([^@:/]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}$)")
    tenants: tuple[str, ...] | None = None
    ca_file: Path | None = None
    authorization_file: Path | None = None
    authorization_env: str | None = None
    oauth2: OAuth2 | None = None
    calling_aet: str = Field("VISCERA", pattern=AE_TITLE)
    certificate_file: Path | None = None
    key_file: Path | None = None
    modalities: tuple[Modality, ...] | None = None
    seconds: float = Field(60.0, gt=0)

    @property
    def is_dimse(self) -> bool:
        """Return whether results go by C-STORE."""
        return self.url.startswith("dimse")

    @model_validator(mode="after")
    def _one_protocol(self) -> Destination:
        by_web = {"authorization_file", "authorization_env", "oauth2"}
        if foreign := self.model_fields_set & (by_web if self.is_dimse else _BY_DIMSE):
            raise ValueError(f"{foreign} does not fit to the url")
        return self

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
        raise BadDestinations("The file of DICOM destinations can't be read.") from error
    except ValidationError as error:
        where = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors()[:5])
        raise BadDestinations(f"The file of DICOM destinations is not valid: {where}.") from error
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
        raise BadDestinations("A secret of a DICOM destination can't be read.") from error
