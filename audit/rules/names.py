"""Names of people, where the words around say that one follows: ``my name is``, a title, a salutation, a label.

Without such a word a name is a word like any other, and no rule looks for it.

Invariant: after words that things have, too (``name:``, ``author:``), the first word must be a common given name.
"""

from __future__ import annotations

import re

from audit.rules.base import after, rule
from audit.rules.letters import LOWER, UPPER

_WORD = rf"(?:[{UPPER}][{LOWER}]{{1,24}}(?:['’-]?[{UPPER}][{LOWER}]{{1,24}}){{0,2}}|[OD]['’][{UPPER}][{LOWER}]{{1,24}})"
_PARTICLE = "de|da|di|do|dos|du|la|le|van|von|der|den|del|bin|ibn|al|el|ten|ter|zu|y|e"
_MORE = rf"(?: (?:(?:{_PARTICLE}) ){{0,2}}(?:{_WORD}|[{UPPER}]\.)){{0,3}}"
_NAME = rf"(?P<v>{_WORD}{_MORE})"
_FULL = rf"(?P<v>{_WORD}(?: (?:(?:{_PARTICLE}) ){{0,2}}(?:{_WORD}|[{UPPER}]\.)){{1,3}})"
_NOBODY = frozenset(
    [
        "all",
        "team",
        "sir",
        "madam",
        "everyone",
        "everybody",
        "world",
        "customer",
        "user",
        "users",
        "there",
        "support",
        "reader",
        "friend",
        "friends",
        "folks",
        "hiring",
        "mr",
        "mrs",
        "ms",
        "dr",
        "claude",
        "chatgpt",
        "gpt",
        "assistant",
        "copilot",
        "ai",
        "bot",
        "engineer",
        "developer",
        "manager",
        "director",
        "software",
        "architect",
        "analyst",
        "designer",
        "consultant",
        "string",
        "none",
        "null",
        "true",
        "false",
        "required",
        "optional",
        "unknown",
        "anonymous",
        "john.",
        "the",
        "this",
        "that",
        "it",
        "not",
        "just",
        "very",
        "here",
        "what",
        "how",
        "why",
        "please",
        "thanks",
        "thank",
        "recruiter",
        "colleague",
        "colleagues",
        "group",
        "committee",
        "sirs",
        "damen",
        "herren",
        "admin",
        "administrator",
        "root",
        "system",
        "test",
        "production",
        "staging",
        "default",
        "guest",
        "owner",
        "product",
        "company",
        "project",
        "file",
        "class",
        "function",
        "method",
        "variable",
        "table",
        "column",
        "field",
        "value",
        "type",
        "name",
        "id",
        "department",
        "street",
        "city",
        "country",
        "react",
        "vue",
        "django",
        "python",
        "java",
        "docker",
        "linux",
        "windows",
        "ubuntu",
        "github",
        "gitlab",
        "google",
        "microsoft",
        "apple",
        "amazon",
        "openai",
        "anthropic",
    ]
)
_GIVEN = frozenset(
    ["james", "mary", "robert", "patricia", "john", "jennifer", "michael", "linda", "david", "elizabeth", "william", "barbara", "richard", "susan", "joseph", "jessica", "thomas", "sarah", "charles", "karen", "christopher", "lisa", "daniel", "nancy", "matthew", "betty", "anthony", "sandra", "mark", "margaret", "donald", "ashley", "steven", "kimberly", "andrew", "emily", "paul", "donna", "joshua", "michelle", "kenneth", "carol", "kevin", "amanda", "brian", "melissa", "timothy", "deborah", "ronald", "stephanie", "jason", "rebecca", "george", "sharon", "edward", "laura", "jeffrey", "cynthia", "ryan", "dorothy", "jacob", "amy", "nicholas", "kathleen", "gary", "angela", "eric", "shirley", "jonathan", "emma", "stephen", "brenda", "larry", "pamela", "justin", "nicole", "scott", "anna", "brandon", "samantha", "benjamin", "katherine", "samuel", "christine", "gregory", "helen", "alexander", "debra", "patrick", "rachel", "frank", "carolyn", "raymond", "janet", "jack", "maria", "dennis", "catherine", "jerry", "heather", "tyler", "diane", "aaron", "olivia", "jose", "julie", "adam", "joyce", "nathan", "victoria", "henry", "ruth", "zachary", "virginia", "douglas", "lauren", "peter", "kelly", "kyle", "christina", "noah", "joan", "ethan", "evelyn", "jeremy", "judith", "alice", "bob", "jane", "oliver", "harry", "charlie", "sophie", "chloe", "lucy", "grace", "hannah", "ella", "mia", "lily", "isabella", "amelia", "ava", "liam", "mason", "lucas", "logan", "leo", "max", "felix", "jonas", "lukas", "finn", "paul", "elias", "ben", "luca", "anton", "hans", "klaus", "jürgen", "jurgen", "wolfgang", "stefan", "andreas", "markus", "matthias", "tobias", "florian", "sebastian", "heike", "petra", "sabine", "monika", "ursula", "ingrid", "claudia", "katrin", "birgit", "anja", "greta", "lena", "lea", "leonie", "pierre", "jean", "marie", "michel", "françois", "francois", "jacques", "philippe", "nicolas", "julien", "antoine", "camille", "chloé", "léa", "manon", "sylvie", "nathalie", "isabelle", "céline", "giovanni", "giuseppe", "marco", "luca", "francesco", "alessandro", "matteo", "lorenzo", "giulia", "chiara", "francesca", "sofia", "elena", "carlos", "juan", "josé", "luis", "miguel", "javier", "antonio", "manuel", "pedro", "pablo", "diego", "alejandro", "carmen", "ana", "lucía", "lucia", "isabel", "pilar", "marta", "joão", "joao", "paulo", "ricardo", "fernanda", "beatriz", "mariana", "gabriel", "rafael", "jan", "piet", "kees", "willem", "anke", "sven", "lars", "erik", "ingrid", "olaf", "nils", "astrid", "bjorn", "björn", "mikael", "anders", "piotr", "krzysztof", "andrzej", "tomasz", "paweł", "pawel", "michał", "agnieszka", "katarzyna", "małgorzata", "magdalena", "anna", "joanna", "ivan", "dmitri", "sergei", "alexei", "nikolai", "olga", "tatiana", "natalia", "irina", "svetlana", "mohammed", "muhammad", "ahmed", "ali", "omar", "hassan", "fatima", "aisha", "layla", "yusuf", "priya", "raj", "rahul", "amit", "anjali", "deepak", "sanjay", "sunita", "vikram", "arjun", "ravi", "neha", "wei", "li", "ming", "hiroshi", "yuki", "kenji", "takashi", "sakura", "haruto", "yui", "akira", "min", "jin", "ji", "hye", "siobhan", "niamh", "sean", "liam", "aoife", "conor"]
)  # fmt: skip


