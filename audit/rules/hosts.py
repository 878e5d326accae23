"""URLs that only a company's own network answers: they tell its people's tools and projects.

Invariant: a host is private by the end of its name or by a part that says so; the machine itself, containers and the
names inside a cluster are none.
"""

from __future__ import annotations

import re

from audit.rules.base import Place, rule

_PRIVATE = re.compile(
    r"(?:\.(?:internal|corp|intra|intranet|lan|local|localdomain|home\.arpa|priv|private|homelab|inhouse|corporate)|"
    r"(?:^|\.)(?:intranet|corp|intra)\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4})$",
)
_NONE = re.compile(
    r"(?:\.svc(?:\.cluster)?\.local|\.cluster\.local|(?:^|\.)(?:docker|metadata\.google|kubernetes|containers|minikube|lima|orb)\.(?:internal|local))$|^(?:your|my)[.-]"
)


def _private(text: str, found: re.Match[str]) -> list[Place]:
    host = found["host"].lower()
    if not _PRIVATE.search(host) or _NONE.search(host):
        return []
    return [(found.start(), found.start() + len(found[0].rstrip(".,;:!?*_\\")))]


RULES = (
    rule(
        "private_url",
        r"https?://(?:[^\s/@\"'<>`]{1,100}@)?(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})(?::\d{1,5})?(?![\w.-])(?:[/?#](?:(?!\\[nrt\"])[^\s\"'<>`|)\]},，。）]){0,500}+)?",
        "http://", "https://", family="personal", where="start", check=_private,
        about="URLs of hosts inside a company (`.internal`, `.corp`, `.intranet`, `.lan`, `.local`)",
    ),
)  # fmt: skip
