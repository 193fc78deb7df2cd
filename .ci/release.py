"""Checks that the version is the same everywhere, or prepares a release.

    python .ci/release.py          exits 1 where copies, changelog or a tag of HEAD disagree with pyproject.toml
    python .ci/release.py X.Y.Z    writes the version everywhere and gives the changelog a section for it

Where the changelog has no release yet, pyproject.toml names the first one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "pyproject.toml"
_TOML = re.compile(r'^(version = ")([^"]+)(")', re.MULTILINE)
_JSON = re.compile(r'("name": "viscera-client",\s+"version": ")([^"]+)(")')
PLACES = {
    SOURCE: _TOML,
    "viscera_client/pyproject.toml": _TOML,
    "viscera_client/typescript/package.json": _JSON,
    "viscera_client/typescript/package-lock.json": _JSON,
}
"""Files that say the version; the first one decides, the others belong to packages that are installed alone."""
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
UNRELEASED = "## [Unreleased]"
HEADING = re.compile(rf"## \[({VERSION.pattern})\] - \d{{4}}-\d\d-\d\d")


def main(arguments: list[str]) -> int:
    """Check or prepare; return the exit status."""
    found = prepare(arguments[0]) if arguments else problems()
    for problem in found:
        print(problem)
    return 1 if found else 0


def problems() -> list[str]:
    """Return what disagrees, one sentence each."""
    version, sections = versions(SOURCE)[0], releases()
    found = [] if VERSION.fullmatch(version) else [f"{SOURCE} says {version}, which is not MAJOR.MINOR.PATCH"]
    for name in PLACES:
        others = set(versions(name)) - {version}
        found += [f"{name} says {other}, {SOURCE} says {version}" for other in sorted(others)]
    return [*found, *wrong_changelog(version, sections), *wrong_tags(version, sections)]


def wrong_changelog(version: str, sections: list[str]) -> list[str]:
    """Return what is wrong with the changelog's headings."""
    headings = [line for line in changelog().splitlines() if line.startswith("## ") and line != UNRELEASED]
    wrong = [line for line in headings if not HEADING.fullmatch(line)]
    found = [f"CHANGELOG.md has a heading that is no release: {line}" for line in wrong]
    if sections != sorted(sections, key=numbers, reverse=True):
        found.append("CHANGELOG.md does not have its newest release first")
    elif sections and sections[0] != version:
        found.append(f"the newest release of CHANGELOG.md is {sections[0]}, {SOURCE} says {version}")
    return found


def wrong_tags(version: str, sections: list[str]) -> list[str]:
    """Return what is wrong with the tags of HEAD."""
    here = tags()
    found = [f"HEAD has the tag {tag}, {SOURCE} says {version}" for tag in here if tag != f"v{version}"]
    if here and not sections:
        found.append(f"HEAD has the tag {here[0]}, and CHANGELOG.md has no section for it")
    return found


def prepare(version: str) -> list[str]:
    """Write a version everywhere and date the unreleased changes; return what forbids it."""
    if not VERSION.fullmatch(version):
        return [f"{version} is not MAJOR.MINOR.PATCH"]
    sections, text = releases(), changelog()
    if sections and numbers(version) <= numbers(sections[0]):
        return [f"{version} does not come after {sections[0]}"]
    before, _, rest = text.partition(f"{UNRELEASED}\n")
    if not re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip():
        return ["CHANGELOG.md has nothing that is unreleased"]
    for name, pattern in PLACES.items():
        path = ROOT / name
        path.write_text(pattern.sub(rf"\g<1>{version}\g<3>", path.read_text()))
    heading = f"## [{version}] - {datetime.now(UTC):%Y-%m-%d}"
    (ROOT / "CHANGELOG.md").write_text(f"{before}{UNRELEASED}\n\n{heading}\n{rest}")
    return []


def versions(name: str) -> list[str]:
    """Return every version that a file says."""
    return [match[2] for match in PLACES[name].finditer((ROOT / name).read_text())]


def changelog() -> str:
    """Return the text of the changelog."""
    return (ROOT / "CHANGELOG.md").read_text()


def releases() -> list[str]:
    """Return the releases of the changelog in its order."""
    return [match[1] for line in changelog().splitlines() if (match := HEADING.fullmatch(line))]


def tags() -> list[str]:
    """Return the tags of releases at HEAD; none where this is no git repository."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "tag", "--points-at", "HEAD"], capture_output=True, text=True, check=False
    )
    return [tag for tag in listed.stdout.split() if VERSION.fullmatch(tag.removeprefix("v")) and tag.startswith("v")]


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which compare."""
    return tuple(int(part) for part in version.split("."))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
