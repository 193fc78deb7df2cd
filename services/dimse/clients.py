"""The application entities that may call: named in a TOML file that is read at each association.

[[client]]
aet = "CT1"                           # calling AE title
tenant = "default"                    # whose the instances are
networks = ["10.1.2.0/24"]            # from where; from anywhere, if left out
certificate = "9f86d081884c7d65..."   # SHA-256 of its TLS certificate (DER); any that the CA signed, if left out
store = true                          # false: C-ECHO only
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import VisceraError
from shared.outbound.addresses import embedded
from shared.outbound.destinations import AE_TITLE


class BadClients(VisceraError):
    """The file of calling AE titles is missing or not valid."""

    code = "bad_dimse_clients"


class Client(BaseModel):
    """A calling application entity, its tenant and its rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aet: str = Field(pattern=AE_TITLE)
    tenant: str = Field(min_length=1, max_length=40)
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] | None = None
    certificate: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    store: bool = True

    def is_met(self, aet: str, host: str, certificate: str | None) -> bool:
        """Return whether a caller is this client: its AE title, address, and SHA-256 of its certificate."""
        if aet != self.aet or (self.certificate is not None and certificate != self.certificate):
            return False
        if self.networks is None:
            return True
        address = embedded(ipaddress.ip_address(host.partition("%")[0]))
        return any(address in network for network in self.networks)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client: tuple[Client, ...] = ()


def load(path: Path) -> tuple[Client, ...]:
    """Return the clients of a file.

    Raises BadClients.
    """
    try:
        return _File.model_validate(tomllib.loads(path.read_text())).client
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadClients("The file of calling AE titles can't be read.") from error
    except ValidationError as error:
        where = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors()[:5])
        raise BadClients(f"The file of calling AE titles is not valid: {where}.") from error


def identify(path: Path | None, aet: str, host: str, certificate: str | None) -> Client | None:
    """Return the first client of the file that a caller is, None if there is none; without a file, anybody.

    Raises BadClients.
    """
    if path is None:
        return Client.model_construct(aet=aet, tenant="default")
    return next((client for client in load(path) if client.is_met(aet, host, certificate)), None)


def check(path: Path | None, host: str, aet: str) -> None:
    """Refuse to start a node that anybody in a network may send to, or with a file that is not valid.

    Raises VisceraError.
    """
    if not re.fullmatch(AE_TITLE, aet):
        raise VisceraError("An AE title has 1 to 16 characters and no backslash.", "bad_ae_title")
    if path is not None:
        load(path)
    elif not _is_loopback(host):
        detail = "Outside of this machine the DIMSE node needs a list of who may call: set VISCERA_DIMSE_CLIENTS."
        raise BadClients(detail)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
