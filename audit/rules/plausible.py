"""What may be a secret where a name says that one follows: ``password: x``, ``API_KEY=x``, ``token = x``.

Most of what follows such a name in code is no secret: a type, a call, another name, a placeholder, the rest of a
sentence. The tables here say what these look like; ``plausible`` decides.

Invariant: pure, linear in the length of the value.
"""

from __future__ import annotations

import re

from audit.rules.words import FILES, LABELS, PROSE, WORDS

# Words after which any value is taken: people choose passwords, machines make tokens
STRONG = re.compile(
    r"pass|pw|psw|psk|mdp|kennwort|contrase|clave$|senha|mot ?de|wachtwoord|l[öo]senord|adgangskode|salasana|has[łl]o|parola|[şs]ifre|heslo|geslo|"
    r"lozinka|jelsz|kata sandi|mật khẩu|κωδικός|пароль|密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|รหัสผ่าน|كلمة المرور|סיסמה"
)
_BEGINS = re.compile(
    r"[<\[{$%*!&@#]{1,2}[\w{(<\[]|\)[?.;,)]|[<\[{$]|\W{1,99}$|[x*.•\-_?#0]{3,99}|(?P<c>.)(?P=c){2,99}$|your|%\w{1,40}%|"
    r"(?:op|vault|ssm|sops|secretsmanager|kms)[:+]|arn:|projects/|https?://|env[.:]|secrets\.|process\."
)
_REFERS = re.compile(r"arn:aws|projects/[\w-]{1,60}/secrets|vault:|op://|https?://[^@\s?]{1,300}$")
_HOLDS = re.compile(
    r"[.$<{%#*•…xyrc](?:\.\.|(?<=…)|(?<=[$#{%])[{(]|(?<=<)[a-z_ -]{1,40}>|(?<=[x*•])[x*•]{3}|(?<=\by)our\b|(?<=r)edacted|"
    r"(?<=c)hange[-_ ]?(?:me|this|it)\b)"
)
_SAMPLE = re.compile(
    r"example|sample|placeholder|dummy|replace|insert|some[-_ ]|my[-_]?(?:api|secret|token|pass|key|super)|\bfake|here$|todo|"
    r"goes|not[-_]?a[-_]?(?:real[-_]?)?(?:secret|key|token|password)|^(?:the|an?)[-_ ]"
)
# What follows keeps a longer word from being taken for one
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])")
# What Google gives a program to sign in with
FOUR_TIMES_FOUR = r"[a-z]{4}(?: [a-z]{4}){3}"
_WORDY = re.compile(r"[^\W\d]{1,60}(?:[-_. ][^\W\d]{1,60}){0,8}[-_]?\d{0,3}")
_DOTTED = re.compile(r"[A-Za-z_$][\w$]{0,60}(?:(?:\?\.|\.|->|::)[A-Za-z_$][\w$]{0,60}){1,8}")
_NAMES = re.compile(r"pass|pwd|secret|token|key|cred|auth|login|hash")
_PATH = re.compile(r"(?:~|\.{1,2}|[a-z]:)?[\\/][\w .@+-]{0,80}(?:[\\/][\w .@+-]{0,80}){0,12}(?:\?\w{1,40}=\w{0,40})?")
_TECH = re.compile(
    r"(?:u?int|float|argon|i|u|f|(?:scram-)?sha|md|aes|rs|hs|es|ps|utf-?|base|oauth|v|ipv|x|http/?|tls|t|k|rfc|iso)-?\d{1,4}(?:id)?(?:[-_.]\w{1,12}){0,3}",
    re.IGNORECASE,
)


def strong(name: str) -> bool:
    """Whether any value after this name is taken for a secret."""
    return STRONG.search(name) is not None


_DIGIT, _LETTER, _SIGN = re.compile(r"\d"), re.compile(r"[^\W\d_]"), re.compile(r"[!@#$%^*+=~?]")


def _with_digit(value: str) -> bool:
    return _DIGIT.search(value) is not None


def _with_sign(value: str) -> bool:
    return _SIGN.search(value) is not None


_REFERENCE = re.compile(f"(?:{_PATH.pattern})|(?i:{_TECH.pattern})")


