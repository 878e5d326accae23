"""Secrets by what they look like, wherever a line speaks of secrets: ``Unseal Key 1: x``, ``client("id", "x") // admin key``.

The rules of ``assigned`` know how names and values are written; these know what random characters look like, and what people
choose as passwords, and ask only that what stands before them, or in a comment behind them, speaks of a secret.

Invariants: what is masked is the value alone; hashes, identifiers, public keys and what else is random and no
secret stays, where its name says so.
"""

from __future__ import annotations

import re
from itertools import islice

from ahocorasick_rs import AhoCorasick

from audit.rules import plausible
from audit.rules.assigned import EDGE, NO_LETTER, PASSWORDS
from audit.rules.base import Place, rule, starts

_SPEAKS = (
    "key", "secret", "token", "bearer", "erlang_cookie", "erlang cookie", "passw", "passphrase", "pwd", "credential", "apikey", "schlüssel", "schluessel", "geheim", "kennwort", "zugangsdaten",
    "clave", "secreto", "contraseñ", "chave", "segredo", "senha", "segreto", "chiave", "clé", "mot de passe", "jeton", "sleutel", "wachtwoord",
    "klucz", "hasł", "sekret", "nyckel", "lösenord", "nøgle", "nøkkel", "adgangskod", "passord", "avain", "salasan", "heslo", "klíč", "kľúč", "kulcs", "jelsz",
    "anahtar", "şifre", "ключ", "пароль", "токен", "секрет", "密钥", "密鑰", "密码", "密碼", "令牌", "キー", "パスワード", "トークン", "シークレット", "키", "비밀번호", "토큰",
)  # fmt: skip
# What is random and no secret, by the words beside it
_PLAIN = (
    "public", "öffentlich", "publik", "fingerprint", "thumbprint", "integrity", "sha1", "sha2", "sha3", "sha5", "sha-", "md5", "digest", "checksum", "commit",
    "revision", "etag", "cursor", "next", "page", "cache", "idempot", "primary", "foreign", "partition", "sort", "dedup", "uuid", "guid", "request",
    "trace", "cert", "nonce", "serial", "version", "build", "object", "blob", "schema", "bucket", "known_hosts", "known hosts", "authorized", "ssh-",
    "host key", "hostkey", "host_key", "tokeniz", "tokenis", "max_", "keyboard", "keyword", "encrypted",
)  # fmt: skip
_WORDS = AhoCorasick(_SPEAKS + _PLAIN)
_PLAIN_WORD, _MAYBE = re.compile(r"\b(?:pub|sha|kid|uid)\b|hash\b"), ("pub", "sha", "kid", "uid", "hash")
_IDENTIFIES = re.compile(r"(?:[_\-. ]id|Id|ID)s?$")
# ``name: ``, ``name = "``, ``"name": "``, ``:name, "``, ``<x name="name">``: what names a value. Read from the value backwards,
# so that each place is looked at once.
_NAMED = re.compile(
    r"[\"'`(\[{<]{0,3}(?:\s{0,40}(?:>=|=:|>-|[:=：>→|])\s{0,40}|(?<=[\"'])\s?,\s?)[\"'`*\])}]{0,3}(?P<eman>[^\n\"'`<>={}()\[\],;:]{1,60}+)"
)
_COMMENT = re.compile(r"[\"'`)\];,\s]{0,8}(?://|#|--|/\*|<!--|\()([^\n]{1,60})")
_HEX = re.compile(r"[0-9a-f]{32,128}|[0-9A-F]{32,128}")
_SECRET_ID = re.compile(r"secret(?:[ _-]?(?:id|value|key))?$|(?:upload|access|api|auth|deploy) token$")
_BACK, _NEAR = 160, 70
_RUN = re.compile("[A-Z]+|[a-z]+|[0-9]+")
_DOTTED = re.compile(r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){1,8}")
_LEAST, _MIXED, _PLAINER, _WORDY = 18, 0.4, 0.3, 0.4


def random(value: str) -> bool:
    """Whether the characters of ``value`` follow each other as chance has it. In words and names, letters of one case and
    digits stand together: a change of kind comes every five characters or so; in random ones, every two."""
    if _HEX.fullmatch(value):
        return len(set(value)) > 8
    runs = _RUN.findall(value)
    size, digits = len("".join(runs)), sum(map(str.isdigit, runs))
    if size < _LEAST or not digits or (len(value) < 40 and _DOTTED.fullmatch(value)):
        return False
    if value == value.lower() or value == value.upper():
        return len(runs) >= (_PLAINER if size >= 24 else _MIXED) * size and digits > 2 and size >= 20
    return len(runs) >= _MIXED * size and sum(len(one) for one in runs if len(one) > 3) < _WORDY * size


