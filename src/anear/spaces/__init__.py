"""Named distances: a formula with a name, parameters and a domain.

    "lp:p=3"  --lookup.resolve-->  Resolved: expression, parameters, domains, claims
                     |
              distances/<one file each>   (listed from the folder, read when first asked for)

A new distance is one file in ``distances/`` and one row in ``tests/reference/distances.py``.
"""

from anear.spaces.domain import Domain
from anear.spaces.lookup import all_distances, find, names, resolve
from anear.spaces.space import Distance, Parameter, Resolved

__all__ = ["Distance", "Domain", "Parameter", "Resolved", "all_distances", "find", "names", "resolve"]
