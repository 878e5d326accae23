"""What may be a secret where a name says that one follows: ``password: x``, ``API_KEY=x``, ``token = x``.

Most of what follows such a name in code is no secret: a type, a call, another name, a placeholder, the rest of a
sentence. The tables here say what these look like; ``plausible`` decides.

Invariant: pure, linear in the length of the value.
"""

from __future__ import annotations

import re

# Words after which any value is taken: people choose passwords, machines make tokens
STRONG = re.compile(
    r"pass|pw|psw|kennwort|contrase|senha|mot de|wachtwoord|l[öo]senord|adgangskode|salasana|has[łl]o|parola|heslo|jelsz"
    r"|пароль|密码|密碼|口令|パスワード|비밀번호"
)
WORDS = frozenset(
    [
        "string",
        "str",
        "text",
        "bytes",
        "bytearray",
        "number",
        "int",
        "integer",
        "float",
        "bool",
        "boolean",
        "any",
        "object",
        "array",
        "list",
        "dict",
        "map",
        "none",
        "null",
        "nil",
        "undefined",
        "true",
        "false",
        "optional",
        "required",
        "type",
        "value",
        "varchar",
        "char",
        "binary",
        "uuid",
        "date",
        "datetime",
        "secretstr",
        "securestring",
        "password",
        "passwd",
        "pwd",
        "pass",
        "passphrase",
        "passcode",
        "token",
        "tokens",
        "secret",
        "secrets",
        "key",
        "keys",
        "apikey",
        "credential",
        "credentials",
        "username",
        "user",
        "email",
        "login",
        "admin_password",
        "hidden",
        "visible",
        "disabled",
        "enabled",
        "invalid",
        "valid",
        "incorrect",
        "wrong",
        "missing",
        "expired",
        "empty",
        "blank",
        "unset",
        "unknown",
        "default",
        "yes",
        "no",
        "on",
        "off",
        "auto",
        "raw",
        "hash",
        "hashed",
        "plain",
        "plaintext",
        "encrypted",
        "bcrypt",
        "scrypt",
        "argon2",
        "sha1",
        "sha256",
        "sha512",
        "md5",
        "hmac",
        "base64",
        "utf8",
        "utf-8",
        "oauth",
        "oauth2",
        "oidc",
        "saml",
        "jwt",
        "bearer",
        "basic",
        "digest",
        "input",
        "output",
        "field",
        "form",
        "label",
        "name",
        "env",
        "environment",
        "config",
        "settings",
        "vault",
        "file",
        "stdin",
        "prompt",
        "interactive",
        "generated",
        "generate",
        "random",
        "reset",
        "change",
        "update",
        "forgot",
        "confirm",
        "confirmation",
        "new",
        "old",
        "current",
        "same",
        "must",
        "should",
        "is",
        "was",
        "will",
        "are",
        "not",
        "can",
        "cannot",
        "may",
        "has",
        "the",
        "a",
        "an",
        "in",
        "of",
        "to",
        "for",
        "from",
        "with",
        "and",
        "or",
        "redacted",
        "masked",
        "removed",
        "omitted",
        "filtered",
        "hidden",
        "private",
        "public",
        "static",
        "const",
        "final",
        "readonly",
        "self",
        "this",
        "return",
        "async",
        "await",
        "function",
        "self.password",
        "validators",
        "identifier",
        "eof",
        "whitespace",
        "comma",
        "colon",
        "newline",
        "operator",
        "keyword",
        "literal",
        "comment",
        "punctuation",
        "session",
        "cookie",
        "authentication",
        "authorization",
        "changed",
        "request",
        "response",
        "header",
        "headers",
        "param",
        "params",
        "query",
        "body",
        "here",
        "there",
        "enter",
        "obligatoire",
        "erforderlich",
        "requerido",
        "obligatorio",
        "richiesto",
        "verplicht",
        "todo",
        "tbd",
        "n/a",
        "na",
        "secreto",
        "geheim",
    ]
)
_BEGINS = re.compile(
    r"[<\[{$%*!&@#]{1,2}[\w{(<\[]|[<\[{$]|\W{1,99}$|[x*.•\-_?#0]{3,99}|(?P<c>.)(?P=c){2,99}$|your|%\w{1,40}%|"
    r"(?:op|vault|ssm|sops|secretsmanager|kms)[:+]|arn:|projects/|https?://|env[.:]|secrets\.|process\."
)
_HOLDS = re.compile(
    r"[.$<{%#*•…xyrc](?:\.\.|(?<=…)|(?<=[$#{%])[{(]|(?<=<)[a-z_ -]{1,40}>|(?<=[x*•])[x*•]{3}|(?<=\by)our\b|(?<=r)edacted|"
    r"(?<=c)hange[-_ ]?(?:me|this|it)\b)"
)
_SAMPLE = re.compile(
    r"example|sample|placeholder|dummy|replace|insert|some[-_ ]|my[-_]?(?:api|secret|token|pass|key|super)|\bfake|here$|todo|"
    r"goes|not[-_]?a[-_]?(?:real[-_]?)?(?:secret|key|token|password)|^(?:the|an?)[-_ ]"
)
_WORDY = re.compile(r"[^\W\d]{1,60}(?:[-_. ][^\W\d]{1,60}){0,8}[-_]?\d{0,3}")
_DOTTED = re.compile(r"[A-Za-z_$][\w$]{0,60}(?:(?:\?\.|\.|->|::)[A-Za-z_$][\w$]{0,60}){1,8}")
_NAMES = re.compile(r"pass|pwd|secret|token|key|cred|auth|login|hash")
_PATH = re.compile(r"(?:~|\.{1,2}|[a-z]:)?[\\/][\w .@+-]{0,80}(?:[\\/][\w .@+-]{0,80}){0,12}(?:\?\w{1,40}=\w{0,40})?")
_TECH = re.compile(
    r"(?:u?int|float|i|u|f|(?:scram-)?sha|md|aes|rs|hs|es|ps|utf-?|base|oauth|v|ipv|x|http|tls|t|k|rfc|iso)-?\d{1,4}(?:[-_.]\w{1,12}){0,3}"
)
_FILES = frozenset(
    [
        "py",
        "js",
        "ts",
        "tsx",
        "json",
        "yml",
        "yaml",
        "toml",
        "txt",
        "pem",
        "key",
        "crt",
        "env",
        "md",
        "go",
        "rs",
        "java",
        "rb",
        "php",
        "html",
        "cfg",
        "ini",
        "conf",
        "sh",
        "enc",
    ]
)


