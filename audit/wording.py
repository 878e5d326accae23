"""The words that error messages are made of.

Why: an upstream's error may repeat what a client sent; its own words are what an operator needs. Invariants: a word
that is not on the list, and a number of more than seven digits, never passes; pure.
"""

from __future__ import annotations

import re

_TEXT = """
a able about above accept accepted access account active actual additional after again all allow allowed already
also an and another answer any anymore api are argument arguments array arrive as ask at attempt audio audit
authentication available be because been before begin being below between billing block blocks body boolean both
bridge busy but by bytes call called calls cancelled cannot capacity certificate change character characters check
client closed code combination combined come complete completed completion connect connection connections contact
contain contained contains content context conversation could count country create created credential credentials
credits current currently cut data deactivated deadline decode decoded deeply deprecated describe description
details developer did disabled document documentation does doesn domain done down due duplicate during each effort
either element elements email empty enabled encoded encoding encrypted end ended engine enough entry enum
environment equal error errors event every exceed exceeded exceeds exist exists expect expected expired extra
failed failure feature field fields file files filter finish finishing flagged following for format found from
function functions gateway generate generated get given go got greater had hard has have header headers help high
host id if image images in inactive incomplete incorrect index information input inputs instead instructions
insufficient integer interface internal into invalid is it item items its json key keys kind known large larger
last least length less level limit limits line list load long longer lost made make malformed match matched
matching max maximum may media message messages met method middle minimum minute minutes missing mode model models
moment more most must name names need needed nested network new next no non none not null number object of offered
on one only open openai operation option optional options or order organization other our out output over
overloaded own page pages param parameter parameters part parts passed pattern per permission permitted plan
please policy position previous problem processed processing profile project prompt properties property protocol
provide provided query quota range rate rather reach reached read reason reasoning received refused region
regional rejected related remove repeated request requested requests require required requires resolved resource
response responses restricted result results retries retry return returned revoked role run s safety same schema
search second seconds secure see send sending sent sequence server service set short should shutting silent size
slow small some source specified spend start started state status step stop stopped stream streaming strict string
strings such summary support supported supports system temperature temporarily text than that the their them then
there these they this those time timed timeout times tls to token tokens too tool tools total trail try type types
unable unauthorized unavailable under unexpected unique unknown unprocessable unsupported until up upstream url
urls usage use used user using valid value values verified verify version violated violation wait was we web well
went were what when where whether which while whole will window with within without worker would written wrong yet
you your zero
"""
_WORDS = frozenset(_TEXT.split())
# Digits with separators between them are one number: a card, a telephone number, a date.
_TOKEN = re.compile(r"[A-Za-z]+|\d+(?:[^A-Za-z\d]{1,3}\d+)*|[^A-Za-z\d]")
_SEPARATED = re.compile(r"\d[ ./-]\d")
_PLAIN = re.compile(r"[ \n.,:;!?'\"()\[\]<>=/_-]")


def known_words(text: str) -> str:
    """``text`` with ``…`` for all that error messages are not made of."""
    if not text:
        return text
    kept: list[str] = []
    for token in _TOKEN.findall(text):
        known = token.lower() in _WORDS or _PLAIN.fullmatch(token) or _is_small(token)
        if known:
            kept.append(token)
        elif not kept or kept[-1] != "…":
            kept.append("…")
    return re.sub(r"…(?:[\s\W\d]{0,3}…)+", "…", "".join(kept))


def _is_small(token: str) -> bool:
    """Whether a token is a number of at most seven digits, or a few such as ``[1, 200000]`` with no more together."""
    if not token[0].isdigit() or _SEPARATED.search(token):
        return False
    return sum(map(str.isdigit, token)) <= 7 and all(one.isdigit() or _PLAIN.fullmatch(one) for one in token)
