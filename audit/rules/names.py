"""Names of people, where the words around say that one follows: ``my name is``, a title, a salutation, a label.

Without such a word a name is a word like any other, and no rule looks for it.

Invariant: after words that things have, too (``name:``, ``author:``), the first word must be a common given name.
"""

from __future__ import annotations

import re

from audit.rules.base import after, rule
from audit.rules.letters import LOWER, UPPER
from audit.rules.words import COMPANY, NOBODY

_WORD = rf"(?:[{UPPER}][{LOWER}]{{1,24}}(?:['’-]?[{UPPER}][{LOWER}]{{1,24}}){{0,2}}|[OD]['’][{UPPER}][{LOWER}]{{1,24}})"
_PARTICLE = "de|da|di|do|dos|du|la|le|van|von|der|den|del|bin|ibn|al|el|ten|ter|zu|y|e"
_MORE = rf"(?: (?:(?:{_PARTICLE}) ){{0,2}}(?:{_WORD}|[{UPPER}]\.)){{0,3}}"
_NAME = rf"(?P<v>{_WORD}{_MORE})"
_ONE = rf"{_WORD}(?: (?:(?:{_PARTICLE}) ){{0,2}}(?:{_WORD}|[{UPPER}]\.)){{1,3}}"
_FULL_NAME = re.compile(_ONE)
_FULL = rf"(?P<v>{_ONE})"
_GIVEN = frozenset(
    ["james", "mary", "robert", "patricia", "john", "jennifer", "michael", "linda", "david", "elizabeth", "william", "barbara", "richard", "susan", "joseph", "jessica", "thomas", "sarah", "charles", "karen", "christopher", "lisa", "daniel", "nancy", "matthew", "betty", "anthony", "sandra", "mark", "margaret", "donald", "ashley", "steven", "kimberly", "andrew", "emily", "paul", "donna", "joshua", "michelle", "kenneth", "carol", "kevin", "amanda", "brian", "melissa", "timothy", "deborah", "ronald", "stephanie", "jason", "rebecca", "george", "sharon", "edward", "laura", "jeffrey", "cynthia", "ryan", "dorothy", "jacob", "amy", "nicholas", "kathleen", "gary", "angela", "eric", "shirley", "jonathan", "emma", "stephen", "brenda", "larry", "pamela", "justin", "nicole", "scott", "anna", "brandon", "samantha", "benjamin", "katherine", "samuel", "christine", "gregory", "helen", "alexander", "debra", "patrick", "rachel", "frank", "carolyn", "raymond", "janet", "jack", "maria", "dennis", "catherine", "jerry", "heather", "tyler", "diane", "aaron", "olivia", "jose", "julie", "adam", "joyce", "nathan", "victoria", "henry", "ruth", "zachary", "virginia", "douglas", "lauren", "peter", "kelly", "kyle", "christina", "noah", "joan", "ethan", "evelyn", "jeremy", "judith", "alice", "bob", "jane", "oliver", "harry", "charlie", "sophie", "chloe", "lucy", "grace", "hannah", "ella", "mia", "lily", "isabella", "amelia", "ava", "liam", "mason", "lucas", "logan", "leo", "max", "felix", "jonas", "lukas", "finn", "paul", "elias", "ben", "luca", "anton", "hans", "klaus", "jürgen", "jurgen", "wolfgang", "stefan", "andreas", "markus", "matthias", "tobias", "florian", "sebastian", "heike", "petra", "sabine", "monika", "ursula", "ingrid", "claudia", "katrin", "birgit", "anja", "greta", "lena", "lea", "leonie", "pierre", "jean", "marie", "michel", "françois", "francois", "jacques", "philippe", "nicolas", "julien", "antoine", "camille", "chloé", "léa", "manon", "sylvie", "nathalie", "isabelle", "céline", "giovanni", "giuseppe", "marco", "luca", "francesco", "alessandro", "matteo", "lorenzo", "giulia", "chiara", "francesca", "sofia", "elena", "carlos", "juan", "josé", "luis", "miguel", "javier", "antonio", "manuel", "pedro", "pablo", "diego", "alejandro", "carmen", "ana", "lucía", "lucia", "isabel", "pilar", "marta", "joão", "joao", "paulo", "ricardo", "fernanda", "beatriz", "mariana", "gabriel", "rafael", "jan", "piet", "kees", "willem", "anke", "sven", "lars", "erik", "ingrid", "olaf", "nils", "astrid", "bjorn", "björn", "mikael", "anders", "piotr", "krzysztof", "andrzej", "tomasz", "paweł", "pawel", "michał", "agnieszka", "katarzyna", "małgorzata", "magdalena", "anna", "joanna", "ivan", "dmitri", "sergei", "alexei", "nikolai", "olga", "tatiana", "natalia", "irina", "svetlana", "mohammed", "muhammad", "ahmed", "ali", "omar", "hassan", "fatima", "aisha", "layla", "yusuf", "priya", "raj", "rahul", "amit", "anjali", "deepak", "sanjay", "sunita", "vikram", "arjun", "ravi", "neha", "wei", "li", "ming", "hiroshi", "yuki", "kenji", "takashi", "sakura", "haruto", "yui", "akira", "min", "jin", "ji", "hye", "siobhan", "niamh", "sean", "liam", "aoife", "conor"]
)  # fmt: skip


