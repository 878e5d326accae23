"""Secrets that only their place tells: after a name, in a header, in a URL, on a command line.

Invariants: what is masked is the secret alone, its name and its quotation marks stay; the value is judged by
``plausible``, so that code that merely speaks of passwords stays.
"""

from __future__ import annotations

import re

from audit import validators
from audit.rules import plausible
from audit.rules.base import Place, after, rule, starts

_NAMES = (
    r"private_key_id|\bpw|\bpsw|pass(?:word|wd|phrase|code|wort)?|pwd|kennwort|contrase[ñn]a|senha|mot de passe|wachtwoord|lösenord|losenord|adgangskode|"
    r"salasana|hasło|haslo|parola|heslo|jelsz[óo]|пароль|密码|密碼|口令|パスワード|비밀번호|secret(?:[ _-]?(?:access[ _-]?)?key)?|token|credentials?|key|"
    r"sess(?:ion)?[_-]?id|phpsessid|csrftoken|connect\.sid|_auth"
)
# What makes a ``key`` a secret one
_QUALIFIED = re.compile(
    r"(?:api|access|secret|private|client|auth|authorization|encryption|encrypt|signing|signature|master|account|shared|subscription|licen[cs]e|"
    r"application|app|consumer|service|storage|webhook|hmac|admin|deploy|session|root|server|integration|ingest|write|project|site|functions|"
    r"host|bot|jwt|cookie|openai|anthropic|stripe|maps|live)[ _.-]?$"
)
_SUFFIX = (
    r"(?:[_-]?(?:\d{1,3}|key[_-]?base|base|prod(?:uction)?|dev|test|stag(?:e|ing)|live|sandbox|value|v\d|primary|secondary|old|new|"
    r"current|default|main|backup|hex|b64|base64|key|sha256|hash|string|plain|here|again|confirm(?:ation)?))?"
)
_EDGE, _NO_LETTER = r"\b", "(?<![a-z])"
_NEEDLES = starts(_NAMES)
_SIGNED = rf"(?P<name>{_NAMES.replace(_EDGE, _NO_LETTER)}){_SUFFIX}(?![a-z0-9])"

_ASSIGNED = (
    _SIGNED
    + r"\\?[\"'`\])}>*_]{0,3}(?:\s?:\s?(?:&'?(?:static )?)?(?:str|string|secretstr|optional\[str\]|text|char\*?)\??(?=\s?=))?"
    + r"(?P<sep>\s{0,8}(?:=>|:=|={1,3}|[:：＝|→])\s{0,4}|(?<=[\"'])\s?,\s?(?=[\"'])|"
    r"\s(?:is|was|ist|lautet|es|est|è|é|are|set to|equals|becomes):?\s|['’]s\s|は\s?|是\s?|为\s?)"
    + r"(?:[a-z]{0,2}(?=[\"'])|@(?=\"))?"
    + r"(?:(?P<q>\\{0,3}[\"'`]|[“«「])(?P<quoted>(?:(?!(?P=q))[^\n”»」]){1,600}+)|(?P<bare>[^\s\"'`,;&<>{}\[\]()|“«「]{1,600}+))"
)
_PROSE = re.compile(r"\s(?:is|was|ist|lautet|es|est|è|é|are)\s|['’]s\s")
_FLAG = re.compile(r"(?<![\w-])--?(?:[a-z0-9]{1,20}[_-]){0,4}$")
_TRAILING = ".:?"


# ``[openai_key]``, which is no name but what was masked before
_MASK_BEFORE, _MASK_AFTER = re.compile(r"\[[a-z_]{0,28}$"), re.compile(r"[a-z_]{0,28}\]")


# Verbs that end as a word for a password begins
_VERB = re.compile(r"(?:by|com|en|im|over|sur|tres|under)$")


def _qualified(found: re.Match[str]) -> bool:
    """``key`` alone names all sorts of things, and ``bypass`` none."""
    start = found.start("name")
    if found["name"] == "pass" and _VERB.search(found.string, max(0, start - 6), start):
        return False
    if _MASK_BEFORE.search(found.string, max(0, start - 30), start) and _MASK_AFTER.match(
        found.string, found.end("name")
    ):
        return False
    return found["name"] != "key" or _QUALIFIED.search(found.string, max(0, start - 16), start) is not None


