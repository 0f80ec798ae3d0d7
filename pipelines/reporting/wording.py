"""Numbers and outside text as people read them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

SHOWN_CHARACTERS = 400  # of any one outside text
UNKNOWN = "–"  # also for nothing at all, where a row of zeros would hide the figures
_PLAIN_SPACE = {"\n", "\r", "\t"}


@dataclass(frozen=True)
class TimeUnit:
    """One unit for all durations of a corpus, so that a column can be added up by eye."""

    name: str
    plural: str  # as a heading has it
    per_hour: int
    decimals: int

    def number(self, hours: float) -> str:
        """The duration without its unit."""
        return f"{hours * self.per_hour:,.{self.decimals}f}"

    def lost(self, hours: float) -> str:
        """Like :meth:`number`, for rejected rows: nothing measured is not the same as nothing."""
        return self.number(hours) if hours else UNKNOWN

    def text(self, hours: float) -> str:
        """The duration with its unit.

        >>> time_unit(0.5).text(0.25)
        '15.00 min'
        """
        return f"{self.number(hours)} {self.name}"


def time_unit(hours: float) -> TimeUnit:
    """The unit that suits a corpus of so many hours: hours from one hour on, else minutes."""
    if hours >= 1000:
        return TimeUnit("h", "hours", 1, 1)
    return TimeUnit("h", "hours", 1, 2) if hours >= 1 else TimeUnit("min", "minutes", 60, 2)


def count(number: float) -> str:
    """A whole number with thousands separators."""
    return f"{number:,.0f}"


def share(part: float, whole: float) -> str:
    """A percentage; a part that is there is never shown as nothing.

    >>> share(1, 8), share(1, 100_000), share(0, 8), share(0, 0)
    ('12.5 %', '< 0.1 %', '–', '–')
    """
    if not whole or not part:
        return UNKNOWN
    percent = 100 * part / whole
    return "< 0.1 %" if 0 < percent < 0.05 else f"{percent:.1f} %"


def money(dollars: float) -> str:
    """US dollars: cents, and as many digits as it takes to see small sums.

    >>> money(0), money(1234.5), money(0.00042)
    ('$0.00', '$1,234.50', '$0.00042')
    """
    if 0 < dollars < 0.01:
        return f"${dollars:.2g}"
    return f"${dollars:,.2f}"


def figure(number: float) -> str:
    """A measurement of any size: four digits of it.

    >>> figure(6.23189), figure(14063.2), figure(0.00002), figure(-0.0)
    ('6.232', '14,063', '2e-05', '0')
    """
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number + 0.0:.4g}"


def seconds(number: float) -> str:
    """A running time.

    >>> seconds(7.25), seconds(200), seconds(7300)
    ('7.2 s', '3 min 20 s', '2 h 1 min')
    """
    if number < 60:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def memory(number: float) -> str:
    """Bytes of memory in binary units."""
    if number < 2**30:
        return f"{number / 2**20:,.0f} MiB"
    return f"{number / 2**30:,.1f} GiB"


def words(name: str) -> str:
    """A reason or a count's key as words.

    >>> words("value_not_kept")
    'value not kept'
    """
    return name.replace("_", " ").replace(".", ": ")


def visible(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    r"""Outside text on one line: control characters replaced, overlong text cut with its length.

    Text direction marks stay: each text is isolated where it is shown.

    >>> visible("a\nb\x1b[31m"), visible("abcdef", limit=3)
    ('a b�[31m', 'abc… (6 characters)')
    """
    head = "".join(map(_printable, text[:limit]))
    return head if len(text) <= limit else f"{head}… ({len(text):,} characters)"


def _printable(character: str) -> str:
    if character in _PLAIN_SPACE:
        return " "
    control = unicodedata.category(character) in ("Cc", "Cs")
    return "\N{REPLACEMENT CHARACTER}" if control else character