_LABELS = (
    r"full[ _-]?name|first[ _-]?name|last[ _-]?name|surname|given[ _-]?name|family[ _-]?name|middle[ _-]?name|maiden[ _-]?name|patient[ _-]?name|"
    r"customer[ _-]?name|client[ _-]?name|employee[ _-]?name|contact[ _-]?name|cardholder(?:[ _-]?name)?|account[ _-]?holder|\bholder(?:[ _-]?name)?|legal[ _-]?name|"
    r"real[ _-]?name|billing[ _-]?name|shipping[ _-]?name|beneficiary(?:[ _-]?name)?|recipient(?:[ _-]?name)?|sender[ _-]?name|candidate[ _-]?name|"
    r"student[ _-]?name|passenger(?:[ _-]?name)?|guest[ _-]?name|doctor(?:[ _-]?name)?|manager[ _-]?name|\bnombre(?: completo)?|\bnom(?: complet| et prénom| du patient| du client)?|\bnome(?: completo)?|\bprénom|"
    r"\bvorname|\bnachname|\bcognome|\bapellidos?|\bpatient(?:in)?|\bemployee|\bapplicant|\btenant|\bclaimant|\bdefendant|\bplaintiff|\battn|"
    r"\battention|\bassigned to|\breported by|\breporter|\bassignee|\breviewed by|\bapproved by|\bemergency contact|\bphysician|\bnext of kin|"
    r"\bkontoinhaber|\btitulaire|\btitular|\bspouse|\bvoornaam|\bachternaam|\bimię(?: i nazwisko)?|\bnazwisko|\bjméno|\bpříjmení|\badı soyadı|\bad soyad|\bnume(?: complet)?|фио|имя|фамилия|"
    r"пациент|\bnominativo|\bintestatario|\bpaziente|\bpaciente|\bpacjent|\bmieter(?:in)?|\bvermieter(?:in)?|\barrendatari[oa]|\barrendador[a]?|\blocataire|\binquilin[oa]|\blocatario|"
    r"\bdbtr><nm|\bcdtr><nm|\bdisplayname|\bgivenname|\bgecos|\bcontact person|\bansprechpartner(?:in)?|\bkundenname|\bmitarbeitername|"
    r"\bversicherte[rn]?|\bcontribuinte|\bmüşteri|\bdienstnehmer(?:in)?|\bnimi|\betunimi|\bsukunimi|\bassurée?|\bnotfallkontakt|\bname on card|\bkontoinhaberin|\bodbiorca|\bnadawca|\bintestato a"
)
# Companies and parts of programs stand after these, too: a name has two words
_PARTIES = (
    r"\bkunde|\bkundin|\bempfänger(?:in)?|\babsender(?:in)?|\bauftraggeber|\bmitarbeiter(?:in)?|\bcliente|\bclient|\bcustomer|\bbailleur|\bdestinataire|\bbénéficiaire|\bemployé|\bnaam|\bklant|\bklient|\bnavn|\bnamn|\bkund|\bnév|клиент|"
    r"\bbill to|\bship to|\bsold to|\bbilled to|\bdeliver to|\binvoice to|\brechnung an|\blieferung an|\bfacturé à|\blivré à|\bfacturar a|\bfattura a|\bborrower|\blandlord|\blessee|\blessor|\bbuyer|"
    r"\bseller|\binsured|\bpolicyholder|\bguarantor|\bsignatory|\bwitness|\bstudent|\bguest|\bsubscriber|\bcaller|\bvisitor|\bdebtor|\bcreditor|\bfn|\bsn|\bcn|\bcontact|\bconsultant|\badvisor|\bdestinatari[oa]|\bklientka|\bpatient intake"
)
# Letters of these need no capitals to tell a name
_CJK_LABELS = "姓名|氏名|名前|お名前|患者氏名|患者姓名|客户|客户姓名|联系人|收件人|顧客名|お客様|担当者|申請者|이름|성명|환자명|고객명|담당자|我叫|我的名字是|私の名前は|제 이름은"