def _assigned(text: str, found: re.Match[str]) -> list[Place]:
    name = found["name"]
    if not _qualified(found):
        return []
    which = "quoted" if found["quoted"] is not None else "bare"
    start, end = found.span(which)
    value = text[start:end].rstrip("\\") if which == "quoted" else text[start:end].rstrip(".:")
    end = start + len(value)
    if not value:
        return []
    if which == "quoted":
        holds = plausible.listed if "," in found["sep"] else plausible.quoted
        return [(start, end)] if holds(name, value) else []
    if name.startswith("credential") and "/" in value:
        return []
    if _PROSE.fullmatch(found["sep"]):
        value = value.rstrip(_TRAILING)
        return [(start, start + len(value))] if plausible.spaced(name, value) else []
    line = text.find("\n", end, end + 80)
    after = text[end : line if line >= 0 else end + 80]
    written = text[found.start("name") : found.end("name")]
    tight = "=" in found["sep"] and " " not in found["sep"]
    return [(start, end)] if plausible.bare(name, value, after, env=tight and written.isupper(), tight=tight) else []


def _spaced(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    return _qualified(found) and plausible.spaced(found["name"], value)


def _element(text: str, found: re.Match[str]) -> bool:
    return _qualified(found) and plausible.quoted(found["name"], text[found.start("v") : found.end("v")])


def _flag(text: str, found: re.Match[str]) -> bool:
    """A value on a command line; the next flag is none."""
    start = found.start()
    before = found.string[max(0, start - 60) : start]
    if "-" not in before or not _FLAG.search(before[before.rfind(" ") + 1 :]) or not _qualified(found):
        return False
    value = text[found.start("v") : found.end("v")]
    return not value.startswith("-") and (
        plausible.quoted(found["name"], value) or plausible.spaced(found["name"], value)
    )


def _pair(text: str, found: re.Match[str]) -> bool:
    return plausible.spaced("password", text[found.start("v") : found.end("v")])


def _bearer(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    long_enough = len(value) >= 20 or (len(value) >= 6 and any(char.isdigit() for char in value))
    return long_enough and not plausible.placeholder(value) and not (value.islower() and value.isalpha())


def _basic(text: str, found: re.Match[str]) -> bool:
    return validators.basic(text[found.start("v") : found.end("v")])


def _stated(text: str, found: re.Match[str]) -> bool:
    """Anything that is not a placeholder: the place is certain."""
    return not plausible.placeholder(text[found.start("v") : found.end("v")])


def _identified(text: str, found: re.Match[str]) -> bool:
    """As ``_stated``, where the words before are said of other things, too: in quotation marks, or with a digit."""
    value = text[found.start("v") : found.end("v")]
    quoted = text[found.start("v") - 1] in "\"'"
    return _stated(text, found) and not value.startswith("`") and (quoted or any(map(str.isdigit, value)))


def _userinfo(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    return not plausible.placeholder(value) or value.lower() in ("admin", "default", "secret")


_PAIR = re.compile(r"(?P<name>[!#$%&'*+.^_`|~\w-]{1,80})=(?P<v>[^;\s\"',]{1,4000})")
_DULL = re.compile(
    r"(?:path|domain|expires|max-age|samesite|version|secure|httponly|priority|theme|lang|locale|tz|currency)",
    re.IGNORECASE,
)


def _cookies(text: str, found: re.Match[str]) -> list[Place]:
    """The values of the pairs that may tell who someone is: six characters or more that are not a word."""
    pairs = _PAIR.finditer(text, found.start("v"), found.end("v"))
    return [
        pair.span("v")
        for pair in pairs
        if not _DULL.fullmatch(pair["name"]) and len(pair["v"]) >= 6
        and not plausible.placeholder(pair["v"]) and not (pair["v"].islower() and pair["v"].isalpha())
    ]  # fmt: skip


def _signature(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    return (
        len(value) >= 12
        and any(char.isdigit() or char.isupper() for char in value)
        and not plausible.placeholder(value)
    )


RULES = (
    rule(
        "secret", _ASSIGNED, *_NEEDLES, where="start", fold=True, check=_assigned,
        about="values after a name such as password, token, secret, api_key: env, JSON, YAML, code, `key: value`, in ten languages",
    ),
    rule(
        "secret", rf"{_SIGNED}>(?P<v>[^<>\s]{{3,400}}+)</", *_NEEDLES, where="start", fold=True, check=_element,
        about="XML elements: `<password>x</password>`",
    ),
    rule(
        "secret", rf"{_SIGNED}(?:\s{{1,3}}|=)[\"']?(?P<v>[^\s\"'`]{{3,400}}+)", *_NEEDLES, where="start", fold=True, check=_flag,
        about="command line flags: `--password x`",
    ),
    rule(
        "secret", rf"{_SIGNED}\s{{1,3}}[\"']?(?P<v>[^\s\"'`,;&<>{{}}\[\]()|=:]{{6,400}}+)", *_NEEDLES, where="start", fold=True, check=_spaced,
        about="`password hunter2`, `ENV API_TOKEN x`, .netrc",
    ),
    after(
        "secret", "requirepass|masterauth|passin pass:|passout pass:|sshpass -p",
        r"\s{0,2}[\"']?(?P<v>[^\s\"';,)]{3,200}+)", fold=True, check=_stated,
        about="passwords of Redis, openssl, sshpass",
    ),
    after(
        "secret", "identified by|with password|encrypted password|login password",
        r"\s{0,2}[\"']?(?P<v>[^\s\"';,)]{3,200}+)", fold=True, check=_identified,
        about="passwords of SQL users",
    ),
    rule(
        "secret", r"(?:mysql|mysqldump|mysqladmin|mariadb)(?P<x>[ ][^\n|;&]{0,80}?)?[ ]-p(?P<v>[^\s\"'`;]{3,80}+)", "mysql", "mariadb",
        check=_stated, about="`mysql -pPASSWORD`",
    ),
    rule(
        "secret", r"(?:redis-cli[ ][^\n|;&]{0,120}?-a|docker login[ ][^\n|;&]{0,120}?-p|htpasswd -\w{0,3}b\w{0,3} [^\s]{1,80} [^\s]{1,80})[ ][\"']?(?P<v>[^\s\"']{3,120}+)",
        "redis-cli", "docker login", "htpasswd", check=_stated, about="redis-cli -a, docker login -p, htpasswd -b",
    ),
    rule(
        "secret", r"(?<![\w-])(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"'/`]{1,80}:(?P<v>[^\s\"'`;]{3,200}+)", "-u", "--user", "--proxy-user",
        where="start", check=_stated, about="`curl -u user:password`",
    ),
    rule(
        "secret", r"echo [\"']?[a-z_][\w-]{0,31}:(?P<v>[^\s\"'|]{3,120})[\"']?\s?\|\s?(?:sudo )?chpasswd", "chpasswd", about="`chpasswd`",
    ),
    rule(
        "secret", r":(?:5432|\*):[\w*-]{1,40}:[\w*-]{1,40}:(?P<v>[^\s:]{3,200})", ":5432:", ":*:",
        where="start", about=".pgpass",
    ),
    after(
        "bearer", "bearer", r"[ :=]{1,3}[\"']?(?P<v>[a-z0-9._~+/=-]{6,4000}+)", fold=True, check=_bearer, about="bearer tokens",
    ),
    rule(
        "basic_auth", r"basic[ ]{1,2}(?P<v>[A-Za-z0-9+/]{6,400}+={0,2})", "basic ", "Basic ", "BASIC ", check=_basic, flags=re.IGNORECASE,
        about="basic authorization that decodes to user:password",
    ),
    after(
        "secret", "authorization",
        r"[\"']?\s{0,2}[:=,]\s{0,2}[\"']?(?:token|apikey|key|digest|negotiate|ntlm|bot|hmac|sso-key|genie-?key|discogs token=|splunk|zoho-oauthtoken)[ =](?P<v>[^\s\"',;]{8,2000}+)",
        fold=True, check=_stated, about="other authorization headers",
    ),
    after(
        "cookie", "cookie", r"2?[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?P<v>[!#$%&'*+.^_`|~\w-]{1,80}=[^\n\"]{1,6000}+)", fold=True, check=_cookies, about="the values in Cookie and Set-Cookie headers",
    ),
    after(
        "secret", r"\blogin|\bcredentials|\bcreds|\blog in|\bsign in", r"(?: (?:with|as|is|are|using))?:? (?P<user>[\w.@+-]{2,60}+)\s?[/|:]\s?(?P<v>[^\s\"'`,;]{6,80}+)",
        check=_pair, about="`login with user / password`",
    ),
    after(
        "secret", "mnemonic|seed phrase|recovery phrase|seed words|backup phrase", r"[\"']?(?: is)?\s?[:=]?\s{0,3}[\"']?(?P<v>[a-z]{3,8}(?: [a-z]{3,8}){11,23})(?![\w])",
        about="seed phrases of wallets",
    ),
    rule(
        "cookie", r"(?:-b|--cookie)[ =][\"'](?P<v>[\w.-]{1,80}=[^\n\"']{1,4000}+)", "-b ", "--cookie", check=_cookies,
        about="curl's cookies",
    ),
    rule(
        "url_password", r"://[^\s:/@\"'<>`]{0,100}+:(?P<v>[^\s/@\"'<>`]{1,200}+(?:@[^\s/@\"'<>`.:]{1,100}+(?=@))?)@[\w\[.-]", "://",
        check=_userinfo, about="passwords in URLs and connection strings",
    ),
    rule(
        "url_password", r"://(?P<v>[A-Za-z0-9_-]{20,200}+)@[\w.-]", "://", check=_signature, about="tokens as the user of a URL",
    ),
    rule(
        "url_signature",
        r"(?:[?&;]|&amp;)(?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|sig|signature|key|api_?key|auth|code|state|sv?c?token|"
        r"hmac|hash|ticket|access_key|key-pair-id|policy|awsaccesskeyid|password|pwd|pass|secret|client_secret|(?:[a-z]{1,20}_)?token|session(?:_?id)?|sid|jwt|assertion)=(?P<v>[^\s&\"'<>#;`)\]}]{3,4000}+)",
        "?", "&", fold=True, check=_signature, about="signatures, keys and tokens in URLs",
    ),
    rule(
        "secret", r"(?:accountkey|sharedaccesskey|sharedsecret|sharedaccesssignature)=(?P<v>[^\s;\"']{16,400}+)", "accountkey=", "shared", fold=True,
        check=_stated, about="Azure connection strings",
    ),
    after(
        "secret", "secret access key|secret_access_key|secretaccesskey|aws_secret|aws secret|aws-secret",
        r"[^\n]{0,30}?(?<![A-Za-z0-9/+])(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", about="AWS secrets after their name",
    ),
    rule(
        "secret", r"credential=(?P<v>[A-Z0-9]{16,24})/\d{8}/|(?<=[, ])Signature=(?P<s>[0-9a-f]{64})", "Credential=", "Signature=",
        flags=re.IGNORECASE, check=lambda text, found: [found.span("v") if found["v"] else found.span("s")],
        about="AWS's signed headers",
    ),
    after(
        "pin", r"\bpin(?: code)?|\botp|\bone[- ]time code|\bone[- ]time password|verification code|security code|\b2fa code|\bmfa code|\bcvv2?|\bcvc2?|\bpuk|\btan|login code|sms code|backup code",
        r"[\"']?(?:\s(?:is|was|ist)\s|\s{0,2}[:=：#]\s{0,2}|\s)[\"']?(?P<v>\d{3}[ -]?\d{3}|\d{3,8})(?![\d.,-]?\d|\s?(?:px|ms|s\b|%|kb|mb))",
        fold=True, about="PIN, one-time codes and card codes in context",
    ),
)  # fmt: skip