_LABELS = (
    r"full[ _-]?name|first[ _-]?name|last[ _-]?name|surname|given[ _-]?name|family[ _-]?name|middle[ _-]?name|maiden[ _-]?name|patient[ _-]?name|"
    r"customer[ _-]?name|client[ _-]?name|employee[ _-]?name|contact[ _-]?name|cardholder(?:[ _-]?name)?|account[ _-]?holder|\bholder(?:[ _-]?name)?|legal[ _-]?name|"
    r"real[ _-]?name|billing[ _-]?name|shipping[ _-]?name|beneficiary(?:[ _-]?name)?|recipient(?:[ _-]?name)?|sender[ _-]?name|candidate[ _-]?name|"
    r"student[ _-]?name|passenger(?:[ _-]?name)?|guest[ _-]?name|doctor(?:[ _-]?name)?|manager[ _-]?name|\bnombre(?: completo)?|\bnom|\bprénom|"
    r"\bvorname|\bnachname|\bcognome|\bapellidos?|\bpatient(?:in)?|\bemployee|\bapplicant|\btenant|\bclaimant|\bdefendant|\bplaintiff|\battn|"
    r"\battention|\bassigned to|\breported by|\breporter|\bassignee|\breviewed by|\bapproved by|\bemergency contact|\bphysician|\bnext of kin|"
    r"\bkontoinhaber|\btitulaire|\btitular|\bspouse"
)


def _greeted(text: str, found: re.Match[str]) -> bool:
    """At the beginning of a line, a sentence or a quotation."""
    before = text[max(0, found.start() - 2) : found.start()]
    return (not before or before[-1] in "\n\"'`>“(" or before in (". ", "! ", "? ", ": ")) and _person(text, found)


def _mailing(text: str, found: re.Match[str]) -> bool:
    return _person(text, found) and found["v"].partition(" ")[0] not in ("Author", "From", "To", "Cc", "By")


# Names of classes; McDonald and DeVito are people's
_CLASS = re.compile(r"(?!Ma?c|De|Di|La|Le|Van)[A-Z][a-z]+(?:[A-Z][a-z]+)+")


