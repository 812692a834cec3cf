"""The first look at a formula's text: limits, words that no formula has, and where in the text something is wrong.

Everything here happens before Python's own parser sees the text, so that no text can exhaust it.
"""

from __future__ import annotations

import difflib
import keyword
import math
import re
from collections.abc import Iterable
from typing import Final

from anear.errors import FormulaError

__all__ = ["MAX_CHARACTERS", "MAX_DIGITS", "MAX_NESTING", "MAX_NODES", "Source", "nearest", "scan"]

MAX_CHARACTERS: Final = 10_000
MAX_NESTING: Final = 100
MAX_NODES: Final = 10_000
MAX_DIGITS: Final = 100
MAX_NAME: Final = 100

_SHOWN: Final = 100  # characters of the text shown in an error
_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\f]+)|(?P<newline>\n)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<string>\"[^\"\\\n]*\"|'[^'\\\n]*')"
    r"|(?P<operator>\*\*|//|<=|>=|==|!=|:=|->|<<|>>|&&|\|\||[-+*/%@|()\[\],:;=<>.])"
)
_HINTS: Final = {
    "//": "use floor(a / b)",
    "&": "use a * b for `a and b` of conditions",
    "&&": "use a * b for `a and b` of conditions",
    "||": "use maximum(a, b) for `a or b` of conditions; a | b is the dot product",
    "^": "a power is written a ** b",
    "!": "`not a` is eq(a, 0), and `not equal` is !=",
    "~": "`not a` is eq(a, 0)",
    ":=": "a part gets a name by `t = ...; ...`",
    "{": "vectors are written [1, 2, 3]",
    "and": "use a * b for `a and b` of conditions",
    "or": "use maximum(a, b) for `a or b` of conditions",
    "not": "`not a` is eq(a, 0)",
    "if": "use where(condition, a, b)",
    "else": "use where(condition, a, b)",
    "for": "operations go over all coordinates by themselves; reduce them with sum, max ...",
    "in": "use eq(a, b)",
    "is": "use ==",
    "lambda": "write the formula of x and y itself",
    "True": "use 1",
    "False": "use 0",
}


class Source:
    """A formula's text, for errors that show the place."""

    def __init__(self, text: str) -> None:
        self.text = text

    def error(self, message: str, position: int) -> FormulaError:
        """The error, with the line of the text and a caret under the position."""
        position = max(0, min(position, len(self.text)))
        start = self.text.rfind("\n", 0, position) + 1
        end = self.text.find("\n", position)
        line = self.text[start : end if end >= 0 else len(self.text)]
        column = position - start
        cut = max(0, column - _SHOWN // 2)
        shown = "".join(c if c.isprintable() else " " for c in line[cut : cut + _SHOWN])
        head = "..." if cut else ""
        tail = "..." if cut + _SHOWN < len(line) else ""
        caret = " " * (len(head) + column - cut) + "^"
        return FormulaError(f"{message} (column {column + 1})\n    {head}{shown}{tail}\n    {caret}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the closest ones, or else all there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"


def scan(source: Source) -> str:
    """Check the text's words and nesting, and return it on one line, every character at its place.

    Line ends are spaces in a single expression, and separate the statements of ``t = ...; ...`` like ``;``.

    Raises
    ------
    FormulaError
        Where a word or sign is not part of the language, or a limit is passed.
    """
    text = source.text
    if len(text) > MAX_CHARACTERS:
        raise FormulaError(f"a formula's text has at most {MAX_CHARACTERS} characters; this one has {len(text)}")
    nesting = _Nesting(source)
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            raise source.error(_refusal(character), position)
        kind, token = match.lastgroup or "", match.group()
        _check_token(source, kind, token, position, match.end())
        nesting.feed(kind, token, position)
        position = match.end()
    characters = [" " if c.isspace() else c for c in text]
    if nesting.statements:
        for end in nesting.line_ends:
            characters[end] = ";"
    return "".join(characters)


def _refusal(token: str) -> str:
    hint = _HINTS.get(token)
    return f"{token!r} is not part of a formula" + (f"; {hint}" if hint else "")


def _check_token(source: Source, kind: str, token: str, start: int, end: int) -> None:
    following = source.text[end : end + 1]
    if kind == "number":
        if following.isalnum() or following == "_":
            raise source.error(f"cannot read the number {source.text[start : end + 1]!r}", start)
        if sum(c.isdigit() for c in token) > MAX_DIGITS:
            raise source.error(f"a number has at most {MAX_DIGITS} digits", start)
        value = float(token)
        if math.isinf(value) or (value == 0.0 and token.lower().split("e")[0].strip("0.")):
            raise source.error(f"the number {token} is outside of what float64 holds; use inf or 0", start)
    elif kind == "name":
        if len(token) > MAX_NAME:
            raise source.error(f"a name has at most {MAX_NAME} characters", start)
        if token in _HINTS or (keyword.iskeyword(token) and token != "None"):
            raise source.error(_refusal(token), start)
        if following in ('"', "'"):
            raise source.error("text in quotes takes no prefix", start)
    elif token in _HINTS or token in ("->", "<<", ">>"):
        raise source.error(_refusal(token), start)


class _Nesting:
    """How deeply Python's parser will nest: brackets, signs in a row, powers of powers."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.statements = False
        self.line_ends: list[int] = []
        self._open: list[int] = []  # per open bracket: the run outside of it
        self._run = 0  # signs and powers that nest at the present level
        self._total = 0  # sum of _open, each counted one more for its bracket
        self._after_operand = False
        self._last = ""  # the last sign or word, or a line end that separates

    def feed(self, kind: str, token: str, position: int) -> None:
        """Take one more token; raises where the nesting passes its limit."""
        if kind in ("space", "newline"):
            # an expression may go on in the next line, so that nothing ends here as to nesting
            if kind == "newline" and not self._open and self._last not in ("", ";", "\n"):
                self._last = "\n"
                self.line_ends.append(position)
            return
        if token == ";" and self._last == "\n":
            self.line_ends.pop()  # `;` on a line of its own: once is enough
        self._last = token
        if kind != "operator":
            self._after_operand = True
            return
        if token in "([":
            self._open.append(self._run + 1)
            self._total += self._run + 1
            self._run, self._after_operand = 0, False
        elif token in ")]":
            if not self._open:
                raise self.source.error(f"{token!r} closes nothing", position)
            self._run = self._open.pop() - 1
            self._total -= self._run + 1
            self._after_operand = True
        elif token == "**" or (token in "+-" and not self._after_operand):
            self._run += 1
            self._after_operand = False
        elif token != ".":
            self.statements |= token == "=" and not self._open
            self._run, self._after_operand = 0, False
        if self._total + self._run > MAX_NESTING:
            raise self.source.error(f"a formula nests at most {MAX_NESTING} levels deep", position)
