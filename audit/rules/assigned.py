"""Secrets that the name before them tells: ``password: x``, ``API_KEY=x``, ``<token>x</token>``, ``--secret x``.

Invariants: what is masked is the value alone, its name and its quotation marks stay; a value stands on the line of its
name, but for YAML's blocks; it is judged by ``plausible``, so that code that merely speaks of passwords stays.
"""

from __future__ import annotations

import re

from audit.rules import plausible
from audit.rules.base import Place, rule, starts
from audit.rules.words import PROSE, WORDS

PASSWORDS = (
    r"pass(?:word|wd|phrase|code|wort|key)?|pwd|\bpw|\bpsw|\bpsk|\bmdp|kennwort|contrase[ñn]a|clave|senha|mot de passe|mot_de_passe|mot-de-passe|motdepasse|wachtwoord|"
    r"lösenord|losenord|adgangskode|salasana|hasł(?:o|em|a)|haslo|parola|şifre|sifre|heslo|geslo|lozinka|jelsz[óoa]|kata sandi|mật khẩu|"
    r"κωδικός|пароль|密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|รหัสผ่าน|كلمة المرور|סיסמה"
)
KEYS = (
    r"secret(?:[ _-]?(?:access[ _-]?)?key)?|token|credentials?|key|sess(?:ion)?[_-]?id|phpsessid|csrftoken|connect\.sid|_auth|auth_salt|"
    r"logged_in_salt|nonce_salt|x-auth|api[ -]?schl[üu]ssel|api[ -]sleutel|cl[ée] (?:d['’])?api|clave (?:de )?api|chave (?:de |da )?api|"
    r"chiave api|klucz api|ключ api|токен|api ?密钥|密钥|密鑰|令牌|api ?キー|トークン|シークレット|api 키|토큰"
)
_NAMES = f"{PASSWORDS}|{KEYS}"
# What makes a ``key`` a secret one
_QUALIFIED = re.compile(
    r"(?:api|access|secret|private|client|auth|authorization|encryption|encrypt|signing|signature|master|account|shared|subscription|licen[cs]e|"
    r"application|app|consumer|service|storage|webhook|hmac|admin|deploy|session|root|server|integration|ingest|write|project|site|functions|"
    r"host|bot|jwt|cookie|openai|anthropic|stripe|maps|live|logged_in|nonce|crypto|wallet|sendgrid|mailgun|twilio|datadog|user|wpa2?|wifi|wi-fi|wep|network)[ _.-]?$"
)
# What makes a ``token`` or a ``pass`` none
_OTHER = re.compile(r"public ?key|(?:by|com|en|im|over|sur|tres|under)$")
_SUFFIX = (
    r"(?:[_-]?(?:\d{1,3}|key[_-]?base|base|prod(?:uction)?|dev|test|stag(?:e|ing)|live|sandbox|value|v\d|primary|secondary|old|new|"
    r"current|default|main|backup|hex|b64|base64|key|sha256|hash|string|plain|here|again|confirm(?:ation)?))?"
)
EDGE, NO_LETTER = r"\b", "(?<![a-z])"
NEEDLES = starts(_NAMES)
# Whose it is, in languages that say so afterwards
_WHOSE = "(?: (?:saya|anda|kami|kita|yangu|mea|mia|الخاصة بي)(?![^\\W\\d_]))?"
SIGNED = rf"(?P<name>{_NAMES.replace(EDGE, NO_LETTER)}){_SUFFIX}(?![a-z0-9]){_WHOSE}"

