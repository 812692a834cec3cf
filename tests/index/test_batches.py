"""Which way batches go, told by a clock that is made up, so that what they do is certain."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from anear.index import batches
from anear.index.batches import EVERYONE, Batch
from anear.index.costs import Cost, State

BLOCK, SCAN = 100.0, 20_000.0  # nanoseconds: a scan takes as long as 200 blocks
RNG = np.random.default_rng(3)


class World:
    """A tree and a scan that take as long as they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, block: float = BLOCK, scan: float = SCAN) -> None:
        self.block, self.scan, self.now, self.asked = block, scan, 0.0, []  # type: ignore[var-annotated]
        self.state = State(Cost(20 * BLOCK, 1.0, BLOCK, 0.0, SCAN, SCAN), 20 * BLOCK)
        self.blocks: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        monkeypatch.setattr(batches.time, "process_time_ns", lambda: int(self.now))

    def answered(self, blocks: Any) -> list[tuple[str, int]]:
        """(way, queries) of each search that a batch of queries led to that look at so many blocks."""
        self.blocks, self.asked = np.asarray(blocks, np.int32), []
        answers = np.zeros(len(self.blocks), np.int64)
        for places, found in Batch(self.ask, "tree", lambda: "scan", len(self.blocks), self.state).answered():
            answers[places] = found
        assert answers.all()  # everybody is answered
        return self.asked

    def ask(self, core: str, places: Any, parameters: Any = None, effort: Any = None) -> Any:
        blocks = self.blocks[places]
        self.asked.append((core, len(blocks) if places is not EVERYONE else -1))
        if core == "scan":
            self.now += self.scan * len(blocks)
            return np.ones(len(blocks), np.int64)
        limit = parameters["give_up"]
        effort[:] = np.where(blocks >= limit, -limit, blocks)
        self.now += self.block * np.abs(effort).sum()
        return np.where(effort < 0, 0, 1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_is_hopeless_is_scanned_for_after_a_few(world: World) -> None:
    assert world.answered(np.full(1000, 10_000)) == [("tree", 8), ("scan", -1)]
    assert world.now < 1.03 * 1000 * SCAN


def test_what_is_sure_goes_down(world: World) -> None:
    assert world.answered(np.full(1000, 20)) == [("tree", 8), ("tree", -1)]
    assert world.answered(np.full(1000, 20)) == [("tree", -1)]  # soon over: nobody is asked first


def test_long_batches_are_asked_first_every_time(world: World) -> None:
    for _ in range(3):
        assert world.answered(np.full(10_000, 30)) == [("tree", 8), ("tree", -1)]


def test_a_kind_is_trusted_once_it_is_known_to_be_soon_over(world: World) -> None:
    assert not world.state.trusted(1000)  # nothing is known yet
    world.answered(np.full(1000, 20))
    assert world.state.trusted(1000)  # a tenth of a scan
    assert not world.state.trusted(5000)  # ten milliseconds
    world.answered(np.full(1000, 150))
    assert not world.state.trusted(1000)  # three quarters of a scan


def test_queries_that_take_longer_than_a_scan_do_not_speak_for_all(world: World) -> None:
    blocks = RNG.permutation(np.repeat([60, 250], [700, 300]))  # on average six tenths of a scan
    assert world.answered(blocks)[-1] == ("tree", -1)


def test_who_gives_up_is_scanned_for(world: World) -> None:
    blocks = np.full(1000, 20)
    blocks[5::100] = 5000
    assert world.answered(blocks) == [("tree", 8), ("tree", -1), ("scan", 10)]


def test_few_who_give_up_go_down_again_before_they_are_scanned_for(world: World) -> None:
    """One alone takes fifty times what a scan takes for one of many."""
    world.state = State(Cost(20 * BLOCK, 1.0, BLOCK, 0.0, SCAN, 50 * SCAN), 20 * BLOCK)
    blocks = np.full(1000, 20)
    blocks[3] = 600
    assert world.answered(blocks) == [("tree", 8), ("tree", -1), ("tree", 1)]
    assert world.answered(blocks) == [("tree", -1)]  # hardly one gave up: each may take longer
    blocks[3] = 30_000
    assert world.answered(blocks) == [("tree", -1), ("tree", 1), ("scan", 1)]


def test_the_clock_decides_where_blocks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = World(monkeypatch, block=BLOCK / 2)
    assert quick.answered(np.full(1000, 240)) == [("tree", 8), ("tree", 31), ("tree", -1)]
    slow = World(monkeypatch, block=1.5 * BLOCK)
    assert slow.answered(np.full(1000, 160)) == [("tree", 8), ("tree", 31), ("scan", -1)]


def test_where_it_is_close_both_ways_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, scan=0.6 * SCAN)  # quicker than was measured
    ways = [world.answered(np.full(1000, 150))[-1][0] for _ in range(200)]
    assert ways[0] == "tree"
    assert ways.count("tree") < 16
    assert ways[100:].count("tree") < 5


