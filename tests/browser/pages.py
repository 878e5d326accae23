"""The admin's pages that browsers look at: in tests, and for the pictures in the documents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """``path`` below the bridge; ``text`` must be visible; ``picture``: it stands in the documents, with ``looks`` also
    in the dark and as on a phone; ``height`` of the picture, where it is another than the window's; ``at``: what is to
    be at its top."""

    name: str
    path: str
    text: str
    picture: bool = False
    looks: bool = False
    height: int = 0
    at: str = ""


PAGES = (
    Page("audit-dashboard", "/admin/?range=7d", "Requests by outcome", picture=True, looks=True, height=1_500),
    Page("audit-list", "/admin/audit/auditrecord/?range=7d", "Correlation id", picture=True, looks=True, height=1_150),
    Page(
        "audit-detail", "/admin/audit/auditrecord/{record}/change/", "Timeline", picture=True, looks=True, height=2_150
    ),
    Page(
        "audit-content",
        "/admin/audit/auditrecord/{record}/change/",
        "Unfold all",
        picture=True,
        looks=True,
        at="section[aria-label=Request]",
    ),
    Page("audit-failed", "/admin/audit/auditrecord/{failed}/change/", "Attempt 3"),
    Page("audit-interrupted", "/admin/audit/auditrecord/{interrupted}/change/", "Nobody knows how long it took"),
    Page("audit-long", "/admin/audit/auditrecord/{long}/change/", "Seen before by"),
    Page("audit-long-list", f"/admin/audit/auditrecord/?q={'c' * 64}", "Correlation id"),
    Page("audit-empty", "/admin/audit/auditrecord/?range=1h&model=nope", "as the filters want it"),
    Page("viewings", "/admin/audit/contentviewing/", "Content viewings"),
    Page(
        "mappings",
        "/admin/bridge_api/modelmapping/?try=claude-opus-5-5%5B1m%5D",
        "gpt-6.2-sol",
        picture=True,
        height=920,
    ),
    Page(
        "mapping",
        "/admin/bridge_api/modelmapping/{mapping}/change/",
        "Reasoning effort is",
        picture=True,
        height=1_560,
    ),
    Page(
        "mapping-history",
        "/admin/bridge_api/modelmapping/{mapping}/history/",
        "gpt-6.1-sol → gpt-6.2-sol",
        picture=True,
        height=480,
    ),
    Page("capabilities", "/admin/bridge_api/modelcapability/", "qwen3"),
    Page("capability", "/admin/bridge_api/modelcapability/add/", "Counted like"),
    Page("keys", "/admin/bridge_api/clientkey/", "team a", picture=True),
    Page("key", "/admin/bridge_api/clientkey/add/", "Requests per minute"),
)
BY_NAME = {page.name: page for page in PAGES}