_IS = r"is|was|ist|lautet|es|est|è|é|jest|är|er|on|являет?ся|are|adalah|هي|هو"
# An escaped end of a line or quotation mark ends a value: what is read may be JSON in a string
BARE = (
    r"[^\s\"'`,;&<>{}\[\]()|“”«»„「」『』，。；：！？）\\]{1,600}+"
    r"(?:\\(?![\\nrtu\"'])[^\s\"'`,;&<>{}\[\]()|“”«»„「」『』，。；！？）\\]{0,200}+){0,6}"
)
QUOTED = (
    r"(?P<q>(?P<e>\\{1,3})?[\"'`]|[“«„「『])(?P<quoted>(?(e)(?:(?!(?P=q))(?:\\{3}[\"']|[^\n])){1,600}+|"
    r"(?:(?!(?P=q))(?:\\[^\n]|[^\n”»“」』\\])){1,600}+))"
)
_ASSIGNED = (
    SIGNED
    + r"\\?[\"'`\])}>*_]{0,4}(?: ?\([^()\n]{1,24}\)|\.{2,24})?(?:\s?:\s?(?:&'?(?:static )?)?(?:str|string|secretstr|optional\[str\]|text|char\*?)\??(?=\s?=))?"
    + r"(?P<sep>[ \t\xa0]{0,40}(?:=>|:=|:-|={1,3}|[:：＝|→])[ \t\xa0\u3000]{0,4}(?:(?:[|>][-+]?)?\n[ ]{2,20}(?=[\"']|(?<=[ ])[^\s:]{6,200}\n))?"
    + r"|(?<=[\"'])\s?,\s{0,20}(?=[\"'])|\s?(?:\|\|=?|\?\?=?|\bor)\s?(?=[\"'`])|"
    + rf"\s(?:{_IS}|set to|changed to|reset to|equals|becomes|now):?\s|\s[-–—]\s|['’]s\s|は\s?|是\s?|为\s?|為\s?|은\s|는\s)"
    + r"(?:[a-z]{0,2}(?=[\"'])|@(?=\")|\*{1,2}(?=[^\s*]))?"
    + rf"(?:{QUOTED}|(?P<bare>{BARE}))"
)
_PROSE = re.compile(rf"\s(?:{_IS}|changed to|reset to|now):?\s|\s[-–—]\s|['’]s\s")
# ``&`` is a part of a value where no field of a form follows
_REST = re.compile(
    r"(?:&(?!&|#\d|(?:amp|quot|lt|gt|apos|nbsp);|\w{1,40}(?:=|%3d)|[\w.%\[\]-]{1,60}=)[^\s\"'`,;&<>{}\[\]()|\\]{1,200}){1,6}",
    re.IGNORECASE,
)
_FLAG = re.compile(r"(?<![\w-])--?(?:[a-z0-9]{1,20}[_-]){0,4}$")

# ``[openai_key]``, which is no name but what was masked before
_MASK_BEFORE, _MASK_AFTER = re.compile(r"\[[a-z_]{0,28}$"), re.compile(r"[a-z_]{0,28}\]")


def qualified(found: re.Match[str]) -> bool:
    """``key`` alone names all sorts of things, and ``bypass`` none."""
    start, name = found.start("name"), found["name"]
    if name in ("pass", "token") and _OTHER.search(found.string, max(0, start - 10), start):
        return False
    if _MASK_BEFORE.search(found.string, max(0, start - 30), start) and _MASK_AFTER.match(
        found.string, found.end("name")
    ):
        return False
    return name != "key" or _QUALIFIED.search(found.string, max(0, start - 16), start) is not None


def _assigned(text: str, found: re.Match[str]) -> list[Place]:
    if not qualified(found):
        return []
    # Clients of models number their sessions by it: a name, no secret.
    if found["name"].startswith("sess") and plausible.UUID.match(
        text, found.start("quoted" if found["quoted"] else "bare")
    ):
        return []
    if found["quoted"] is not None:
        return _in_quotes(text, found)
    return _without_quotes(text, found)


_WIFI = re.compile(r"(?:wi-?fi|wlan|wpa2?|ssid)[ _-]$")


def _name(found: re.Match[str]) -> str:
    """A wireless network's key is a password."""
    name, start = found["name"], found.start("name")
    return "psk" if name == "key" and _WIFI.search(found.string, max(0, start - 6), start) else name


