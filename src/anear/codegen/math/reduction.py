"""Reducing numbers beyond 2^45 by pi/2, for sin, cos and tan (the method of Payne and Hanek).

|x| = m * 2^e with an integer m of 53 bits. Of the digits of 2/pi those that make x * 2/pi a multiple of 4 may be left
out, and those that make less than 2^-137; the 192 between are multiplied by m in integers. The upper two bits of the
product are the quarter, and the rest, up to the nearest quarter, times pi/2 is r.

This is scalar code in a function of its own, marked as cold: large numbers are rare, and the vectors' code is to stay
short.
"""

from __future__ import annotations

from functools import cache

from anear.codegen.llvm import Body, Kind

__all__ = ["REACH", "reduce_large"]

REACH = 2.0**45
"""Up to here the vectors' own reduction is exact."""

_LARGEST = 971  # the exponent e of the largest number
_WORDS = 20  # of 64 bits, the first one 0: what numbers of the least and of the largest exponent need

_HALF_PI = 0xC90FDAA22168C235  # times 2^-63

# { r, quarter } of one number
_SCALAR = f"""
define internal {{ double, i64 }} @reduce_large(double %a) cold noinline {{
  %bits = bitcast double %a to i64
  %fraction = and i64 %bits, {2**52 - 1}
  %m = or i64 %fraction, {2**52}
  %shifted = lshr i64 %bits, 52
  %biased = and i64 %shifted, 2047
  %any = sub i64 %biased, 1075
  %e = call i64 @llvm.smin.i64(i64 %any, i64 {_LARGEST})
  %first = add i64 %e, 62
  %word = lshr i64 %first, 6
  %by = and i64 %first, 63
  %at = getelementptr i64, ptr @two_over_pi, i64 %word
  %at1 = getelementptr i64, ptr %at, i64 1
  %at2 = getelementptr i64, ptr %at, i64 2
  %at3 = getelementptr i64, ptr %at, i64 3
  %d0 = load i64, ptr %at
  %d1 = load i64, ptr %at1
  %d2 = load i64, ptr %at2
  %d3 = load i64, ptr %at3
  %w0 = call i64 @llvm.fshl.i64(i64 %d0, i64 %d1, i64 %by)
  %w1 = call i64 @llvm.fshl.i64(i64 %d1, i64 %d2, i64 %by)
  %w2 = call i64 @llvm.fshl.i64(i64 %d2, i64 %d3, i64 %by)
  %wide = zext i64 %m to i128
  %wide1 = zext i64 %w1 to i128
  %wide2 = zext i64 %w2 to i128
  %p2 = mul i128 %wide, %wide2
  %carry2 = lshr i128 %p2, 64
  %m1 = mul i128 %wide, %wide1
  %p1 = add i128 %m1, %carry2
  %middle = trunc i128 %p1 to i64
  %over = lshr i128 %p1, 64
  %carry1 = trunc i128 %over to i64
  %m0 = mul i64 %m, %w0
  %high = add i64 %m0, %carry1
  %low = trunc i128 %p2 to i64
  %rounded = add i64 %high, {2**61}
  %q = lshr i64 %rounded, 62
  %s1 = call i64 @llvm.fshl.i64(i64 %high, i64 %middle, i64 2)
  %s0 = call i64 @llvm.fshl.i64(i64 %middle, i64 %low, i64 2)
  %upper = zext i64 %s1 to i128
  %up = shl i128 %upper, 64
  %lower = zext i64 %s0 to i128
  %s = or i128 %up, %lower
  %below = icmp slt i128 %s, 0
  %opposite = sub i128 0, %s
  %size = select i1 %below, i128 %opposite, i128 %s
  %zeros = call i128 @llvm.ctlz.i128(i128 %size, i1 false)
  %left = and i128 %zeros, 127
  %full = shl i128 %size, %left
  %top = lshr i128 %full, 64
  %scaled = mul i128 %top, {_HALF_PI}
  %part = lshr i128 %scaled, 64
  %digits = trunc i128 %part to i64
  %number = uitofp i64 %digits to double
  %zeros64 = trunc i128 %left to i64
  %exponent = sub i64 {1023 - 63}, %zeros64
  %placed = shl i64 %exponent, 52
  %scale = bitcast i64 %placed to double
  %r = fmul double %number, %scale
  %minus = icmp slt i64 %bits, 0
  %turned = xor i1 %minus, %below
  %back = fneg double %r
  %signed = select i1 %turned, double %back, double %r
  %other = sub i64 0, %q
  %quarter = select i1 %minus, i64 %other, i64 %q
  %one = insertvalue {{ double, i64 }} poison, double %signed, 0
  %both = insertvalue {{ double, i64 }} %one, i64 %quarter, 1
  ret {{ double, i64 }} %both
}}"""


