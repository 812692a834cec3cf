"""What is known where in the code that is being emitted, and the kind of number it computes in."""

from __future__ import annotations

from dataclasses import dataclass, field

from anear.codegen.llvm import Body, Kind

__all__ = ["Kinded", "Scope", "Scoped"]


@dataclass(slots=True)
class Scope:
    """Values that dominate the current point of the code."""

    values: dict[object, str] = field(default_factory=dict)


class Scoped:
    """What is emitted inside (a loop's body) is not known outside."""

    def __init__(self, scopes: list[Scope]) -> None:
        self.scopes = scopes

    def __enter__(self) -> None:
        self.scopes.append(Scope())

    def __exit__(self, *_: object) -> None:
        self.scopes.pop()


class Kinded:
    """Emit in another kind for a while."""

    def __init__(self, body: Body, kind: Kind) -> None:
        self.body, self.kind, self.old = body, kind, body.kind

    def __enter__(self) -> None:
        self.old = self.body.kind
        self.body.kind = self.kind

    def __exit__(self, *_: object) -> None:
        self.body.kind = self.old
