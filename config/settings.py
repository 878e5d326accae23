"""Django settings, read from the environment by the table of ``config.settings_table``.

Invariant: a bad value stops the start with one line that names the setting, never a traceback of a request.
"""

from __future__ import annotations

import os
import secrets
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import environ
from csp import constants as csp
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from config.logging import logging_config
from config.settings_table import SETTINGS, Setting

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / "data"
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def _value(setting: Setting) -> Any:
    reader = {"str": env.str, "int": env.int, "float": env.float, "bool": env.bool, "list": env.list}
    try:
        value = reader[setting.kind](setting.name, default=setting.default)  # type: ignore[operator]
    except ValueError:
        raise ImproperlyConfigured(f"{setting.name}: expected a value of type {setting.kind}") from None
    if setting.minimum is not None and value < setting.minimum:
        raise ImproperlyConfigured(f"{setting.name}: expected at least {setting.minimum:g}")
    if isinstance(value, str):
        value = value.strip()
    if setting.choices and value.lower() not in setting.choices:
        raise ImproperlyConfigured(f"{setting.name}: expected one of {', '.join(setting.choices)}")
    return value


_read: dict[str, Any] = {setting.name: _value(setting) for setting in SETTINGS}

OPENAI_API_KEY: str = _read["OPENAI_API_KEY"]
OPENAI_ORGANIZATION: str = _read["OPENAI_ORGANIZATION"]
OPENAI_PROJECT: str = _read["OPENAI_PROJECT"]
OPENAI_DEFAULT_MODEL: str = _read["OPENAI_DEFAULT_MODEL"]
MODEL_MAP_JSON: str = _read["MODEL_MAP_JSON"]
COUNT_TOKENS_MODE: Literal["local", "upstream", "auto"] = _read["COUNT_TOKENS_MODE"].lower()
UPSTREAM_PROFILE: str = _read["UPSTREAM_PROFILE"].lower()
BRIDGE_CLIENT_AUTH: Literal["open", "keys", "passthrough"] = _read["BRIDGE_CLIENT_AUTH"].lower()
COUNT_TOKENS_TIMEOUT: float = _read["COUNT_TOKENS_TIMEOUT"]
HOST: str = _read["HOST"]
PORT: int = _read["PORT"]
WEB_CONCURRENCY: int = _read["WEB_CONCURRENCY"]
MAX_BODY_BYTES: int = _read["MAX_BODY_BYTES"]
BODY_READ_TIMEOUT: float = _read["BODY_READ_TIMEOUT"]
HEADER_READ_TIMEOUT: float = _read["HEADER_READ_TIMEOUT"]
UPSTREAM_CONNECT_TIMEOUT: float = _read["UPSTREAM_CONNECT_TIMEOUT"]
UPSTREAM_RESPONSE_TIMEOUT: float = _read["UPSTREAM_RESPONSE_TIMEOUT"]
UPSTREAM_IDLE_TIMEOUT: float = _read["UPSTREAM_IDLE_TIMEOUT"]
UPSTREAM_MAX_CONNECTIONS: int = _read["UPSTREAM_MAX_CONNECTIONS"]
UPSTREAM_RETRIES: int = _read["UPSTREAM_RETRIES"]
UPSTREAM_RETRY_DEADLINE: float = _read["UPSTREAM_RETRY_DEADLINE"]
PING_INTERVAL: float = _read["PING_INTERVAL"]
GRACEFUL_TIMEOUT: int = _read["GRACEFUL_TIMEOUT"]
AUDIT_REDACTION: Literal["full", "partial", "none"] = _read["AUDIT_REDACTION"].lower()
AUDIT_PLAIN_CONFIRMED: bool = _read["AUDIT_PLAIN_CONFIRMED"]
AUDIT_REQUIRED: bool = _read["AUDIT_REQUIRED"]
AUDIT_RETENTION_DAYS: int = _read["AUDIT_RETENTION_DAYS"]
AUDIT_MAX_ROWS: int = _read["AUDIT_MAX_ROWS"]
AUDIT_MAX_SIZE: str = _read["AUDIT_MAX_SIZE"]
AUDIT_ROLLUP_DAYS: int = _read["AUDIT_ROLLUP_DAYS"]
METRICS: Literal["loopback", "open", "off"] = _read["METRICS"].lower()
METRICS_TOKEN: str = _read["METRICS_TOKEN"]