def _mixed(value: str) -> bool:
    """A digit beside letters, or a sign that no name has."""
    return _LETTER.search(value) is not None if _with_digit(value) else _with_sign(value)


def placeholder(value: str) -> bool:
    """Whether ``value`` stands for a secret instead of being one."""
    if value.endswith("EXAMPLEKEY"):
        return True
    low = value.lower()
    word = low.rstrip("!?[]:")
    if word in WORDS or word in LABELS:
        return True
    if _REFERS.match(low):
        return True
    if dense(value):
        return "EXAMPLE" in value
    if _BEGINS.match(low) or _HOLDS.search(low):
        return True
    return _SAMPLE.search(low) is not None and _WORDY.fullmatch(low) is not None


_MARK = re.compile(r"[^\w\s]")


def dense(value: str) -> bool:
    """Long and of letters, digits and many other marks: a machine made it, whatever it begins with."""
    if "-----" in value or value.count(" ") > 4:
        return False
    return len(value) >= 32 and len(_MARK.findall(value)) >= 6 and len(_DIGIT.findall(value)) >= 3


def said(value: str, after: str) -> bool:
    """Whether a word after a flag is the next one of a sentence that speaks of the flag, or the name of its value."""
    word = value.lower().strip("`'\"")
    return word in PROSE or (value.isalpha() and value.isupper() and _named(value)) or word in WORDS


# Parts of what stands for a key, in lower case; and a key that ends in a run of capital X
_FILLERS = (
    "xxxx", "***", "...", "your", "example", "placeholder", "redacted", "insert", "replace", "changeme", "dummy", "00000000", "11111111", "aaaaaaaa", "--------", "________",
)  # fmt: skip


_FILLED = re.compile("|".join(map(re.escape, _FILLERS)))


def filled(key: str) -> bool:
    """Whether a key of a provider's form was filled with what stands for one: ``ghp_xxxx``, ``xoxb-your-bot-token``."""
    low = key.lower()
    return _FILLED.search(low) is not None or low.endswith("xxx")


def _named(value: str) -> bool:
    """Whether a value speaks of secrets, as the names of variables do."""
    return _NAMES.search(value.lower()) is not None


def speaks(value: str) -> bool:
    """Whether a value is words alone, one of which speaks of secrets: ``test-password``."""
    return _named(value) and _WORDY.fullmatch(value) is not None


def _random(value: str) -> bool:
    """Long and of upper, lower and digits: no path or name looks like this."""
    return len(value) >= 24 and value != value.lower() and value != value.upper() and _with_digit(value)


# Kana and their kanji: the rest of a sentence
_CHINESE = re.compile(r"[\u3400-\u9fff][，。；！？、]|[，。；！？、][\u3400-\u9fff]")
_JAPANESE = re.compile(r"(?:[^\x00-\x7f]|\d)*[\u3040-\u309f]{2}[^\x00-\x7f]*")


def _reference(value: str) -> bool:
    """A path, a file, a module's member, an algorithm; prose."""
    if _JAPANESE.fullmatch(value) or _CHINESE.search(value):
        return True
    if _random(value):
        return "." in value and _DOTTED.fullmatch(value) is not None and _named(value)
    if _REFERENCE.fullmatch(value) or ("." in value and value.rpartition(".")[2] in FILES):
        return True
    return not _with_digit(value) and _DOTTED.fullmatch(value) is not None


# Words, numbers and versions: the name of a thing
_SLUG = re.compile(r"[A-Za-z]{2,24}(?:[-_. :](?:[A-Za-z]{2,24}|v?\d{1,4}(?:\.\d{1,4}){0,3})){1,12}")


_HEADER_NAME = re.compile(r"[a-z]{1,20}(?:-[a-z]{1,20}\d{0,4}){1,6}")


_CAMEL = re.compile(r"[a-z]{2,20}(?:[A-Z][a-z]{1,20}){1,6}")


def slug(value: str) -> bool:
    """Whether a value is the name of a thing, or of a header."""
    return _SLUG.fullmatch(value) is not None or _HEADER_NAME.fullmatch(value) is not None