def _speaks(words: str) -> bool:
    """Whether ``words`` speak of a secret, and of nothing else that is random."""
    low = words.lower()
    found = _WORDS.find_matches_as_indexes(low.encode(errors="replace").decode(), overlapping=True)
    if not found or max(found)[0] >= len(_SPEAKS):
        return False
    return not (any(one in low for one in _MAYBE) and _PLAIN_WORD.search(low))


def _of_a_secret(text: str, found: re.Match[str]) -> bool | list[Place]:
    """Whether what names a random value, stands before it or in a comment behind it speaks of a secret. A value alone on its
    line is told by the line above; the end of a sentence is not its own."""
    start = found.start("v")
    before = text[max(0, start - _BACK) : start]
    line = before.rpartition("\n")[2]
    alone = not line.strip()
    if alone:
        line = before.rstrip().rpartition("\n")[2]
    named = None if alone else _NAMED.match(line[::-1])
    said = named["eman"][::-1].strip() if named else line[-_NEAR:]
    value = found["v"].rstrip("=.")
    comment = _COMMENT.match(text, found.end())
    if plausible.UUID.fullmatch(value):
        said = comment[1] if comment is not None and not _SECRET_ID.search(said.lower()) else said
        return named is not None and _SECRET_ID.search(said.lower().rstrip(") ")) is not None
    if (not _speaks(said) or _IDENTIFIES.search(said)) and (comment is None or not _speaks(comment[1])):
        return False
    own = found["v"].rstrip(".")
    return [(start, start + len(own))] if random(value) and not plausible.filled(value) else []


_LEADS = rf"{PASSWORDS}|log in|sign in|credentials"
_ANY = re.compile(r"[^:：\s\"'`()<>{}\[\]«»“”„「」,;|=/\\]{8,40}")
_BETWEEN = re.compile(r"[^={};\\|<>_/\d]*")
_MOST_WORDS = 8
_STRONG_SIGN, _SIGN = re.compile(r"[!$%^&*+#@~?](?!$)"), re.compile(r"[-_.!]")
_MAIL_OR_VERSION = re.compile(r"[^@]*@[\w-]{1,60}\.\w{2,}|v?\d{1,3}\..*|.*:\d{1,5}", re.IGNORECASE)


def _people_choose(value: str, *, surely: bool) -> bool:
    """Whether a word is what people choose: letters of both cases, and a sign that no word has, or signs and a digit."""
    if not _STRONG_SIGN.search(value):
        signs = len(_SIGN.findall(value))
        if signs < (1 if surely else 2) or not any(map(str.isdigit, value)):
            return False
    if (
        value in (value.lower(), value.upper())
        or _DOTTED.fullmatch(value)
        or _MAIL_OR_VERSION.fullmatch(value)
        or plausible.speaks(value)
    ):
        return False
    return plausible.quoted("password", value)


def _in_a_sentence(text: str, found: re.Match[str]) -> list[Place]:
    start, end = found.span("rest")
    named = text[start] in ":=："
    for one in islice(_ANY.finditer(text, start, end), _MOST_WORDS):
        at, stop = one.span()
        value = one[0].rstrip(".,:!?*_") if stop == end or text[stop] != " " else one[0].rstrip(".,:*_")
        if _people_choose(value, surely=found["lead"][:6] not in ("log in", "sign i", "creden")):
            # A name and its value are for other rules, and so is code.
            if (named and not text[start + 1 : at].strip(" \"'`")) or not _BETWEEN.fullmatch(text, start, at):
                return []
            return [(at, at + len(value))]
    return []


RULES = (
    rule(
        "secret", rf"(?P<lead>{_LEADS.replace(EDGE, NO_LETTER)})[^\W\d_]{{0,6}}+(?P<rest>(?=[\s\"'`:,：])[^\n]{{8,100}})", *starts(_LEADS), where="start", fold=True, check=_in_a_sentence,
        about="what people choose (`Tulip!Lamp7`) in a sentence that speaks of passwords or of logging in",
    ),
    rule(
        "secret", r"(?<![A-Za-z0-9+/_.~%@-])(?P<v>[A-Za-z0-9_-]{1,2}+[A-Za-z0-9+/_.~-]{16,198}+={0,2})(?![\w+/~@%-])", *_SPEAKS, loose=True, check=_of_a_secret,
        about="what only a machine writes (random letters and digits) on a line that speaks of keys, tokens, passwords, in twenty languages",
    ),
)  # fmt: skip