def _several(text: str, found: re.Match[str]) -> list[tuple[int, int]]:
    """Each name of a list."""
    return [one.span() for one in _FULL_NAME.finditer(text, *found.span("v")) if somebody(one[0])]


_TITLES = frozenset(
    [
        "Pan",
        "Pani",
        "Madame",
        "Monsieur",
        "Mme",
        "Frau",
        "Herr",
        "Señor",
        "Señora",
        "Signor",
        "Signora",
        "Mr",
        "Mrs",
        "Ms",
        "Dr",
    ]
)


def _greeted(text: str, found: re.Match[str]) -> bool:
    """At the beginning of a line, a sentence or a quotation. After a title another rule finds the name."""
    if found["v"].partition(" ")[0] in _TITLES:
        return False
    before = text[max(0, found.start() - 2) : found.start()]
    return (not before or before[-1] in "\n\"'`>“(" or before in (". ", "! ", "? ", ": ")) and _person(text, found)


def _mailing(text: str, found: re.Match[str]) -> bool:
    return _person(text, found) and found["v"].partition(" ")[0] not in ("Author", "From", "To", "Cc", "By")


# Names of classes; McDonald and DeVito are people's
_CLASS = re.compile(r"(?!Ma?c|De|Di|La|Le|Van)[A-Z][a-z]+(?:[A-Z][a-z]+)+")


def _person(text: str, found: re.Match[str]) -> bool:
    """No thing, and nothing that code goes on after."""
    value, after = found["v"], text[found.end("v") : found.end("v") + 1]
    return somebody(value) and not (after in ("[", "(") and " " not in value)


def somebody(value: str) -> bool:
    """No word for anybody, no company, and no name of a class."""
    words = value.lower().split(" ")
    return words[0] not in NOBODY and words[-1].rstrip(".") not in COMPANY and _CLASS.fullmatch(value) is None


_WHOLE = re.compile(
    rf"(?:{_WORD}|[{UPPER}]{{2,20}})(?:,? (?:(?:{_PARTICLE}) ){{0,2}}(?:{_WORD}|[{UPPER}]\.|[{UPPER}]{{2,20}})){{0,4}}"
)
_CJK = re.compile(r"[一-鿿々ぁ-ヿ가-힣]{2,8}(?:[ 　・·][一-鿿々ぁ-ヿ가-힣]{1,10}){0,3}")


def looks_like_a_name(value: str, *, alone: bool) -> bool:
    """Whether all of a cell is a name; ``alone``: also one word."""
    whole = _WHOLE.fullmatch(value) is not None and (alone or " " in value) and any(map(str.islower, value))
    return (whole and somebody(value)) or _CJK.fullmatch(value) is not None