def _in_quotes(text: str, found: re.Match[str]) -> list[Place]:
    start, end = found.span("quoted")
    value = text[start:end].rstrip("\\")
    holds = plausible.listed if "," in found["sep"] else plausible.quoted
    return [(start, start + len(value))] if value and holds(_name(found), value) else []


def _without_quotes(text: str, found: re.Match[str]) -> list[Place]:
    name, sep = _name(found), found["sep"]
    start, end = found.span("bare")
    value = text[start:end].rstrip(".:*_" if "*" in text[found.start("sep") : start] else ".:")
    end = start + len(value)
    if value.startswith("base64:"):
        start, value = start + 7, value[7:]
    if "@" in value and "://" in text[max(0, found.start("name") - 40) : found.start("name")]:
        # The user and the secret of a URL, then its host
        value = value[: value.index("@")]
        end = start + len(value)
    if value and text[end : end + 1] == "&" and (rest := _REST.match(text, end)):
        value, end = text[start : rest.end()], rest.end()
    if (
        not value
        or (name.startswith("credential") and ("/" in value or "%2" in value))
        or (value[0] in "?+" and sep[-1:] == ":")
    ):
        return []
    if _PROSE.fullmatch(sep):
        value = value.rstrip(".:?")
        return [(start, start + len(value))] if plausible.spaced(name, value) else []
    line = text.find("\n", end, end + 80)
    after = text[end : line if line >= 0 else end + 80]
    if value[-1] == "=" and after[:1] in ("'", '"', "{", "<"):
        return []
    written = text[found.start("name") : found.end("name")]
    tight = "=" in sep and " " not in sep
    env = written.isupper() and (tight or sep == ": ")
    return [(start, end)] if plausible.bare(name, value, after, env=env, tight=tight) else []


def _value(text: str, found: re.Match[str]) -> str:
    return text[found.start("v") : found.end("v")]


def _spaced(text: str, found: re.Match[str]) -> list[Place] | bool:
    if not qualified(found):
        return False
    value = _value(text, found)
    kept = value.rstrip("*_.!?" if text[found.start("v") - 1] in "*_" else ".")
    return [(found.start("v"), found.start("v") + len(kept))] if plausible.spaced(found["name"], kept) else []


def _element(text: str, found: re.Match[str]) -> bool:
    return qualified(found) and plausible.quoted(found["name"], _value(text, found))


def _listed(text: str, found: re.Match[str]) -> bool:
    return qualified(found) and plausible.listed(found["name"], _value(text, found))


def _shown(text: str, found: re.Match[str]) -> bool:
    """What a page shows beside the word: a value that does not look like a word."""
    return qualified(found) and plausible.spaced(found["name"], _value(text, found))


def _flag(text: str, found: re.Match[str]) -> bool | list[Place]:
    """A value on a command line; the next flag is none, nor what a usage line names, nor the rest of a sentence."""
    start = found.start()
    before = found.string[max(0, start - 60) : start]
    if "-" not in before or not _FLAG.search(before[before.rfind(" ") + 1 :]) or not qualified(found):
        return False
    quoted = text[found.start("v") - 1] in "\"'"
    value = _value(text, found) if quoted else _value(text, found).rstrip(")],;")
    if not value or value.startswith("-") or (not quoted and plausible.said(value, text[found.end("v") :][:12])):
        return False
    if plausible.quoted(found["name"], value) or plausible.spaced(found["name"], value):
        return [(found.start("v"), found.start("v") + len(value))]
    return False


_SETS = re.compile(r"(?:set|with|use|new|update|reset|change)_?$|= ?$|\.$")


def _called(text: str, found: re.Match[str]) -> bool:
    """``setPassword("x")``, not ``getSecret("name")``: a value with a digit or a sign that does not speak of secrets."""
    start, value = found.start("name"), _value(text, found)
    prefix = found.string[max(0, start - 16) : start]
    sets = _SETS.search(prefix) or _SETS.search(prefix[: prefix.rfind("_") + 1])
    return bool(sets) and qualified(found) and plausible.listed(found["name"], value)


