"""Courses of many people written into one array, slab by slab, by as many threads as there are cores.

In: a cohort, times, an array. Out: the array, filled; a report after each slab; an early end when the caller says so.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from vigil.kinetics.cohort import Cohort, pattern_of
from vigil.kinetics.compiled import IS_COMPILED
from vigil.kinetics.facts import FloatArray
from vigil.kinetics.many_courses import even_step, fill_courses
from vigil.kinetics.pieces import ULPS, TimesInvalid, piecewise

T = TypeVar("T")

SLAB = 64
"""People between two reports: some milliseconds of work, so that a stop is quick and threads end together."""

PAST_CACHES_BYTES = 64 * 2**20
"""An answer larger than this does not stay in the caches until it is read, so it is written past them."""

Progress = Callable[[int, int], bool | None]
"""Called with people done and people in all; False stops the work."""


class Stopped(Exception):
    """The caller's progress call asked for an end before everybody was done."""

    def __init__(self, done: int, total: int, of: str = "people") -> None:
        self.done = done
        self.total = total
        super().__init__(
            f"Stopped after {done} of {total} {of}, as asked. What was filled so far is not a whole answer."
        )


def fill(
    cohort: Cohort, times: FloatArray, out: FloatArray, *, progress: Progress | None = None
) -> None:
    """Write everybody's courses at these times into `out`, shape (P, M, T).

    Raises:
        TimesInvalid: a time is not finite.
        Stopped: `progress` returned False; `out` is then filled in part.
    """
    if not (times.flags.c_contiguous and times.flags.writeable and times.dtype == np.float64):
        # One kind of array: another (read-only, strided) would be compiled anew.
        times = np.array(times, dtype=np.float64)
    if not out.size:
        _check_finite(times)
        return
    step = even_step(times, ULPS) if IS_COMPILED else 0.0  # type: ignore[no-untyped-call]
    if step < 0 or not IS_COMPILED:
        _check_finite(times)
        if not np.all(times[1:] >= times[:-1]):
            order = np.argsort(times, kind="stable")
            rising = np.empty_like(out)
            fill(cohort, times[order], rising, progress=progress)
            out[:, :, order] = rising
            return
    if IS_COMPILED:
        run = _filler(cohort, times, step, past=out.nbytes > PAST_CACHES_BYTES)
    else:
        run = _numpy_filler(cohort, times)
    for _ in in_slabs(lambda part: run(part, out[part]), len(cohort), progress=progress):
        pass


def _check_finite(times: FloatArray) -> None:
    if not np.all(np.isfinite(times)):
        raise TimesInvalid(float(times[~np.isfinite(times)][0]))


def _filler(
    cohort: Cohort, times: FloatArray, step: float, *, past: bool
) -> Callable[[slice, FloatArray], None]:
    pattern = pattern_of(cohort.rates)

    def run(part: slice, out: FloatArray) -> None:
        fill_courses(  # type: ignore[no-untyped-call]
            cohort.rates[part],
            cohort.outputs[part],
            cohort.reach[part],
            pattern.states,
            pattern.starts,
            pattern.rows,
            pattern.columns,
            cohort.minutes[part],
            cohort.boluses[part],
            cohort.inputs[part],
            times,
            step,
            out,
            past,
        )

    return run


def _numpy_filler(cohort: Cohort, times: FloatArray) -> Callable[[slice, FloatArray], None]:
    def run(part: slice, out: FloatArray) -> None:
        for row, person in enumerate(range(part.start, part.stop)):
            out[row] = piecewise(cohort.system(person), cohort.schedule(person), times)

    return run


def in_slabs(
    work: Callable[[slice], T],
    people: int,
    *,
    progress: Progress | None = None,
    slab: int = SLAB,
) -> Iterator[T]:
    """What `work` gives for each slab of people, in order, worked on by as many threads as there are cores.

    Raises:
        Stopped: `progress` returned False.
    """
    parts = [slice(first, min(first + slab, people)) for first in range(0, people, slab)]
    if len(parts) == 1 and progress is None:
        yield work(parts[0])
        return
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        waiting = [threads.submit(work, part) for part in parts]
        try:
            for part, found in zip(parts, waiting, strict=True):
                answer = found.result()
                if progress is not None and progress(part.stop, people) is False:
                    raise Stopped(part.stop, people)
                yield answer
        finally:
            threads.shutdown(cancel_futures=True)