def strong(name: str) -> bool:
    """Whether any value after this name is taken for a secret."""
    return STRONG.search(name) is not None


_DIGIT, _LETTER, _SIGN = re.compile(r"\d"), re.compile(r"[^\W\d_]"), re.compile(r"[!@#$%^*+=~?]")
_REFERENCE = re.compile("|".join(f"(?:{one.pattern})" for one in (_PATH, _TECH)))


def _mixed(value: str) -> bool:
    """A digit beside letters, or a sign that no name has."""
    return bool(_LETTER.search(value)) if _DIGIT.search(value) else bool(_SIGN.search(value))


def placeholder(value: str) -> bool:
    """Whether ``value`` stands for a secret instead of being one."""
    low = value.lower()
    if low in WORDS or _BEGINS.match(low) or _HOLDS.search(low):
        return True
    return _SAMPLE.search(low) is not None and _WORDY.fullmatch(low) is not None


def _named(value: str) -> bool:
    """Whether a value speaks of secrets, as the names of variables do."""
    return _NAMES.search(value.lower()) is not None


def _random(value: str) -> bool:
    """Long and of upper, lower and digits: no path or name looks like this."""
    return len(value) >= 24 and value != value.lower() and value != value.upper() and _DIGIT.search(value) is not None


# Kana and their kanji: the rest of a sentence
_JAPANESE = re.compile(r"[^\x00-\x7f]*[\u3040-\u309f]{2}[^\x00-\x7f]*")


def _reference(value: str) -> bool:
    """A path, a file, a module's member, an algorithm; prose."""
    if _JAPANESE.fullmatch(value):
        return True
    if _random(value):
        return "." in value and _DOTTED.fullmatch(value) is not None and _named(value)
    if _REFERENCE.fullmatch(value) or ("." in value and value.rpartition(".")[2] in _FILES):
        return True
    return not _DIGIT.search(value) and _DOTTED.fullmatch(value) is not None


def quoted(name: str, value: str) -> bool:
    """Whether a value in quotation marks after ``name`` is a secret."""
    if placeholder(value) or _reference(value):
        return False
    if strong(name):
        if " " in value:
            return "phrase" in name or (value.count(" ") < 3 and any(char.isdigit() for char in value))
        return len(value) >= 3
    if " " in value or len(value) < 6:
        return False
    if _WORDY.fullmatch(value):
        return len(value) >= 8 and value.isalnum() and not value.isalpha() and not _named(value)
    return _mixed(value) or (value.isalpha() and len(value) >= 16)


def listed(name: str, value: str) -> bool:
    """As ``quoted``, where only a comma parts the two: ``define("PASSWORD", "x")``, but also a list of words."""
    return _mixed(value) and not _named(value) and quoted(name, value)


def bare(name: str, value: str, after: str, *, env: bool, tight: bool = False) -> bool:
    """Whether a value without quotation marks is a secret; ``after`` is the rest of its line, ``tight`` says that ``=``
    stands between the two without spaces, ``env`` that the name is in upper case as well."""
    if placeholder(value) or _reference(value) or after[:1] in ("(", "[", "{"):
        return False
    identifier = value.isidentifier() or _DOTTED.fullmatch(value) is not None
    if strong(name):
        if value.isdigit():
            return len(value) >= 4 and not after[:2].strip().isalpha()
        if not identifier or any(char.isdigit() for char in value):
            named = _named(value) and _WORDY.fullmatch(value) is not None
            return len(value) >= (3 if env else 4) and (env or not named)
        if "_" in value and _WORDY.fullmatch(value) and not env:
            return False
        ends = not after.strip(" \"'`|)\\.") or after[0] in ";&@"
        return ends and len(value) >= 5 and (env or not _named(value) or (value.isalpha() and len(value) > 10))
    if len(value) < (6 if tight else 8) or (value.isdigit() and len(value) < 16):
        return False
    if not _mixed(value):
        return value.isalpha() and len(value) >= 20 and not value.islower() and env
    if identifier and _WORDY.fullmatch(value):
        return not _named(value) and "_" not in value
    return _random(value) or sum(char.isdigit() for char in value) >= 2 or any(char in "!@#$%^*+=~" for char in value)


def spaced(name: str, value: str) -> bool:
    """Whether a word that only a space parts from ``name`` is a secret: it must not look like prose."""
    if len(value) < 6 or value.startswith("--") or (value.count("-") in (1, 2) and value.replace("-", "").isalpha()):
        return False
    if any(char.isdigit() for char in value):
        likely = any(char.isalpha() for char in value) and not _named(value)
    else:
        likely = (strong(name) and any(char in "!@#$%^*+=~" for char in value[:-1])) or value.count("-") >= 3
    return likely and not placeholder(value) and not _reference(value)
