"""What asks for memory ahead is in the machine code: to GCC it has no effect, and a call of it may be dropped."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTRUCTION = {"x86_64": "prefetch", "AMD64": "prefetch", "aarch64": "prfm", "arm64": "prfm"}
# A function that does nothing else, too long to become a part of each that calls it at once.
SOURCE = """
#include "base/memory.h"
#include <cstdint>
namespace anear {
struct Asking {
  const std::byte* rows;
  std::int64_t bytes;
  void ask(std::int64_t row) const {
    const auto lines = [&](const std::byte* first) {
      for (std::int64_t at = 0; at < bytes; at += 64) ASK(first + at);
      for (std::int64_t at = 0; at < bytes; at += 64) ASK(first + 3 * at);
      ASK(first + bytes - 1);
    };
    lines(rows + row * bytes);
    lines(rows + (row + 1) * bytes);
  }
};
void ask_for_all(const Asking& asking, const std::int32_t* order, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) asking.ask(order[i]);
  asking.ask(-1);
}
}  // namespace anear
"""


@pytest.mark.parametrize("name", ["prefetch", "prefetch_to_write"])
def test_calls_are_kept(name: str) -> None:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    if platform.machine() not in INSTRUCTION:
        pytest.skip(f"no known instruction of {platform.machine()}")
    command = [compiler, "-std=c++20", "-O3", f"-I{ROOT}/core", f"-DASK={name}", "-S", "-x", "c++", "-", "-o", "-"]
    text = subprocess.run(command, input=SOURCE, capture_output=True, text=True, check=True, timeout=60).stdout
    instructions = [line.split()[0] for line in text.splitlines() if line.startswith("\t")]
    assert any(line.startswith(INSTRUCTION[platform.machine()]) for line in instructions)