def reduce_large(body: Body, large: str, a: str, quarter: str, r: str) -> tuple[str, str]:
    """(quarter, r) put right in the lanes where |a| is beyond ``REACH``; ``large`` (one i1): there are such lanes."""
    kind = body.kind
    pair = f"{{ {kind.type}, {kind.integer} }}"
    body.declarations.update(_scalar_function())
    name = "@reduce_large"
    if kind.lanes > 1:
        name = f"@reduce_large_{kind.lanes}"
        body.declarations.add(_vector_function(name, kind.lanes))
    before, detour, after = body.block, body.fresh_label("detour"), body.fresh_label("reduced")
    body.do(f"br i1 {large}, label %{detour}, label %{after}")
    body.label(detour)
    rest = f", {kind.type} {r}, {kind.integer} {quarter}" if kind.lanes > 1 else ""
    found = body.emit(f"call {pair} {name}({kind.type} {a}{rest})")
    new_r = body.emit(f"extractvalue {pair} {found}, 0")
    new_quarter = body.emit(f"extractvalue {pair} {found}, 1")
    body.do(f"br label %{after}")
    body.label(after)
    r = body.emit(f"phi {kind.type} [ {r}, %{before} ], [ {new_r}, %{detour} ]")
    quarter = body.emit(f"phi {kind.integer} [ {quarter}, %{before} ], [ {new_quarter}, %{detour} ]")
    return quarter, r


@cache
def _two_over_pi() -> tuple[int, ...]:
    """64 zeros and the bits of 2/pi, in words."""
    bits = 64 * (_WORDS - 1)
    one = 1 << (bits + 64)

    def arctan_of_inverse(n: int) -> int:
        total = term = one // n
        i = 1
        while term:
            term //= n * n
            i += 2
            total += -(term // i) if i % 4 == 3 else term // i
        return total

    pi = 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)
    fraction = (2 * one << bits) // pi
    return tuple((fraction >> 64 * i) & (2**64 - 1) for i in reversed(range(_WORDS)))


@cache
def _scalar_function() -> frozenset[str]:
    """``reduce_large(a)`` and what it needs."""
    words = ", ".join(f"i64 {word - (word >> 63 << 64)}" for word in _two_over_pi())
    return frozenset(
        {
            f"@two_over_pi = private unnamed_addr constant [{_WORDS} x i64] [{words}]",
            "declare i64 @llvm.smin.i64(i64, i64)",
            "declare i64 @llvm.fshl.i64(i64, i64, i64)",
            "declare i128 @llvm.ctlz.i128(i128, i1)",
            _SCALAR,
        }
    )


def _vector_function(name: str, lanes: int) -> str:
    """The same for the large ones of many lanes; the others keep what they have."""
    real, integer = f"<{lanes} x double>", f"<{lanes} x i64>"
    pair = f"{{ {real}, {integer} }}"
    reach, opposite = (Body(Kind(64, 1)).const(number) for number in (REACH, -REACH))
    return f"""
define internal {pair} {name}({real} %a, {real} %r, {integer} %q) cold noinline {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %following, %next ]
  %r0 = phi {real} [ %r, %entry ], [ %r2, %next ]
  %q0 = phi {integer} [ %q, %entry ], [ %q2, %next ]
  %x = extractelement {real} %a, i64 %i
  %above = fcmp ogt double %x, {reach}
  %beneath = fcmp olt double %x, {opposite}
  %large = or i1 %above, %beneath
  br i1 %large, label %reduce, label %next
reduce:
  %found = call {{ double, i64 }} @reduce_large(double %x)
  %one = extractvalue {{ double, i64 }} %found, 0
  %quarter = extractvalue {{ double, i64 }} %found, 1
  %r1 = insertelement {real} %r0, double %one, i64 %i
  %q1 = insertelement {integer} %q0, i64 %quarter, i64 %i
  br label %next
next:
  %r2 = phi {real} [ %r0, %loop ], [ %r1, %reduce ]
  %q2 = phi {integer} [ %q0, %loop ], [ %q1, %reduce ]
  %following = add i64 %i, 1
  %more = icmp slt i64 %following, {lanes}
  br i1 %more, label %loop, label %done
done:
  %first = insertvalue {pair} poison, {real} %r2, 0
  %both = insertvalue {pair} %first, {integer} %q2, 1
  ret {pair} %both
}}"""