_TAGS = r"(?:[ \t\n]{0,20}</?[a-z][a-z0-9]{0,11}(?: [^<>]{0,80})?>){1,4}"
_WORD = re.compile(r"[^\W\d_]{3,12}")


def _phrase(text: str, found: re.Match[str]) -> bool:
    """Words that make no sentence, where people choose the secret."""
    words = _WORD.findall(found["v"])
    return plausible.strong(found["name"]) and not any(word in PROSE or word in WORDS for word in words)


RULES = (
    rule(
        "secret", rf"{SIGNED}[ \t]{{1,4}}(?P<q>[\"'`])(?P<v>[^\"'`\n]{{6,100}})(?P=q)", *NEEDLES, where="start", fold=True, check=_listed, about="`:password \"x\"`, `password \"x\";`",
    ),
    rule(
        "secret", rf"{SIGNED}[\"']?\s?[:=]\s{{0,4}}[\"']?(?P<v>{plausible.FOUR_TIMES_FOUR}|[^\W\d_]{{3,12}}(?:[ -][^\W\d_]{{3,12}}){{3,7}})(?=[\"'\n]|$)", *NEEDLES,
        where="start", fold=True, check=_phrase, about="passphrases of words, application passwords of four times four letters",
    ),
    rule(
        "secret", SIGNED + r"[\"']?\s{1,20}[=:]\s\"[^\"\n]{0,200}\"\s->\s\"(?P<v>[^\"\n]{3,400})\"", *NEEDLES, where="start", fold=True, check=_element, only="->",
        about="what Terraform changes: `password = \"old\" -> \"new\"`",
    ),
    rule(
        "secret", _ASSIGNED, *NEEDLES, where="start", fold=True, check=_assigned,
        about="values after a name such as password, token, secret, api_key: env, JSON, YAML, code, `key: value`, in twenty languages",
    ),
    rule(
        "secret", rf"{SIGNED}(?: [^<>]{{0,80}})?>(?:<!\[cdata\[)?(?P<v>[^<>\s\[\]]{{3,400}}+)(?:\]\]>)?</", *NEEDLES, where="start", fold=True, check=_element, only="</",
        about="XML elements: `<password>x</password>`",
    ),
    rule(
        "secret", rf"{SIGNED}[\"'](?:\s[^<>]{{0,80}})?>\s{{0,8}}(?P<v>[^<>\s]{{3,400}}+)\s{{0,8}}</", *NEEDLES,
        where="start", fold=True, check=_element, only="</", about="XML properties: `<property name=\"password\">x</property>`",
    ),
    rule(
        "secret", rf"{SIGNED}\s?:?{_TAGS}\s{{0,4}}:?\s{{0,4}}(?P<v>[^\s<>\"'&]{{4,200}}+)", *NEEDLES, where="start", fold=True, check=_shown, only=">",
        about="pages and property lists: `Password: <b>x</b>`, `<td>Password</td><td>x</td>`, `<key>token</key><string>x</string>`",
    ),
    rule(
        "secret", rf"{SIGNED}\(\s{{0,8}}[\"'](?P<v>[^\"'\n]{{4,200}}+)[\"']\s{{0,8}}\)", *NEEDLES, where="start", fold=True, check=_called, only="(",
        about="`setPassword(\"x\")`, `PASSWORD('x')`",
    ),
    rule(
        "secret", rf"{SIGNED}(?:\s{{1,3}}|=)[\"']?(?P<v>[^\s\"'`]{{3,400}}+)", *NEEDLES, where="start", fold=True, check=_flag, only="-",
        about="command line flags: `--password x`",
    ),
    rule(
        "secret", rf"{SIGNED}[ \t]{{1,40}}(?:[\"'`]|\*{{1,2}}(?=[^\s*]))?(?P<v>[^\s\"'`,;&<>{{}}\[\]()|=:]{{6,400}}+)", *NEEDLES, where="start", fold=True, check=_spaced,
        about="`password hunter2`, `ENV API_TOKEN x`, .netrc, columns of keys and values",
    ),
)  # fmt: skip
