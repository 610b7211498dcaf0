"""How numbers, times and names are told on the pages. No markup."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

#: ISO 639-1's names of the languages that films are most often in; others are told by their code.
_LANGUAGES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian",
    "bg": "Bulgarian", "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cn": "Cantonese",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "dz": "Dzongkha", "el": "Greek",
    "en": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician",
    "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese",
    "ka": "Georgian", "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean",
    "ku": "Kurdish", "ky": "Kyrgyz", "la": "Latin", "lb": "Luxembourgish", "lo": "Lao",
    "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian",
    "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "my": "Burmese", "nb": "Norwegian Bokmål",
    "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish",
    "ps": "Pashto", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sh": "Serbo-Croatian",
    "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "so": "Somali", "sq": "Albanian",
    "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "uz": "Uzbek", "vi": "Vietnamese", "wo": "Wolof", "xx": "no language", "yi": "Yiddish",
    "zh": "Mandarin", "zu": "Zulu",
}  # fmt: skip

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
#: From this many of a unit on, the next larger one says enough.
_ENOUGH = 2


def language(code: str) -> str:
    """The English name of a language; its code where it has none here."""
    return _LANGUAGES.get(code, code.upper())


def language_tag(code: str | None) -> str | None:
    """A language as HTML names it; None for what TMDB alone knows and for no language."""
    return {"cn": "yue", "xx": None}.get(code, code) if code in _LANGUAGES else None


def number(value: float) -> str:
    """A number as people read it: ``12,345``; with its fraction where it is a small one."""
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.3g}"


def count(value: int, one: str, many: str | None = None) -> str:
    """How many of something: ``1 film``, ``26,606 films``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def runtime(minutes: int) -> str:
    """A length: ``2 h 50 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (hours and f"{hours} h", rest and f"{rest} min") if part)


def names(values: list[str] | tuple[str, ...]) -> str:
    """An enumeration: ``Heat, Casino and Ronin``."""
    *first, last = values or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def day(moment: datetime) -> str:
    """A day: ``22 November 2026``."""
    return f"{moment.day} {moment:%B %Y}"


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago something was: ``3 hours ago``; what lies ahead, by a clock, is just now."""
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= (_ENOUGH if unit != _MINUTE else 1) * unit:
            return f"{count(seconds // unit, name)} ago"
    return "just now"


def slug(title: str) -> str:
    """A title as it stands in an address: ``amelie``; empty where it has no Latin letter or digit.

    >>> slug("Amélie"), slug("Se7en: Director's Cut"), slug("千と千尋")
    ('amelie', 'se7en-directors-cut', '')
    """
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = "".join(c if c.isalnum() else " " for c in plain.replace("'", "")).split()
    return "-".join(words)[:60].strip("-")
