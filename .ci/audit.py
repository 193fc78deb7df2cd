"""Fails on a known vulnerability of a locked package; says in words what could not be asked.

    python .ci/audit.py requirements/*.txt [--osv URL]

PyPI is asked first, OSV if it knows nothing. Where neither can be reached nothing is audited, which is told and fails
nothing: a machine without the internet builds all the same.
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


def audit(locks: list[Path], osv: list[str]) -> bool:
    """Whether nothing bad is known of what is in these files; tells what was found."""
    services = {"PyPI": ["--vulnerability-service", "pypi"], "OSV": ["--vulnerability-service", "osv", *osv]}
    for name, service in services.items():
        known, rest = ask(locks, *service)
        if known:
            break
        tell(f"{name} can't tell: {rest}")
    else:
        tell("NOT AUDITED: no advisory service can be reached from here")
        return True
    bad = [(one["name"], one["version"], vuln) for one in known for vuln in one["vulns"]]
    tell(f"{len(known)} packages audited by {name}, {rest}: {len(bad)} known vulnerabilities")
    for package, version, vuln in bad:
        tell(f"  {package} {version}: {vuln['id']}, fixed in {', '.join(vuln['fix_versions']) or 'no version'}")
    return not bad


def tell(line: str) -> None:
    """Prints a line at once."""
    print(line, flush=True)


def main() -> None:
    """Audits the files named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("locks", type=Path, nargs="+")
    parser.add_argument("--osv", help="address of an OSV service of your own")
    given = parser.parse_args()
    sys.exit(not audit(given.locks, ["--osv-url", given.osv] if given.osv else []))


if __name__ == "__main__":
    main()
