"""Fails on a known vulnerability of a locked package; says in words what could not be asked.

    python .ci/audit.py requirements/*.txt [--osv URL] [--unaudited-ok]

PyPI is asked first, OSV if it knows nothing. Where neither answers, nothing is audited: the script says so and exits 3,
with `--unaudited-ok` 0, for a machine without the internet that must build all the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PIP_AUDIT = [str(Path(sys.executable).parent / "pip-audit"), "--disable-pip", "--require-hashes"]
OPTIONS = ["--progress-spinner", "off", "--format", "json", "--timeout", "10"]


def ask(locks: list[Path], *service: str) -> tuple[list[dict[str, Any]], str]:
    """What a service knows of the packages in these files, and how many it does not know or why it is silent."""
    files = [word for lock in locks for word in ("--requirement", str(lock))]
    done = subprocess.run([*PIP_AUDIT, *files, *OPTIONS, *service], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["no answer"])[-1]
    known = [one for one in found if "vulns" in one]
    return known, f"{len(found) - len(known)} unknown to it"


UNAUDITED = 3
"""Exit status where no advisory service answers."""


def audit(locks: list[Path], osv: list[str]) -> int:
    """Print what is known of the packages in these files and return the exit status."""
    services = {"PyPI": ["--vulnerability-service", "pypi"], "OSV": ["--vulnerability-service", "osv", *osv]}
    for name, service in services.items():
        known, rest = ask(locks, *service)
        if known:
            break
        tell(f"{name} can't tell: {rest}")
    else:
        tell("NOT AUDITED: no advisory service answers here; whether these packages are vulnerable is not known.")
        return UNAUDITED
    bad = [(one["name"], one["version"], vuln) for one in known for vuln in one["vulns"]]
    tell(f"{len(known)} packages audited by {name}, {rest}: {len(bad)} known vulnerabilities")
    for package, version, vuln in bad:
        tell(f"  {package} {version}: {vuln['id']}, fixed in {', '.join(vuln['fix_versions']) or 'no version'}")
    return int(bool(bad))


def tell(line: str) -> None:
    """Prints a line at once."""
    print(line, flush=True)


def main() -> None:
    """Audits the files named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("locks", type=Path, nargs="+")
    parser.add_argument("--osv", help="address of an OSV service of your own")
    parser.add_argument("--unaudited-ok", action="store_true", help="exit 0 where no advisory service answers")
    given = parser.parse_args()
    status = audit(given.locks, ["--osv-url", given.osv] if given.osv else [])
    sys.exit(0 if status == UNAUDITED and given.unaudited_ok else status)


if __name__ == "__main__":
    main()