def quoted(name: str, value: str) -> bool:
    """Whether a value in quotation marks after ``name`` is a secret."""
    if placeholder(value) or _reference(value):
        return False
    if strong(name):
        if _named(value) and (
            _CAMEL.fullmatch(value) or ("_" in value and not _with_digit(value) and _WORDY.fullmatch(value))
        ):
            return False
        if " " in value:
            return (
                "phrase" in name or name == "psk" or (value.count(" ") < 3 and ", " not in value and _with_digit(value))
            )
        return len(value) >= 3
    if dense(value):
        return True
    if _SLUG.fullmatch(value):
        return False
    if " " in value or len(value) < 6:
        return False
    if _WORDY.fullmatch(value):
        return len(value) >= 8 and value.isalnum() and not value.isalpha() and not _named(value)
    return _mixed(value) or (value.isalpha() and len(value) >= 16)


def listed(name: str, value: str) -> bool:
    """As ``quoted``, where only a comma parts the two: ``define("PASSWORD", "x")``, but also a list of words."""
    return _mixed(value) and (len(value) >= 24 or not _named(value)) and quoted(name, value)


_CODE_ROOT = re.compile(
    r"(?:self|this|process|os|sys|config|cfg|settings|env|props|app|vars?|local|module|data|values|params|request|req|args|options|opts|ctx|context|"
    r"user|form|input|event|inputs|steps|needs|github|secrets?|vault|aws|azurerm|google|random_\w+|each|count|path|kubernetes\w*)[.?]",
    re.IGNORECASE,
)


def _lines_of_words(name: str, value: str, env: bool) -> bool:
    """Words parted by dots that are no path through code, where the name is an environment's."""
    return (
        env
        and strong(name)
        and _DOTTED.fullmatch(value) is not None
        and not _named(value)
        and not _CODE_ROOT.match(value)
    )


def bare(name: str, value: str, after: str, *, env: bool, tight: bool = False) -> bool:
    """Whether a value without quotation marks is a secret; ``after`` is the rest of its line, ``tight`` says that ``=``
    stands between the two without spaces, ``env`` that the name is in upper case as well."""
    if placeholder(value) or after[:1] in ("(", "[", "{") or after[:2] == "..":
        return False
    if _lines_of_words(name, value, env) and not after.strip():
        return True
    if _reference(value):
        return False
    identifier = value.isidentifier() or _DOTTED.fullmatch(value) is not None
    if strong(name):
        if value.isdigit():
            return len(value) >= 4 and not after[:2].strip().isalpha()
        if not identifier or _with_digit(value):
            named = _named(value) and _WORDY.fullmatch(value) is not None
            return len(value) >= (3 if env else 4) and (env or not named)
        if "_" in value and _WORDY.fullmatch(value) and not env:
            return False
        ends = not after.strip(" \"'`|)\\.,]}" if env else " \"'`|)\\.") or after[0] in ";&@"
        return ends and len(value) >= 5 and (env or not _named(value) or (value.isalpha() and len(value) > 10))
    if len(value) < (6 if tight else 8) or (value.isdigit() and len(value) < 16):
        return False
    if not _mixed(value):
        return value.isalpha() and len(value) >= 20 and not value.islower() and env
    if identifier and _WORDY.fullmatch(value):
        return not _named(value) and "_" not in value
    return _random(value) or len(_DIGIT.findall(value)) >= 2 or _with_sign(value)


_TITLED = re.compile(r"[A-Z][a-z]{2,20}(?:-[A-Z][a-z]{2,20}){2,6}")


def spaced(name: str, value: str) -> bool:
    """Whether a word that only a space parts from ``name`` is a secret: it must not look like prose."""
    if strong(name) and _TITLED.fullmatch(value):
        return True
    if len(value) < 6 or value.startswith("--") or (value.count("-") in (1, 2) and value.replace("-", "").isalpha()):
        return False
    if _with_digit(value):
        likely = _LETTER.search(value) is not None and not _named(value)
    else:
        likely = (strong(name) and _with_sign(value[:-1])) or value.count("-") >= 3
    return likely and not placeholder(value) and not _reference(value)
