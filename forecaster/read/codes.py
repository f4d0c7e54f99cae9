"""The codes of the census and of Annex A as the few names a manager reads.

Sources are the headings of the Department for Education's table C5; categories those of its table D2; age bands and
ethnic groups those of its children in need statistics.
"""

from __future__ import annotations

import datetime as dt
import re

from forecaster.read.values import loose, tidy, uncode

SOURCES = {
    "1": "Individual", "2A": "Schools", "2B": "Education", "3": "Health", "4": "Housing", "5": "Council services",
    "6": "Police", "7": "Legal agency", "8": "Other", "9": "Anonymous", "10": "Unknown",
}  # fmt: skip
# The first words of the labels in the code lists; what follows a dash there is detail.
_SOURCE_LABELS = {
    "individual": "Individual", "school": "Schools", "schools": "Schools", "education": "Education",
    "educationservices": "Education", "health": "Health", "healthservices": "Health", "housing": "Housing",
    "laservices": "Council services", "councilservices": "Council services", "police": "Police",
    "otherlegalagency": "Legal agency", "legalagency": "Legal agency", "other": "Other", "anonymous": "Anonymous",
    "unknown": "Unknown",
}  # fmt: skip
# What councils write instead of the code, most telling word first.
_SOURCE_WORDS = (
    (r"\bnurses?\b|health|\bgp\b|hospital|a&e|midwi|\bnhs\b|hospice|ambulance|doctor", "Health"),
    (r"school|academy", "Schools"),
    (r"educat|nursery|college|early years", "Education"),
    (r"polic", "Police"),
    (r"court|probation|cafcass|prison|legal|immigration|solicitor", "Legal agency"),
    (r"housing", "Housing"),
    (r"social care|early help|local authority|council|\bla\b|youth (offending|justice)", "Council services"),
    (r"anonym", "Anonymous"),
    (r"parent|mother|father|family|relative|carer|neighbour|friend|self|stranger|public", "Individual"),
    (r"volunt|charit|children'?s cent|other", "Other"),
)
_SOURCE_CODE = re.compile(r"(10|[1235][A-F]|[1-9])(?![0-9A-Za-z])", re.IGNORECASE)
_CATEGORIES = {
    "neg": "neglect", "neglect": "neglect", "phy": "physical", "physical": "physical", "physicalabuse": "physical",
    "sab": "sexual", "sexual": "sexual", "sexualabuse": "sexual", "emo": "emotional", "emotional": "emotional",
    "emotionalabuse": "emotional", "mul": "multiple", "multiple": "multiple", "multiplenotrecommended": "multiple",
}  # fmt: skip
_GENDERS = {
    "m": "Male", "male": "Male", "1": "Male", "f": "Female", "female": "Female", "2": "Female",
    "neither": "Neither", "i": "Neither", "indeterminate": "Neither", "u": "Not known", "0": "Not known",
    "9": "Not known", "unknown": "Not known", "notknown": "Not known", "unborn": "Not known",
    "notstatedrecorded": "Not known", "notstatedrecordedorunborn": "Not known", "notstated": "Not known",
}  # fmt: skip
_ETHNIC_CODES = {
    "W": "White", "M": "Mixed", "A": "Asian", "B": "Black", "CHNE": "Asian", "OOTH": "Other ethnic group",
    "REFU": "Not known", "NOBT": "Not known",
}  # fmt: skip
_ETHNIC_CODE = re.compile(r"(W(?:BRI|IRI|IRT|OTH|ROM)|M(?:WBC|WBA|WAS|OTH)|A(?:IND|PKN|BAN|OTH)|B(?:CRB|AFR|OTH)"
                          r"|CHNE|OOTH|REFU|NOBT)")  # fmt: skip
_ETHNIC_WORDS = (
    (r"mixed|white and|multiple ethnic", "Mixed"),
    (r"white|british|irish|gypsy|roma|traveller", "White"),
    (r"asian|indian|pakistani|bangladeshi|chinese", "Asian"),
    (r"black|african|caribbean", "Black"),
    (r"refus|not (yet )?(obtained|known|stated|recorded)|unknown", "Not known"),
    (r"other", "Other ethnic group"),
)
# What a yes or no to "no further action?" says. The no is said too, so that it can correct an earlier yes.
REFERRAL_OUTCOMES = {True: "nfa", False: "further_action", None: None}
_BANDS = ((1, "under 1"), (5, "1-4"), (10, "5-9"), (16, "10-15"), (18, "16-17"), (120, "18+"))
_LONGEST_PREGNANCY = dt.timedelta(days=300)


def source(value: object) -> str | None:
    """Returns who made contact or referred, from a code ("1A", "q) 6: Police") or its label; None if neither."""
    text = uncode(value)
    code = _SOURCE_CODE.match(text)
    if code:
        found = code[1].upper()
        return SOURCES.get(found) or SOURCES.get(found[0])
    return _SOURCE_LABELS.get(loose(re.split(r"[-–—(]", text.lstrip("("))[0]))


def source_in_words(value: object) -> str | None:
    """Returns who made contact or referred, also from a council's own words; "Unknown" for words that say nothing."""
    text = uncode(value)
    return (source(value) or _first(_SOURCE_WORDS, text) or "Unknown") if text else None


def category(value: object) -> str | None:
    """Returns the category of abuse ("neglect"), from a code ("NEG", "a) Neglect") or its label; None if neither."""
    return _CATEGORIES.get(loose(uncode(value)))


def gender(value: object) -> str | None:
    """Returns Male, Female, Neither or Not known, from the codes of any year; None if it is none of them."""
    return _GENDERS.get(loose(uncode(value)))


def ethnicity(value: object) -> str | None:
    """Returns the broad ethnic group of a four-letter code or its label; None if neither."""
    text = uncode(value)
    code = _ETHNIC_CODE.match(text.upper())
    if code:
        return _ETHNIC_CODES.get(code[1]) or _ETHNIC_CODES[code[1][0]]
    return _first(_ETHNIC_WORDS, text)


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    lowered = text.lower().replace("’", "'")
    return next((name for pattern, name in patterns if re.search(pattern, lowered)), None)


def band_of_age(value: object) -> str | None:
    """Returns the age band of an age in years ("-1" or "unborn" for a child not yet born); None if it is no age."""
    text = tidy(value).lower()
    if text == "unborn":
        return "unborn"
    try:
        age = float(text)
    except ValueError:
        return None
    if -1 <= age < 0:
        return "unborn"
    return next((band for limit, band in _BANDS if 0 <= age < limit), None)


def band_at(born: dt.date, event: dt.date) -> str | None:
    """Returns the age band on the day of an event; None when that day is too long before the birth to be true."""
    if event < born:
        return "unborn" if born - event <= _LONGEST_PREGNANCY else None
    birthday_to_come = (event.month, event.day) < (born.month, born.day)
    return band_of_age(event.year - born.year - birthday_to_come)