def _secret_key() -> str:
    """The secret of this installation: made once, readable by its owner alone."""
    path = DATA_DIR / "secret_key"
    if path.exists():
        return path.read_text().strip()
    DATA_DIR.mkdir(mode=0o700, exist_ok=True)
    candidate = path.with_suffix(f".{os.getpid()}")
    candidate.touch(mode=0o600)
    candidate.write_text(secrets.token_urlsafe(64))
    try:
        # Of several workers that start together one wins, and all use its secret.
        os.link(candidate, path)
    except FileExistsError:
        pass
    finally:
        candidate.unlink()
    return path.read_text().strip()


SECRET_KEY = _read["SECRET_KEY"] or _secret_key()
OPENAI_BASE_URL: str = _read["OPENAI_BASE_URL"].rstrip("/")
DEBUG = _read["DEBUG"]
ALLOWED_HOSTS = _read["ALLOWED_HOSTS"]

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "bridge_api",
    "audit",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
UNFOLD = {
    "SITE_TITLE": "Bridge",
    "SITE_HEADER": "Bridge",
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "audit.dashboard.callback",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("bridge/favicon.svg")}],
}
LOGIN_REDIRECT_URL = "admin:index"
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database() -> dict[str, Any]:
    url = _read["DATABASE_URL"]
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////") and ":memory:" not in url:
        url = f"sqlite:///{BASE_DIR / url.removeprefix('sqlite:///')}"
    try:
        with warnings.catch_warnings(action="ignore"):
            database: dict[str, Any] = dict(environ.Env.db_url_config(url))
        engine = database["ENGINE"]
    except Exception:  # noqa: BLE001 - django-environ raises several kinds
        raise ImproperlyConfigured("DATABASE_URL: expected a URL such as sqlite:///data/bridge.sqlite3") from None
    if engine == "django.db.backends.sqlite3":
        Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
        }
    elif engine == "django.db.backends.postgresql":
        # A server that has gone without a word is noticed within seconds, not within the system's quarter of an hour.
        noticed = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_count": 3, "tcp_user_timeout": 10_000}
        database["OPTIONS"] = {**noticed, **database.get("OPTIONS", {})}
    return database


DATABASES = {"default": _database()}


def _beside_database() -> Path:
    database = DATABASES["default"]
    local = database["ENGINE"] == "django.db.backends.sqlite3" and ":memory:" not in database["NAME"]
    return Path(database["NAME"]).parent if local else DATA_DIR


AUDIT_SPOOL_DIR = Path(_read["AUDIT_SPOOL_DIR"] or _beside_database() / "audit-spool")
# What operators decided, for a start that finds its database away.
LAST_RULES_FILE = _beside_database() / "last-rules.json"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _read["BEHIND_HTTPS"]
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF, csp.NONCE],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
        "base-uri": [csp.NONE],
    }
}


def _client_address(request: Any) -> str | None:
    """Who logs in: the peer, or behind a proxy of ours the one that it names last."""
    named = request.META.get("HTTP_X_FORWARDED_FOR", "") if _read["BEHIND_HTTPS"] else ""
    return named.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR") or None


AXES_HANDLER = "audit.lockout.Handler"
AXES_FAILURE_LIMIT = 5
LOGIN_FAILURES_BY_ADDRESS = 20
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = _client_address
AXES_LOCKOUT_CALLABLE = "audit.admin.locked_out"
AXES_HTTP_RESPONSE_CODE = 429
AXES_SENSITIVE_PARAMETERS = ["username"]
AXES_USERNAME_CALLABLE = "audit.lockout.typed_name"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
SECURE_REFERRER_POLICY = "same-origin"
if _read["BEHIND_HTTPS"]:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
else:
    # On loopback there is no HTTPS to redirect to; bridge_api.checks warns when HOST is another address.
    SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"]

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(_read["LOG_LEVEL"].upper(), _read["LOG_FORMAT"].lower())
