"""Checks the subjects and bodies of new commits: `python .ci/commits.py [REVISIONS]`.

A subject has at most 72 characters, starts with a capital letter and has no full stop. Its first word is a verb in the
imperative: not a past tense, not a third person. A body says why. Merges are not checked. Without REVISIONS all commits
after FIRST are checked.
"""

from __future__ import annotations

import re
import subprocess
import sys

FIRST = "8c0c3900"
"""The rule holds for commits after this one."""
SUBJECT = 72
NOT_IMPERATIVE = re.compile(
    r"^\w+(ed|ing)$|^(?!(?:Address|Process|Bypass|Compress|Discuss|Access|Pass|Focus)$)\w+[^aeious]s$"
)
EXCEPTIONS = {"Embed", "Feed", "Speed", "Need", "Seed", "Shed", "Bring", "String", "Ring", "Sling"}


def problems(subject: str, body: str) -> list[str]:
    """Return what is wrong with a commit's message, one sentence each."""
    found = []
    if len(subject) > SUBJECT:
        found.append(f"the subject has {len(subject)} characters, not at most {SUBJECT}")
    if not subject[:1].isupper():
        found.append("the subject does not start with a capital letter")
    if subject.endswith("."):
        found.append("the subject ends with a full stop")
    first = subject.split(" ", maxsplit=1)[0]
    if NOT_IMPERATIVE.match(first) and first not in EXCEPTIONS:
        found.append(f"{first!r} is not an imperative")
    if len(body.split()) < 5:
        found.append("the body does not say why")
    return found


def main(arguments: list[str]) -> int:
    """Print every problem; return the exit status."""
    revisions = arguments or [f"{FIRST}..HEAD"]
    known = subprocess.run(["git", "cat-file", "-e", FIRST], capture_output=True, check=False)
    if not arguments and known.returncode:
        print("the history is not complete here: commits are not checked")
        return 0
    log = subprocess.run(
        ["git", "log", "--no-merges", "--format=%h%x00%s%x00%b%x01", *revisions],
        capture_output=True,
        text=True,
        check=True,
    )
    status = 0
    for entry in filter(str.strip, log.stdout.split("\x01")):
        commit, subject, body = entry.strip("\n").split("\x00")
        for problem in problems(subject, body):
            print(f"{commit} {subject!r}: {problem}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
