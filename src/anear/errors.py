"""Every error anear raises on purpose.

All of them are also the built-in error a Python user expects (``ValueError``, ``TypeError``, ``OSError``),
so ``except ValueError`` keeps working while ``except AnearError`` catches the lot.
"""

from __future__ import annotations

__all__ = [
    "AnearError",
    "ArgumentError",
    "Cancelled",
    "CompileError",
    "DomainError",
    "FileFormatError",
    "FormulaError",
]


class AnearError(Exception):
    """Base of all errors raised by anear."""


class ArgumentError(AnearError, ValueError):
    """An argument is wrong: the message names it, its value and what is allowed."""


class FormulaError(AnearError, ValueError):
    """A formula cannot be read or does not make sense; for text the column is shown."""


class DomainError(AnearError, ValueError):
    """A value lies outside a distance's domain; the message names row and column."""


class FileFormatError(AnearError, ValueError):
    """A file cannot be read: truncated, damaged or not of the format it claims."""


class CompileError(AnearError, RuntimeError):
    """A formula could not be turned into machine code."""


class Cancelled(AnearError, RuntimeError):  # noqa: N818 - nothing went wrong: it was asked for
    """The progress callback returned False, and the work stopped."""
