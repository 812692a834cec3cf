"""The entry point of the command ``anear``.

Exit codes: 0 done, 2 bad input (one message on stderr, never a traceback), 130 interrupted by Ctrl-C, 141 the reader of
our output went away. Anything else is a bug and shows its traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from anear.errors import AnearError

__all__ = ["app", "run"]

BAD_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


def app() -> None:
    """Run the command line of this process and end the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run ``anear`` with these arguments and return the exit code.

    >>> run(["--version"])  # doctest: +ELLIPSIS
    anear ...
    0
    """
    try:
        return _run(list(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at exit; give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (AnearError, OSError) as error:
        return _complain(_describe(error))
    except MemoryError as error:
        return _complain(f"out of memory: {error}" if str(error) else "out of memory")


def _run(arguments: list[str]) -> int:
    try:
        import typer
        from rich import get_console  # noqa: F401  (tells now, not in mid-search, that rich is missing)
    except ModuleNotFoundError as missing:
        return _complain(f"the command line needs {missing.name}; install it with: pip install 'anear[cli]'")
    from anear.cli.commands import commands

    try:
        code = commands(args=arguments, prog_name="anear", standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        # What typer raises for wrong options; its class has moved between typer's versions, its shape has not.
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():
            return BAD_INPUT  # no arguments at all: the help has been printed
        return _complain(error.format_message() + _given(error, arguments))
    except SystemExit:
        # What typer makes of a closed pipe; nothing else ends the process from inside a command.
        return PIPE_CLOSED
    return code if isinstance(code, int) else 0


def _given(error: Exception, arguments: list[str]) -> str:
    """What was given for the option that the error is about, where its message does not say so."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        if option in arguments[:-1]:
            value = arguments[arguments.index(option) + 1]
            return "" if value in str(error) else f" (given: {value!r})"
    return ""


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, AnearError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _complain(message: str) -> int:
    print(f"anear: {message}", file=sys.stderr)
    return BAD_INPUT
