"""The exact engine for one person: concentrations at any times.

In: a linear system, a schedule, times. Out: concentrations, the same as `slow` gives, fast. A long list of times is filled
by compiled code, a short one by NumPy, which is there before the compiler has been loaded; both are the same closed form.
"""

import numpy as np

from vigil.kinetics.facts import FloatArray, LinearSystem, Schedule
from vigil.kinetics.pieces import TimesInvalid, piecewise

COMPILED_FROM_TIMES = 4096
"""Below this many times loading the compiled code takes longer than it saves. Only the length decides, so that one question
always has one answer."""


def concentrations(
    system: LinearSystem, schedule: Schedule, time_minutes: FloatArray
) -> FloatArray:
    """Concentration of each analyte at each time.

    Args:
        system: of one person.
        schedule: what enters when; before its first minute nothing is there.
        time_minutes: shape (T,), in any order, repeated ones allowed.

    Returns:
        Shape (M, T), ng/mL. At the very minute of a bolus the value is the one after it.

    Raises:
        TimesInvalid: a time is not finite.
        NotACompartmentSystem: the matrix is not one of a compartment system.
    """
    times = np.asarray(time_minutes, dtype=np.float64)
    if len(times) >= COMPILED_FROM_TIMES:
        from vigil.kinetics.compiled import IS_COMPILED

        if IS_COMPILED and len(schedule.minutes):
            from vigil.kinetics.cohort import cohort_of_one
            from vigil.kinetics.filling import fill

            courses = np.empty((1, len(system.analytes), len(times)))
            fill(cohort_of_one(system, schedule), times, courses)
            return np.asarray(courses[0])
    if not np.all(np.isfinite(times)):
        raise TimesInvalid(float(times[~np.isfinite(times)][0]))
    courses = np.zeros((len(system.analytes), len(times)))
    if not len(times) or not len(schedule.minutes):
        return courses
    order = np.argsort(times, kind="stable")
    courses[:, order] = piecewise(system, schedule, times[order])
    return courses
