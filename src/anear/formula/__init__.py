"""What a distance is: symbolic expressions, their functions, and the passes over them.

    text --parse--> Expr <--operators, functions, methods-- Python
                     |
        show   evaluate (NumPy)   simplify   split (rank, outer)   plans   properties

Write a distance with the query ``x`` and the point ``y``:

>>> from anear.formula import formula, sum, abs, x, y
>>> sum(abs(x - y)) is formula("sum(abs(x - y))")
True
"""

from __future__ import annotations

from anear.formula.expression import Expr, Operand, as_expr, constant, number, point_field, query_field, walk, x, y
from anear.formula.functions import *  # noqa: F403
from anear.formula.functions import __all__ as _functions
from anear.formula.interpret import evaluate
from anear.formula.keops import *  # noqa: F403
from anear.formula.keops import __all__ as _keops
from anear.formula.parse import formula, parse
from anear.formula.reductions import *  # noqa: F403
from anear.formula.reductions import __all__ as _reductions
from anear.formula.shapes import lengths, require_scalar
from anear.formula.show import show, unbind

__all__ = [
    "Expr",
    "Operand",
    "as_expr",
    "constant",
    "evaluate",
    "formula",
    "lengths",
    "number",
    "parse",
    "point_field",
    "query_field",
    "require_scalar",
    "show",
    "unbind",
    "walk",
    "x",
    "y",
]
__all__ += _functions
__all__ += _reductions
__all__ += _keops