_LABEL_ENDS = (
    rf"(?:[ _-]?[Nn]ames?|[ _-]Name)?\\{{0,3}}[\"'*_]{{0,3}}[ \t\xa0]{{0,30}}+(?:[:=：|>]|=>|(?<=[Tt]o)\n)[ \t]{{0,30}}(?:\n[ \t]{{0,12}}(?=[{UPPER}]))?\\{{0,3}}[\"'*_]{{0,3}}"
    r"(?:Mrs?\.? |Ms\.? |Dr\.? |Herrn? |Frau |M\. |Mme |Sra?\.? )?"
)
_NO_CODE = r"(?![\w@:.=(\[|]|[.]\w| [=(|])"


def _card(text: str, found: re.Match[str]) -> list[tuple[int, int]]:
    """The parts of a name in a vCard, if it is one."""
    return (
        [found.span(part) for part in ("last", "first", "middle") if found[part]]
        if "VCARD" in text[max(0, found.start() - 400) : found.start()]
        else []
    )


def _labelled(text: str, found: re.Match[str]) -> bool:
    """The word is a label: a sign stands between, or it introduces a person."""
    return any(char in ":：|" for char in found[0]) or found[0][:2] in ("我叫", "我的", "私の", "제 ")


def _known(text: str, found: re.Match[str]) -> bool:
    """After a bare ``name``, which things have too: the first word is a common given name."""
    return found["v"].partition(" ")[0].lower() in _GIVEN


