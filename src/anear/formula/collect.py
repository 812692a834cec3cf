"""Taking a rank apart into its sides, and collecting what both sides need under its expensive factors.

sum(x*log(x/(x + y)) + y*log(y/(x + y)))
    =  sum(x*log(x))  +  sum(y*log(y))  -  sum((x + y)*log(x + y))        of x, of y, of both: one logarithm left
"""

from __future__ import annotations

from anear.formula.algebra import Expander
from anear.formula.expression import Expr, make, number
from anear.formula.graph import BOTH, POINT
from anear.formula.polynomial import Polynomial, add_to, scaled, shape_of, sorted_terms, written, written_term
from anear.formula.ranges import Factors, product
from anear.formula.simplify import simplify

__all__ = ["collected", "gathered"]


def collected(rank: Expr) -> tuple[Expr, Expr, Expr]:
    """(terms of the query and of neither side, of the point, of both) whose sum is ``rank``."""
    expand = Expander(bilinear=False)
    query: Polynomial = {}
    point: Polynomial = {}
    both: list[Factors] = []
    for term in sorted_terms(expand(rank)):
        side = expand.side_of(term.powers)
        if side == BOTH:
            both.append(term)
        else:
            add_to(point if side == POINT else query, term)
    return written(query), written(point), _mixed(both, expand)


def gathered(vector: Expr) -> Expr:
    """A vector as the sum of its terms, each expensive factor of both sides written once."""
    expand = Expander(bilinear=False)
    return _gathered(expand(simplify(vector)), expand)


def _mixed(terms: list[Factors], expand: Expander) -> Expr:
    """The terms that need both sides: sums with equal factors in front become one sum, collected inside."""
    result: Expr | None = None
    sums: dict[frozenset[tuple[Expr, float]], tuple[Factors, Polynomial]] = {}
    for term in terms:
        inner = [a for a, e in term.powers.items() if a.op == "sum" and e == 1.0 and expand.sides(a) == BOTH]
        if len(inner) != 1:
            result = _plus(result, written_term(term))
            continue
        front = Factors(1.0, {a: e for a, e in term.powers.items() if a is not inner[0]})
        _, inside = sums.setdefault(front.key() | {(shape_of(inner[0].args[0]), 0.0)}, (front, {}))
        for part in expand(inner[0].args[0]).values():
            add_to(inside, Factors(part.number * term.number, part.powers))
    for front, inside in sums.values():
        vector = _gathered(inside, expand)
        result = _plus(result, make("mul", product(front), make("sum", vector)))
    return simplify(result) if result is not None else number(0.0)


def _plus(total: Expr | None, term: Expr) -> Expr:
    return term if total is None else make("add", total, term)


def _gathered(terms: Polynomial, expand: Expander) -> Expr:
    """The sum written with each expensive two-sided factor once: ``x*L + y*L`` as ``(x + y)*L``."""
    common = _commonest(terms, expand)
    if common is None:
        return written(terms)
    atom, exponent = common
    inner: Polynomial = {}
    rest: Polynomial = {}
    for term in terms.values():
        if term.powers.get(atom) == exponent:
            add_to(inner, Factors(term.number, {a: e for a, e in term.powers.items() if a is not atom}))
        else:
            add_to(rest, term)
    scale = sorted_terms(inner)[0].number
    quotient = _gathered(scaled(inner, 1.0 / scale), expand)
    if atom.op == "xlogy" and exponent == 1.0:
        head = make("xlogy", quotient, atom.args[1])
    else:
        head = make("mul", quotient, product(Factors(1.0, {atom: exponent})))
    head = make("mul", number(scale), head)
    return simplify(head if not rest else make("add", head, _gathered(rest, expand)))


def _commonest(terms: Polynomial, expand: Expander) -> tuple[Expr, float] | None:
    """The two-sided factor that the most terms have in common; None where no two share one."""
    counts: dict[tuple[Expr, float], int] = {}
    for term in sorted_terms(terms):
        for factor in term.powers.items():
            if expand.sides(factor[0]) == BOTH:
                counts[factor] = counts.get(factor, 0) + 1
    best = max(counts.items(), key=lambda item: item[1], default=None)
    return best[0] if best is not None and best[1] > 1 else None
