"""Word vectors as text (GloVe, word2vec, fastText): the word, then its numbers, between single spaces.

word2vec and fastText write the number of words and of dimensions into a line before the first. Some words contain
spaces themselves (in glove.840B), so the numbers are counted from the end of the line.
"""

from __future__ import annotations

import numpy as np

from anear.data.dataset import Dataset, Request
from anear.data.files import HEAD, Input
from anear.data.formats import Format
from anear.data.text import NUMBER, Block, Collector, blocks

__all__ = ["FORMATS"]


def _read(request: Request) -> Dataset:
    with Input(request) as file:
        rows, words = Collector(request.stop), list[str]()
        width, promised = 0, None
        for text, line in blocks(file):
            if line == 1:
                promised = _promise(text)
                if promised is not None:
                    width = promised[1]
                    text, line = text[text.index(b"\n") + 1 :], 2
            width = _take(Block(file, text, line, b" \t"), width, rows, words)
            if rows.full:
                break
        else:
            if promised is not None and promised[0] != len(rows):
                file.fail(f"its first line speaks of {promised[0]} words, but {len(rows)} are there: truncated?")
        if not len(rows):
            file.fail("holds no words")
    start, stop = request.span(len(rows))
    return Dataset(rows.join()[start:stop], names=words[start:stop], source=request.source)


def _promise(text: bytes) -> tuple[int, int] | None:
    """(words, dimensions) if the file begins with these."""
    tokens = text[: text.index(b"\n")].split()
    if len(tokens) != 2 or not (tokens[0].isdigit() and tokens[1].isdigit()) or max(map(len, tokens)) > 18:
        return None
    return int(tokens[0]), int(tokens[1])


def _take(block: Block, width: int, rows: Collector, words: list[str]) -> int:
    """One block's words and vectors; gives the number of dimensions."""
    if not len(block.lines):
        return width
    width = width or int(block.counts[0]) - 1
    short = block.counts <= width
    if not width or short.any():
        index = int(short.argmax())
        needed = f"a word and {width or 'its'} numbers are needed"
        block.fail(int(block.lines[index]), f"has {block.counts[index]} entries; {needed}")
    numbers = block.first + block.counts - width
    which = (numbers[:, None] + np.arange(width)).reshape(-1)
    with np.errstate(over="ignore"):  # beyond float32 is inf, which the check for finite values reports
        rows.add(block.numbers(which).astype(np.float32).reshape(-1, width))
    for start, end in zip(block.starts[block.first].tolist(), block.ends[numbers - 1].tolist(), strict=True):
        words.append(block.text[start:end].decode("utf-8", "replace"))
    return width


def _sniff(first: bytes) -> bool:
    """A line of something and then at least two numbers, and the something is neither a number nor NMSLIB's label."""
    if first.startswith(b"label:"):
        return False
    lines = first.removeprefix(b"\xef\xbb\xbf").splitlines()
    promised = _promise(lines[0] + b"\n") if len(lines) > 1 else None
    if promised is not None:
        lines = lines[1:]
    tokens = lines[0].split() if lines else []
    if len(lines) == 1 and len(first) >= HEAD:
        del tokens[-1:]  # cut off where the bytes end
    elif promised is not None and len(tokens) != promised[1] + 1:
        return False
    numbers = [NUMBER.fullmatch(token) is not None for token in tokens]
    return len(tokens) >= 3 and all(numbers[-2:]) and (promised is not None or not numbers[0])


FORMATS = (
    Format("glove", "word vectors as text: the word, then its numbers", (".txt", ".vec", ".glove"), _read, _sniff),
)
