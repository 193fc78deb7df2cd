"""Types of the arguments of the command line: each turns a text into a value, or says why not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import BadScan

if TYPE_CHECKING:
    from shared.imaging.volume import Organ

Spacing = tuple[float, float, float]


def existing(text: str) -> Path:
    """Return the path of a file or folder that exists."""
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError("no such file or folder")
    return path


def label_names(text: str) -> tuple[Organ, ...]:
    """Return the label set of the option --labels: `viscera`, or names from a JSON file."""
    from services.mesher.labels.names import read_names
    from shared.imaging.volume import ORGANS

    if text == "viscera":
        return ORGANS
    try:
        return read_names(existing(text))
    except BadScan as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def spacing(text: str) -> Spacing:
    """Return three sizes in mm from a text such as 3,1.5,1.5."""
    try:
        z, y, x = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError("three sizes in mm are needed: Z,Y,X") from None
    if min(z, y, x) <= 0:
        raise argparse.ArgumentTypeError("sizes must be above zero")
    return z, y, x


def dimse_node(args: argparse.Namespace) -> tuple[int, str] | None:
    """Return port and AE title of the DIMSE node of `serve`; None without one.

    Raises VisceraError where it could not start.
    """
    if args.dimse_port is None:
        return None
    from services.dimse import clients
    from shared.settings import Settings

    clients.check(Settings().dimse_clients, args.host, args.dimse_aet)
    return args.dimse_port, args.dimse_aet
