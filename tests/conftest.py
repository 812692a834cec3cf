"""What every test runs under."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# Kernels that tests compile stay apart from the user's own; the variable must be set before anear looks at it.
os.environ.setdefault("ANEAR_CACHE", str(Path(__file__).parents[1] / "build" / "test-kernels"))

# No deadline: a kernel is compiled the first time a formula comes up, and other work shares the machine. In continuous
# integration the examples are the same every time, so a failure there is one that a change brought.
settings.register_profile(
    "anear", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("anear")
if "CI" in os.environ:
    # Examples take numbers from the modules imported so far, and these hang on how the workers share the tests.
    providers._get_local_constants = lambda: providers._local_constants
