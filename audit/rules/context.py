"""Secrets that their place tells: in a header, a cookie, a URL, a connection string, after the words of a person.

Invariants: what is masked is the secret alone, its name and its quotation marks stay; a value that only stands for a
secret stays (``plausible``).
"""

from __future__ import annotations

import re

from audit import validators
from audit.rules import plausible
from audit.rules.assigned import PASSWORDS
from audit.rules.base import Place, after, rule, starts
from audit.rules.pairs import stated


def _pair(text: str, found: re.Match[str]) -> bool:
    return plausible.spaced("password", text[found.start("v") : found.end("v")])


def _bearer(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    long_enough = len(value) >= 20 or (len(value) >= 6 and any(char.isdigit() for char in value))
    return long_enough and not plausible.placeholder(value) and not (value.islower() and value.isalpha())


def _basic(text: str, found: re.Match[str]) -> bool:
    return validators.basic(text[found.start("v") : found.end("v")])


def _userinfo(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    return not plausible.placeholder(value) or value.lower() in ("admin", "default", "secret")


def _no_sample(text: str, found: re.Match[str]) -> bool:
    return not plausible.placeholder(text[found.start("v") : found.end("v")])


_PAIR = re.compile(r"(?P<name>[!#$%&'*+.^_`|~\w-]{1,80})=(?P<v>[^;\s\"',\\]{1,4000})")
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


_CREDENTIAL = re.compile(r"[A-Za-z0-9]{16,128}(?=/|%2[Ff])")


def _signature(text: str, found: re.Match[str]) -> bool | list[Place]:
    """Of a credential only the id: its date, region and service are none."""
    start, end = found.span("v")
    value = text[start:end]
    if "redential=" in found[0] and (name := _CREDENTIAL.match(value)):
        return [(start, start + name.end())]
    kept = value.rstrip(".,:!\\*")
    sound = (
        len(kept) >= 12 and any(char.isdigit() or char.isupper() for char in kept) and not plausible.placeholder(kept)
    )
    return [(start, start + len(kept))] if sound else []


def _made(text: str, found: re.Match[str]) -> bool:
    """Twelve characters or more with two digits: no word, and no name of a variable."""
    value = text[found.start("v") : found.end("v")]
    likely = sum(map(str.isdigit, value)) >= 2 and any(map(str.isalpha, value))
    return likely and not (plausible.placeholder(value) or plausible.filled(value) or plausible.slug(value))


def _session(text: str, found: re.Match[str]) -> bool:
    """What servers make: sixteen characters or more with digits, but no UUID."""
    value = text[found.start("v") : found.end("v")]
    return _made(text, found) and not plausible.UUID.fullmatch(value) and not plausible.speaks(value)


_ENTRY = re.compile(r"[\"'](?P<name>[^\"'\n]{1,80})[\"']\s?:\s?[\"'](?P<v>[^\"'\n]{6,3000})[\"']")


def _mapped(text: str, found: re.Match[str]) -> list[Place]:
    """As ``_cookies``, of a mapping."""
    return [
        one.span("v")
        for one in _ENTRY.finditer(text, found.start("v"), found.end("v"))
        if not _DULL.fullmatch(one["name"]) and not plausible.placeholder(one["v"]) and not (one["v"].islower() and one["v"].isalpha())
    ]  # fmt: skip


def _jar(text: str, found: re.Match[str]) -> bool:
    value = found["v"]
    mixed = any(map(str.isdigit, value)) or (value != value.lower() and len(value) >= 16)
    return mixed and not _DULL.fullmatch(found["name"])


_ARE = r"is|was|ist|lautet|es|est|è|é|jest|är|er|είναι|היא|هي|है|adalah"
_WORDS_BETWEEN = rf"(?: (?!(?:{_ARE}) )[^\W\d_](?:[^\s\d_:=.!?]|\.(?=\w)){{0,24}}+){{0,7}}"
_TOLD = rf"(?:{PASSWORDS.replace(chr(92) + 'b', '(?<![a-z])')})(?P<ending>[^\W\d_]{{0,6}}+){_WORDS_BETWEEN}(?:\s?[:：=]|\s(?:{_ARE}):?|\s[–—-])[ \t\xa0]{{1,2}}[\"'`*_“«„「]{{0,3}}(?P<v>[^\s\"'`“”«»„「」]{{6,80}}+)"


_CALL = re.compile(r"[\w.$:>-]{1,60}[(\[]")


def _told(text: str, found: re.Match[str]) -> list[Place]:
    """``the password for the wifi is x``: a word that no dictionary has."""
    start, end = found.span("v")
    # A mark in the middle of a sentence is the password's own
    own = text[end : end + 1] == " " and text[end + 1 : end + 2].islower() and text[end - 1] in "!?"
    value = text[start:end] if own else text[start:end].rstrip(".,;:!?)*_。，")
    return [(start, start + len(value))] if plausible.spaced("password", value) and not _CALL.match(value) else []


# What a URL calls a secret
_PARAMETERS = (
    r"x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|sig|signature|key|(?:x-)?api[_-]?key|auth|code|state|sv?c?token|"
    r"hmac|hash|ticket|access[_-]?key|key-pair-id|policy|awsaccesskeyid|password|passwd|pwd|pass|pw|secret|client[_-]?secret|(?:[a-z]{1,20}[_-]?)?token|"
    r"session(?:[_-]?id)?|sid|jwt|assertion|app_?id|app[_-]?key|(?:ocp-apim-)?subscription-key|auth[_-]?key|license[_-]?key|user[_-]?key|consumer[_-]?key|"
    r"secret[_-]?key|private[_-]?key|samlresponse|credential|otp|invite|hapikey|oauth_signature|oauth_nonce|magic|verification|confirm(?:ation)?(?:_code)?"
)
_CODE = re.compile(r"(?=[a-z-]{0,6}\d)[a-z0-9]{4,6}-[a-z0-9]{4,6}")


def _codes(text: str, found: re.Match[str]) -> list[Place]:
    return [one.span() for one in _CODE.finditer(text.lower(), *found.span("v"))]


RULES = (
    after(
        "bearer", "bearer", r"(?:[ :=]{1,3}| [\"']\s?\+\s?(?=[\"'])|, (?=[a-z0-9._-]{20})|(?:%20|\+)(?=[a-z0-9._-]{20})|[\"']\s?,\s{0,2}|_?auth\w{0,10}\s?[(,:=]\s?|(?:token)?\()[\"'`]?(?P<v>[a-z0-9._~+/=-]{6,4000}+)", fold=True, check=_bearer, about="bearer tokens",
    ),
    after(
        "basic_auth", "basic", r"(?: {1,2}|%20|[\"']\s?,\s{0,2}[\"'])(?P<v>[A-Za-z0-9+/]{6,400}+={0,2})", check=_basic,
        about="basic authorization that decodes to user:password",
    ),
    after(
        "secret", "authorization|x-auth",
        r"\\?[\"']?\s{0,2}[:=,]\s{0,2}\\?[\"'`]?(?!bearer|basic|aws4|signature|oauth |hawk)(?:discogs token=|[a-z][\w-]{1,24}[ =])?(?P<v>[a-z0-9._~+/:|-]{12,2000}+={0,2})(?![\w=(])",
        fold=True, check=_made, about="other authorization headers",
    ),
    after(
        "cookie", "cookie", r"2?[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?P<v>[!#$%&'*+.^_`|~\w-]{1,80}=[^\n\"]{1,6000}+)", fold=True, check=_cookies, about="the values in Cookie and Set-Cookie headers",
    ),
    after(
        "secret", r"\blogin|\bcredentials|\bcreds|\blog in|\bsign in|\buser:", r"(?: (?:with|as|is|are|using))?:? (?P<user>[\w.@+-]{2,60}+)\s?[/|:]\s?(?P<v>[^\s\"'`,;]{6,80}+)",
        check=_pair, about="`login with user / password`",
    ),
    after(
        "secret", "mnemonic|seed phrase|recovery phrase|seed words|backup phrase", r"[\"']?(?: is)?\s?[:=]?\s{0,3}[\"']?(?P<v>[a-z]{3,8}(?: [a-z]{3,8}){11,23})(?![\w])",
        about="seed phrases of wallets",
    ),
    rule(
        "secret", _TOLD, *starts(PASSWORDS), where="start", fold=True, check=_told, about="`the password for the wifi is x`, in twenty languages",
    ),
    rule(
        "cookie", r"(?:-b|--cookie)[ =][\"'](?P<v>[\w.-]{1,80}=[^\n\"']{1,4000}+)", "-b ", "--cookie", check=_cookies,
        about="curl's cookies",
    ),
    rule(
        "cookie", r"\t(?:TRUE|FALSE)\t[^\t\n]{0,200}\t(?:TRUE|FALSE)\t\d{1,12}\t(?P<name>[^\t\n]{1,100})\t(?P<v>[^\s]{8,4000}+)", "\tTRUE\t", "\tFALSE\t",
        where="start", check=_jar, about="cookies in Netscape's jars",
    ),
    after(
        "cookie", "cookies?", r"[\"']?\s?[=:]\s?\{(?P<v>[^{}\n]{5,3000}+)\}", fold=True, check=_mapped, about="`cookies={\"session\": \"x\"}`",
    ),
    after(
        "cookie", r"\bsession|\bsid|\bjsessionid|\bsessionid|\bphpsessid", r"\\?[\"']?\s?[=:]\s?\\?[\"']?(?P<v>[a-z0-9_.%~+/=-]{16,4000}+)", fold=True, check=_session,
        about="`session=` in logs",
    ),
    rule(
        "url_password", r":(?:\\{0,3}/){2}[^\s:/@\"'<>`]{0,100}+:(?P<v>[^\s/@\"'<>`]{1,200}+(?:@[^\s/@\"'<>`.:]{1,100}+(?=@))?)@[\w\[.-]", "://", ":\\/", ":\\\\/",
        check=_userinfo, about="passwords in URLs and connection strings",
    ),
    rule(
        "url_password", r"%3a(?:%2f){2}[^\s%]{0,100}+%3a(?P<v>(?:[^\s%/@\"'<>&]|%(?!40|2f)[0-9a-f]{2}){1,200}+)%40", "%3a%2f%2f", where="start", fold=True,
        check=_userinfo, about="passwords in URLs within URLs",
    ),
    rule(
        "url_password", r"://(?P<v>[A-Za-z0-9_-]{20,200}+)@[\w.-]", "://", check=_signature, about="tokens as the user of a URL",
    ),
    rule(
        "url_signature",
        rf"[?&;\\](?:amp;|u0026)?(?=[a-z0-9_-]{{2,40}}=)(?:{_PARAMETERS})=(?P<v>(?:(?!&amp;|\\u0026)[^\s&\"'<>#;`)\]}}]){{3,4000}}+)",
        "?", "&", ";", "\\u0026", fold=True, check=_signature, about="signatures, keys and tokens in URLs",
    ),
    after(
        "url_signature", r"/reset|/verify|/confirm|/activate|/invite|/invitation|/magic|/unsubscribe|/password|/accept",
        r"[\w-]{0,24}/(?:[\w-]{1,20}/)?(?P<v>[A-Za-z0-9_-]{24,400}+)(?![\w.-])", check=_session, about="tokens in the path of a URL",
    ),
    rule(
        "url_signature", r"/private-(?P<v>[0-9a-f]{32})/", "/private-", where="start", about="private addresses of calendars",
    ),
    after(
        "secret", "primarykey|secondarykey|primarymasterkey|secondarymasterkey|primary_access_key|secondary_access_key|primaryreadonlymasterkey",
        r"\\?[\"']?\s?[:=]\s?\\?[\"']?(?P<v>[A-Za-z0-9+/_-]{32,200}+={0,2})", check=_made, about="keys of Azure's services",
    ),
    after(
        "bearer", "samlresponse|samlassertion|wresult|client_assertion|assertion|logintoken", r"(?:=|\"\s(?:type=\"hidden\"\s)?value=\"|\"\s?:\s?\")(?P<v>[A-Za-z0-9+/=_.%-]{24,12000}+)", check=_made,
        about="assertions of single sign-on",
    ),
    rule(
        "secret", r"(?:accountkey|sharedaccesskey|sharedsecret|sharedaccesssignature)=(?P<v>[^\s;\"']{16,400}+)", "accountkey=", "sharedaccesskey=", "sharedsecret=", "sharedaccesssignature=", fold=True, where="start",
        check=stated, about="Azure connection strings",
    ),
    after(
        "secret", "secret access key|secret_access_key|secretaccesskey|aws_secret|aws secret|aws-secret",
        r"[^\n]{0,30}?(?<![A-Za-z0-9/+])(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", check=_no_sample, about="AWS secrets after their name",
    ),
    rule(
        "secret", r"credential=(?P<v>[A-Z0-9]{16,24})/\d{8}/|(?<=[, ])Signature=(?P<s>[0-9a-f]{64})", "Credential=", "Signature=",
        flags=re.IGNORECASE, check=lambda text, found: [found.span("v") if found["v"] else found.span("s")],
        about="AWS's signed headers",
    ),
    after(
        "pin", "backup codes?|recovery codes?|scratch codes?", r"[\"']?\s{0,2}[:=]?\s{0,4}(?P<v>(?:[a-z0-9]{4,6}-[a-z0-9]{4,6}[\s,;]{0,4}){1,20})", fold=True,
        check=_codes, about="backup codes",
    ),
    after(
        "pin", r"\bpin(?: code)?|\botp|\bone[- ]time code|\bone[- ]time password|verification code|security code|\b2fa code|\bmfa code|\bcvv2?|\bcvc2?|\bpuk|\btan|login code|sms code|backup code",
        r"[\"']?(?:\s(?:is|was|ist)\s|\s{0,2}[:=：#]\s{0,2}|\s)[\"']?(?P<v>\d{3}[ -]?\d{3}|\d{3,8})(?![\d.,-]?\d|\s?(?:px|ms|s\b|%|kb|mb))",
        fold=True, about="PIN, one-time codes and card codes in context",
    ),
)  # fmt: skip