RULES = (
    after(
        "name",
        r"\bmy name is|\bmy full name is|\bmy name['’]s|\bi am called|\bmi nombre es|\bnama saya|\bme llamo|\bje m['’]appelle|\bmein name ist|\bich hei(?:ß|ss)e|"
        r"\bmi chiamo|\bmeu nome é|\bik heet|\bmijn naam is|\bjag heter|\bnazywam się|меня зовут|"
        r"\bthe patient(?:['’]s name)? is(?: called)?,?|\bthe customer(?:['’]s name)? is(?: called)?,?|\bthe client(?:['’]s name)? is(?: called)?,?",
        rf"[: ]{{1,2}}{_NAME}", family="personal", check=_person, about="after `my name is` and the like",
    ),
    after("name", _CJK_LABELS, r"(?:名|氏名|姓名)?[\"'*|]{0,3}\s?[:：|]?[\"']?\s{0,4}[\"']?(?P<v>[一-鿿々ぁ-ヿ가-힣]{2,4}(?:[ 　][一-鿿々ぁ-ヿ가-힣]{1,4})?)(?=[\s,，。、；;|\"'様先生（(です]|$)", exact=True,
          check=_labelled, family="personal", about="after `我叫`, `氏名:`"),
    after(
        "name",
        r"\bMr|\bMrs|\bMs|\bMiss|\bMx|\bDr|\bProf|\bProfessor|\bHerr|\bFrau|\bHerrn|\bMme|\bMlle|\bMonsieur|\bMadame|\bSeñor|\bSr\.|\bSnr\.|\bSeñora|\bSra\.|"
        r"\bSrta\.|\bSignor|\bSignora|\bDott\.|\bPan|\bPani|\bSir|\bLady",
        rf"\.? (?:Dr\. |Prof\. )?{_NAME}", exact=True, family="personal", check=_person, about="after a title",
    ),
    after(
        "name",
        r"Dear|Hi|Hello|Hey|Good morning|Good afternoon|Hallo|Liebe|Lieber|Guten Tag|Szanown[ya]|Kære|Kjære|Hei|Merhaba|Vážen[ýá]|Salut|Cher|Chère|Bonjour|Hola|Estimad[oa]|Querid[oa]|Ciao|Gentile|Caro|Cara|Olá|Beste|Hej|Cześć",
        rf" {_NAME}(?=[,!:;\n—–]| -|$)", exact=True, family="personal", check=_greeted, about="in a salutation",
    ),
    after(
        "name",
        r"regards|sincerely|cheers|yours truly|yours faithfully|best wishes|many thanks|mit freundlichen grüßen|mit freundlichem gruß|viele grüße|liebe grüße|beste grüße|"
        r"cordialement|bien à vous|salutations|amicalement|saludos?(?: cordiales)?|un saludo|atentamente|un abrazo|cordiali saluti|distinti saluti|atenciosamente|cumprimentos|abraços|abraço|"
        r"met vriendelijke groet|groeten|med vänlig hälsning|vänliga hälsningar|med venlig hilsen|mvh|hilsen|ystävällisin terveisin|z poważaniem|pozdrawiam|s pozdravem|"
        r"üdvözlettel|saygılarımla|с уважением|\bsigned|\bbest|\bgruß|\bthanks|\bthank you",
        rf"(?i:,?(?: by)?[:,!.]?)(?:\s{{0,2}}\n{{1,2}}[ \t]{{0,4}}|(?<=[:,]) |(?<=by) ){_NAME}(?=[ \t]{{0,3}}(?:\n|$|<|,|\||\\n|\"))", family="personal", check=_person, about="below a closing",
    ),
    after(
        "name", r"\battendees|\bpresent|\bparticipants|\bteilnehmer(?:innen)?|\banwesend|\basistentes|\bpartecipanti|\baanwezig|\bobecni|\bauthors|\bspeakers",
        rf"[\"'*]{{0,3}}:[\"'*]{{0,3}} ?(?P<v>{_ONE}(?:(?:, | and | und | y | et | e |; | & ){_ONE}){{1,12}})", family="personal", check=_several,
        about="lists of those who were present",
    ),
    after("name", "@author", rf":? {_FULL}(?![\w@])", family="personal", check=_person, about="after `@author`"),
    rule(
        "name", rf"\({_FULL} {{1,12}}\d{{4}}-\d\d-\d\d \d\d:", "(", family="personal", where="start", check=_person, about="in `git blame`",
    ),
    after(
        "name", r"\bsenhora?|\bseñora?|\bheer|\bmevrouw|\bsignora?|\bcardholder|\bapplicant", rf" {_NAME}(?![\w@])", exact=True, family="personal", check=_person,
        about="after a title in small letters",
    ),
    after("name", _LABELS, rf"{_LABEL_ENDS}{_NAME}{_NO_CODE}", family="personal", check=_person, about="after a label such as `Patient:`, `full_name=`"),
    after("name", _PARTIES, rf"{_LABEL_ENDS}{_FULL}{_NO_CODE}", family="personal", check=_person, about="two words after `Client:`, `Bill to` and the like"),
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
        "name", r"\nN(?:;[^:\n]{1,60})?:(?P<last>[^;:\n\r]{1,60});(?P<first>[^;:\n\r]{1,60})?(?:;(?P<middle>[^;:\n\r]{1,60}))?", "\nN:", "\nN;", family="personal", where="start", check=_card,
        about="in vCards",
    ),
    rule(
        "name", rf"(?:(?:\n|^|> ?|\"|\\n)(?:On|Am|Le|El|Il|Em|Op|Den|W dniu) [^\n]{{6,60}}?[,:]? |(?:schrieb|skrev|schreef|escribió|escreveu) ){_FULL}(?: <[^<>\n]{{3,80}}>)? ?(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|napisał|(?<=[\w> ]):\n)", "wrote", "schrieb", "a écrit", "escribió", "ha scritto", "escreveu", "schreef", "skrev", "napisał",
        family="personal", where="around", reach=(200, 30), about="`On Monday, Jane Doe wrote:`, in nine languages",
    ),
    rule(
        "name", rf"(?<![\w.]){_FULL}(?= [<(\[][^\s<>@]{{1,64}}@[\w.-]{{3,80}}[>)\]])", "@", family="personal", where="around",
        reach=(190, 90), check=_mailing, about="before `<mail@address>`",
    ),
)  # fmt: skip