def test_more_are_asked_where_a_few_would_change_the_choice(world: World) -> None:
    world.state.known = world.state.expected = 190 * BLOCK  # nearly a scan's time
    assert world.answered(np.full(1000, 195))[1] != ("tree", 31)  # alike, and the choice is the same
    world.state.known = world.state.expected = 190 * BLOCK
    assert world.answered(np.full(1000, 170)) == [("tree", 8), ("tree", 31), ("tree", -1)]


def test_a_part_of_a_batch_does_not_set_the_pace(world: World) -> None:
    for _ in range(5):
        world.answered(np.full(1000, 150))
    for size in (8, 31):
        world.block = 1.5 * BLOCK  # cold caches
        part = Batch(world.ask, "tree", lambda: "scan", 1000, world.state)
        part._descended(np.arange(size))
        assert world.state.expected < 1.01 * 150 * BLOCK
        assert world.state.pace < 1.01


def test_a_part_of_a_batch_that_is_quicker_counts(world: World) -> None:
    for _ in range(5):
        world.answered(np.full(1000, 150))
    world.block = 0.5 * BLOCK
    Batch(world.ask, "tree", lambda: "scan", 1000, world.state)._descended(np.arange(8))
    assert world.state.expected < 0.55 * 150 * BLOCK


def test_a_part_that_takes_far_longer_than_caches_to_fill_counts(world: World) -> None:
    for _ in range(5):
        world.answered(np.full(1000, 20))
    world.block = 2 * BLOCK  # blocks that lie in no cache
    Batch(world.ask, "tree", lambda: "scan", 1000, world.state)._descended(np.arange(4))
    assert world.state.expected < 1.01 * 20 * BLOCK  # sixteen microseconds
    world.blocks[:] = 399
    Batch(world.ask, "tree", lambda: "scan", 1000, world.state)._descended(np.arange(31))
    assert world.state.expected > 1.2 * 399 * BLOCK


def test_where_both_were_measured_the_better_is_taken_by_however_little(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, scan=1.05 * SCAN)
    ways = [world.answered(np.full(1000, 198))[-1][0] for _ in range(100)]
    assert ways[40:].count("tree") > 50


def test_a_kind_that_takes_less_goes_down_at_once_though_its_first_find_cold_caches(world: World) -> None:
    for _ in range(12):
        world.answered(np.full(1000, 205))  # about as long as a scan
    world.state.close = 0  # no trial is due
    ask = world.ask

    def cold(core: str, places: Any, parameters: Any = None, effort: Any = None) -> Any:
        world.now += 0 if places is EVERYONE else 4e5
        return ask(core, places, parameters, effort)

    world.ask = cold  # type: ignore[method-assign]
    assert world.answered(np.full(1000, 155)) == [("tree", 8), ("tree", 31), ("tree", -1)]


def test_a_batch_goes_by_a_short_call_while_that_is_the_better_way(world: World) -> None:
    world.answered(np.full(1000, 20))
    call = world.state.short(1000, until_scans=True)
    for took in (20, 20, 170, 170, 170):
        assert not call.over
        scans, _ = call.next()
        call.learn(scans, took * BLOCK * 1000)
    while not call.over:
        call.learn(False, 5000 * BLOCK * 1000)
    assert call.tree > call.scan
    assert world.state.pace_of_scan(1.1 * SCAN) == pytest.approx(1.1)
    assert world.state.pace_of_scan(50 * SCAN) == 1.25  # disturbed


def test_a_call_of_another_kind_that_takes_as_long_as_a_scan_ends_short_calls_at_once(world: World) -> None:
    world.answered(np.full(1000, 20))
    call = world.state.short(1000, until_scans=True)
    for took in (20, 20, 60):  # the last one disturbed
        call.learn(call.next()[0], took * BLOCK * 1000)
        assert not call.over
    call.learn(call.next()[0], 185 * BLOCK * 1000)
    assert call.over


def test_one_disturbed_batch_decides_nothing(world: World) -> None:
    for _ in range(5):
        assert world.answered(np.full(1000, 100))[-1][0] == "tree"
    world.block = 3 * BLOCK
    world.answered(np.full(1000, 100))
    world.block = BLOCK
    for _ in range(5):
        assert world.answered(np.full(1000, 100))[-1][0] == "tree"


def test_no_kind_of_queries_is_known_for_ever(world: World) -> None:
    for blocks, way in ((20, "tree"), (5000, "scan"), (20, "tree")):
        for _ in range(3):
            found = world.answered(np.full(1000, blocks))
        assert found[-1] == (way, -1)