def _person(text: str, found: re.Match[str]) -> bool:
    """No thing, and nothing that code goes on after."""
    value, after = found["v"], text[found.end("v") : found.end("v") + 1]
    first = value.partition(" ")[0]
    return (
        first.lower() not in _NOBODY
        and _CLASS.fullmatch(value) is None
        and not (after in ("[", "(") and first == value)
    )


def _known(text: str, found: re.Match[str]) -> bool:
    """After a bare ``name``, which things have too: the first word is a common given name."""
    return found["v"].partition(" ")[0].lower() in _GIVEN


RULES = (
    after(
        "name",
        r"\bmy name is|\bmy full name is|\bmy name['’]s|\bi am called|\bmi nombre es|\bme llamo|\bje m['’]appelle|\bmein name ist|\bich hei(?:ß|ss)e|"
        r"\bmi chiamo|\bmeu nome é|\bik heet|\bmijn naam is|\bjag heter|\bnazywam się|меня зовут|"
        r"\bthe patient(?:['’]s name)? is(?: called)?,?|\bthe customer(?:['’]s name)? is(?: called)?,?|\bthe client(?:['’]s name)? is(?: called)?,?",
        rf"[: ]{{1,2}}{_NAME}", family="personal", check=_person, about="after `my name is` and the like",
    ),
    after("name", "我叫|我的名字是|私の名前は|姓名[:：]|氏名[:：]|名前[:：]", r"\s?(?P<v>[一-鿿ぁ-ヿ]{2,4}(?:[ 　][一-鿿ぁ-ヿ]{1,4})?)", exact=True,
          family="personal", about="after `我叫`, `氏名:`"),
    after(
        "name",
        r"\bMr|\bMrs|\bMs|\bMiss|\bMx|\bDr|\bProf|\bProfessor|\bHerr|\bFrau|\bHerrn|\bMme|\bMlle|\bMonsieur|\bMadame|\bSeñor|\bSeñora|\bSra\.|"
        r"\bSrta\.|\bSignor|\bSignora|\bDott\.|\bPan|\bPani|\bSir|\bLady",
        rf"\.? (?:Dr\. |Prof\. )?{_NAME}", exact=True, family="personal", check=_person, about="after a title",
    ),
    after(
        "name",
        r"Dear|Hi|Hello|Hey|Hallo|Liebe|Lieber|Cher|Chère|Bonjour|Hola|Estimad[oa]|Querid[oa]|Ciao|Gentile|Caro|Cara|Olá|Beste|Hej|Cześć",
        rf" {_NAME}(?=[,!:;\n—–]| -|$)", exact=True, family="personal", check=_greeted, about="in a salutation",
    ),
    after(
        "name",
        r"regards|sincerely|cheers|yours truly|mit freundlichen grüßen|viele grüße|cordialement|saludos|cordiali saluti|\bsigned",
        rf"(?i:,?(?: by)?[:,]?)(?:\n{{1,2}}|(?<=[:,]) |(?<=by) ){_NAME}", family="personal", check=_person, about="below a closing",
    ),
    after(
        "name", _LABELS, rf"[\"'*_]{{0,3}}\s?(?:[:=：]|=>)\s?[\"'*_]{{0,3}}(?:Mrs?\.? |Ms\.? |Dr\.? )?{_NAME}",
        family="personal", check=_person, about="after a label such as `Patient:`, `full_name=`",
    ),
    after(
        "name",
        r"name|author|owner|\buser|contact|customer|\bby|\bfrom|\bto|\bcc|maintainer|person|display_name|username",
        rf"(?:[\"'*]{{0,3}}\s?[:=]\s?[\"']?|(?<=by) ){_FULL}", family="personal", check=_known,
        about="after `name:` and the like, when the first word is a common given name",
    ),
    after(
        "name", r"\bI'm|\bI’m|\bI am|\bthis is|\bcontact|\bask|\bmeet|\bemail|\bcall|\bregards to|\bon behalf of", rf" {_FULL}", family="personal", check=_known,
        about="after `I am`, `this is`, `contact`, when the first word is a common given name",
    ),
    rule(
        "name", rf"(?<![\w.]){_FULL}(?= [<(\[][^\s<>@]{{1,64}}@[\w.-]{{3,80}}[>)\]])", " <", " (", " [", family="personal", where="around",
        reach=(110, 150), check=_mailing, about="before `<mail@address>`",
    ),
)  # fmt: skip
