"""Every setting of the bridge: its name, type, default and meaning.

Invariant: this table is the one source; ``config.settings`` reads the environment by it, ``docs/settings.md`` is
written from it, and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bridge_api.profiles import PROFILES

Kind = Literal["str", "int", "float", "bool", "list"]


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    kind: Kind
    default: Any
    help: str
    minimum: float | None = None
    choices: tuple[str, ...] = ()


SETTINGS: tuple[Setting, ...] = (
    Setting("OPENAI_API_KEY", "str", "", "The key for the upstream. Without it every request is answered with 401."),
    Setting("OPENAI_BASE_URL", "str", "https://api.openai.com/v1", "Where the Responses API is."),
    Setting("OPENAI_ORGANIZATION", "str", "", "Sent as OpenAI-Organization when it is set."),
    Setting("OPENAI_PROJECT", "str", "", "Sent as OpenAI-Project when it is set."),
    Setting(
        "OPENAI_DEFAULT_MODEL",
        "str",
        "gpt-6.1-sol",
        "The model for names that no mapping fits. Empty: such names are answered with 404.",
    ),
    Setting(
        "MODEL_MAP_JSON",
        "str",
        "",
        'Which upstream model serves which name, as JSON: {"claude-haiku": "gpt-6-luna"} or {"models": {...}}. '
        "An exact name wins, then the longest prefix, then a name that is itself an upstream model, then the default.",
    ),
    Setting(
        "UPSTREAM_PROFILE",
        "str",
        "openai",
        "Which server is behind OPENAI_BASE_URL, so that nothing is sent that it refuses (docs/upstreams.md). With "
        "another one than openai the built-in models of the Claude families are not used.",
        choices=tuple(PROFILES),
    ),
    Setting(
        "BRIDGE_CLIENT_AUTH",
        "str",
        "open",
        "Who may use the bridge. open: anybody who reaches it. keys: clients with a key made in the admin or by "
        "create_client_key. passthrough: clients with their own key for the upstream, which is passed on.",
        choices=("open", "keys", "passthrough"),
    ),
    Setting(
        "COUNT_TOKENS_MODE",
        "str",
        "local",
        "Who counts for count_tokens. local: the bridge, at once, nothing is sent. upstream: the upstream's own count "
        "(exact, free of charge), with the local one where it does not come. auto: the upstream where the local count "
        "would be an estimate (pictures by URL, files by id, hosted tools, reasoning that was not seen), else local.",
        choices=("local", "upstream", "auto"),
    ),
    Setting("COUNT_TOKENS_TIMEOUT", "float", 3.0, "Seconds for the upstream's own count.", 0),
    Setting("HOST", "str", "127.0.0.1", "The address to listen on."),
    Setting("PORT", "int", 8000, "The port to listen on.", 0),
    Setting("WEB_CONCURRENCY", "int", 2, "How many worker processes serve.", 1),
    Setting(
        "DATABASE_URL",
        "str",
        "sqlite:///data/bridge.sqlite3",
        "The database; a relative SQLite path is below the project.",
    ),
    Setting(
        "AUDIT_REDACTION",
        "str",
        "full",
        "What the trail keeps of what was said (docs/redaction.md). full: shapes, lengths and keyed hashes. partial: "
        "text with secrets and personal data masked. none: everything as it is, only with AUDIT_PLAIN_CONFIRMED.",
        choices=("full", "partial", "none"),
    ),
    Setting("AUDIT_PLAIN_CONFIRMED", "bool", False, "Confirms AUDIT_REDACTION=none outside of DEBUG."),
    Setting(
        "AUDIT_REQUIRED",
        "bool",
        False,
        "Whether requests are refused (529 overloaded_error) while the trail's database cannot be written. Otherwise "
        "rows wait on disk and requests go on.",
    ),
    Setting(
        "AUDIT_SPOOL_DIR",
        "str",
        "",
        "Where rows wait for a database that is away, on a local disk. Empty: audit-spool beside the SQLite database, "
        "or in data.",
    ),
    Setting("AUDIT_RETENTION_DAYS", "int", 90, "audit_prune removes rows that are older. 0: none.", 0),
    Setting("AUDIT_MAX_ROWS", "int", 0, "audit_prune removes the oldest rows above this number. 0: none.", 0),
    Setting(
        "AUDIT_MAX_SIZE", "str", "", "audit_prune removes the oldest rows above this size, as 500M or 10G. Empty: none."
    ),
    Setting("AUDIT_ROLLUP_DAYS", "int", 730, "audit_prune removes sums by the hour that are older. 0: none.", 0),
    Setting(
        "METRICS",
        "str",
        "loopback",
        "Who may read /metrics (docs/metrics.md). loopback: who asks from this machine, and not through a proxy; open: "
        "anybody; off: nobody.",
        choices=("loopback", "open", "off"),
    ),
    Setting("METRICS_TOKEN", "str", "", "With it /metrics is for those who send it as a bearer token, from anywhere."),
    Setting("SECRET_KEY", "str", "", "Django's secret. Empty: one is made at random and kept in data/secret_key."),
    Setting("DEBUG", "bool", False, "Django's debug pages. Never in production."),
    Setting(
        "ALLOWED_HOSTS",
        "list",
        ["localhost", "127.0.0.1", "[::1]"],
        "Host names the admin answers to, separated by commas.",
    ),
    Setting(
        "BEHIND_HTTPS",
        "bool",
        False,
        "A proxy in front speaks HTTPS: cookies are secure and X-Forwarded-Proto is trusted.",
    ),
    Setting(
        "LOG_LEVEL",
        "str",
        "INFO",
        "DEBUG, INFO, WARNING or ERROR.",
        choices=("debug", "info", "warning", "error"),
    ),
    Setting(
        "LOG_FORMAT",
        "str",
        "json",
        "json: one object a line; console: plain text.",
        choices=("json", "console"),
    ),
    Setting("MAX_BODY_BYTES", "int", 32 * 1024 * 1024, "The largest request body, in bytes, decoded.", 1),
    Setting("BODY_READ_TIMEOUT", "float", 60.0, "Seconds for a request body to arrive.", 0),
    Setting("HEADER_READ_TIMEOUT", "float", 15.0, "Seconds for a request's headers to arrive.", 0),
    Setting("UPSTREAM_CONNECT_TIMEOUT", "float", 10.0, "Seconds to connect to the upstream.", 0),
    Setting("UPSTREAM_RESPONSE_TIMEOUT", "float", 600.0, "Seconds until the upstream's status.", 0),
    Setting("UPSTREAM_IDLE_TIMEOUT", "float", 300.0, "Seconds of silence in an upstream answer.", 0),
    Setting("UPSTREAM_MAX_CONNECTIONS", "int", 1000, "Connections to the upstream, for each worker.", 1),
    Setting("UPSTREAM_RETRIES", "int", 2, "Further tries after a failure that may heal.", 0),
    Setting("UPSTREAM_RETRY_DEADLINE", "float", 30.0, "Seconds after which no further try begins.", 0),
    Setting("PING_INTERVAL", "float", 10.0, "Seconds of silence after which a stream sends a ping.", 0),
    Setting("GRACEFUL_TIMEOUT", "int", 30, "Seconds for running requests to end when the server stops.", 0),
)

BY_NAME = {setting.name: setting for setting in SETTINGS}


def markdown() -> str:
    """The table as docs/settings.md has it."""
    lines = [
        "# Settings",
        "",
        "Read from the environment and from a `.env` file in the project. Made by `make docs` from",
        "`config/settings_table.py`.",
        "",
        "| name | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for setting in SETTINGS:
        default = ",".join(setting.default) if isinstance(setting.default, list) else str(setting.default)
        shown = f"`{default}`" if default else "(empty)"
        lines.append(f"| `{setting.name}` | {setting.kind} | {shown} | {setting.help.replace('|', '/')} |")
    return "\n".join(lines) + "\n"
