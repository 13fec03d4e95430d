"""Small systems whose courses were worked out with pencil and paper, as functions of time.

In: rates, volumes, doses. Out: cases, each a system, a schedule, and what it must give by a formula that no engine uses:
Bateman's, the gamma form of a chain, the two roots of a quadratic, the cosine of a ring. No shipped model, no file.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray, LinearSystem, Schedule

Course = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A system, a schedule, and its course of the first analyte by formula; `cmax` and `tmax` where they have one.

    `area`: ng/mL * min until a time. None: no formula was worked out.
    """

    name: str
    system: LinearSystem
    schedule: Schedule
    course: Course
    tmax: float
    area: Callable[[float], float] | None = None

    @property
    def cmax(self) -> float:
        return float(self.course(np.array([self.tmax]))[0])


def system_of(rates: list[list[float]], *outputs: list[float]) -> LinearSystem:
    """A system of these rates, each output a row."""
    matrix = np.array(rates, dtype=np.float64)
    return LinearSystem(
        states=tuple(f"s{k}" for k in range(len(matrix))),
        analytes=tuple(f"a{k}" for k in range(len(outputs))),
        rates=matrix,
        outputs=np.array(outputs, dtype=np.float64),
    )


def bolus(size: int, *given: tuple[float, int, float]) -> Schedule:
    """Boluses: minute, state, ug, each at a minute of its own."""
    boluses = np.zeros((len(given), size))
    for k, (_, state, amount) in enumerate(given):
        boluses[k, state] = amount
    minutes = np.array([minute for minute, _, _ in given], dtype=np.float64)
    return Schedule(minutes=minutes, boluses=boluses, rates=np.zeros_like(boluses))


def infusion(size: int, *, start: float, minutes: float, state: int, rate: float) -> Schedule:
    """One infusion of `rate` ug/min."""
    rates = np.zeros((2, size))
    rates[0, state] = rate
    return Schedule(
        minutes=np.array([start, start + minutes]), boluses=np.zeros((2, size)), rates=rates
    )


def since(start: float, form: Course) -> Course:
    """The form, counted from a minute; nothing before it."""
    return lambda t: np.where(t >= start, form(np.maximum(t - start, 0.0)), 0.0)


def one_bolus(k: float = 0.05, v: float = 8.0, dose: float = 400.0, at: float = 3.0) -> Case:
    """y = D/V exp(-k t)."""
    return Case(
        name="bolus of one compartment",
        system=system_of([[-k]], [1 / v]),
        schedule=bolus(1, (at, 0, dose)),
        course=since(at, lambda t: dose / v * np.exp(-k * t)),
        tmax=at,
        area=lambda end: dose / v / k * -math.expm1(-k * max(0.0, end - at)),
    )


def one_infusion(
    k: float = 0.05, v: float = 8.0, rate: float = 20.0, at: float = 2.0, lasting: float = 30.0
) -> Case:
    """y = R/(V k) (1 - exp(-k t)) until the end, then it falls by exp(-k (t - T))."""
    steady = rate / (v * k)
    top = steady * -math.expm1(-k * lasting)

    def form(t: FloatArray) -> FloatArray:
        return np.where(
            t < lasting, steady * -np.expm1(-k * t), top * np.exp(-k * np.maximum(t - lasting, 0))
        )

    def area(end: float) -> float:
        t = max(0.0, end - at)
        during = min(t, lasting)
        rising = steady * (during + math.expm1(-k * during) / k)
        return rising + top / k * -math.expm1(-k * max(0.0, t - lasting))

    return Case(
        name="infusion of one compartment",
        system=system_of([[-k]], [1 / v]),
        schedule=infusion(1, start=at, minutes=lasting, state=0, rate=rate),
        course=since(at, form),
        tmax=at + lasting,
        area=area,
    )


def bateman(ka: float = 0.2, k: float = 0.03, v: float = 5.0, dose: float = 100.0) -> Case:
    """y = D/V ka/(ka - k) (exp(-k t) - exp(-ka t)); the peak is at ln(ka/k) / (ka - k)."""
    height = dose / v * ka / (ka - k)
    return Case(
        name="Bateman",
        system=system_of([[-ka, 0.0], [ka, -k]], [0.0, 1 / v]),
        schedule=bolus(2, (0.0, 0, dose)),
        course=lambda t: height * (np.exp(-k * t) - np.exp(-ka * t)),
        tmax=math.log(ka / k) / (ka - k),
        area=lambda end: height * (math.expm1(-ka * end) / ka - math.expm1(-k * end) / k),
    )


def chain(steps: int, k: float = 0.1, v: float = 4.0, dose: float = 100.0) -> Case:
    """Equal rates in a row: y = D/V (k t)^n / n! exp(-k t), highest at n / k; its area is a Poisson tail."""
    size = steps + 1
    rates = -k * np.eye(size) + k * np.eye(size, k=-1)
    factorial = math.factorial(steps)

    def area(end: float) -> float:
        turns = k * end
        at_most = math.fsum(turns**j / math.factorial(j) for j in range(size)) * math.exp(-turns)
        return dose / v / k * (1.0 - at_most)

    return Case(
        name=f"chain of {steps}",
        system=system_of(rates.tolist(), [0.0] * steps + [1 / v]),
        schedule=bolus(size, (0.0, 0, dose)),
        course=lambda t: dose / v * (k * t) ** steps / factorial * np.exp(-k * t),
        tmax=steps / k,
        area=area,
    )


def roots_of(k10: float, k12: float, k21: float) -> tuple[float, float]:
    """The two rates of decay, faster first: roots of x^2 - (k10 + k12 + k21) x + k10 k21."""
    half = (k10 + k12 + k21) / 2
    spread = math.sqrt(half * half - k10 * k21)
    return half + spread, half - spread


def two_bolus(
    k10: float = 0.04, k12: float = 0.1, k21: float = 0.02, v: float = 10.0, dose: float = 500.0
) -> Case:
    """y = D/V ((a - k21) exp(-a t) + (k21 - b) exp(-b t)) / (a - b)."""
    a, b = roots_of(k10, k12, k21)
    fast, slow = dose / v * (a - k21) / (a - b), dose / v * (k21 - b) / (a - b)
    return Case(
        name="bolus of two compartments",
        system=system_of([[-k10 - k12, k21], [k12, -k21]], [1 / v, 0.0]),
        schedule=bolus(2, (0.0, 0, dose)),
        course=lambda t: fast * np.exp(-a * t) + slow * np.exp(-b * t),
        tmax=0.0,
        area=lambda end: -fast / a * math.expm1(-a * end) - slow / b * math.expm1(-b * end),
    )


def two_infusion(
    k10: float = 0.04, k12: float = 0.1, k21: float = 0.02, v: float = 10.0, rate: float = 25.0
) -> Case:
    """Each of the two terms of the bolus, fed for 40 minutes: c/a (1 - exp(-a t)), then its decay."""
    a, b = roots_of(k10, k12, k21)
    terms = [(rate / v * (a - k21) / (a - b), a), (rate / v * (k21 - b) / (a - b), b)]
    lasting = 40.0

    def form(t: FloatArray) -> FloatArray:
        during, after = np.minimum(t, lasting), np.maximum(t - lasting, 0.0)
        made = [c / r * -np.expm1(-r * during) * np.exp(-r * after) for c, r in terms]
        return made[0] + made[1]

    return Case(
        name="infusion of two compartments",
        system=system_of([[-k10 - k12, k21], [k12, -k21]], [1 / v, 0.0]),
        schedule=infusion(2, start=0.0, minutes=lasting, state=0, rate=rate),
        course=form,
        tmax=lasting,
    )


def effect_of_bolus(
    k: float = 0.05, ke0: float = 0.12, v: float = 8.0, dose: float = 400.0
) -> Case:
    """An effect site takes nothing: y = D/V ke0/(ke0 - k) (exp(-k t) - exp(-ke0 t))."""
    height = dose / v * ke0 / (ke0 - k)
    system = LinearSystem(
        states=("central", "effect"),
        analytes=("effect",),
        rates=np.array([[-k, 0.0], [ke0 / v, -ke0]]),
        outputs=np.array([[0.0, 1.0]]),
    )
    return Case(
        name="effect site",
        system=system,
        schedule=bolus(2, (0.0, 0, dose)),
        course=lambda t: height * (np.exp(-k * t) - np.exp(-ke0 * t)),
        tmax=math.log(ke0 / k) / (ke0 - k),
        area=lambda end: height * (math.expm1(-ke0 * end) / ke0 - math.expm1(-k * end) / k),
    )


def exchange(there: float = 0.03, back: float = 0.01, dose: float = 60.0) -> Case:
    """Nothing leaves: the second of two has D there/(there + back) (1 - exp(-(there + back) t))."""
    both = there + back
    share = dose * there / both
    return Case(
        name="exchange that loses nothing",
        system=system_of([[-there, back], [there, -back]], [0.0, 1.0]),
        schedule=bolus(2, (0.0, 0, dose)),
        course=lambda t: share * -np.expm1(-both * t),
        tmax=math.inf,
        area=lambda end: share * (end + math.expm1(-both * end) / both),
    )


def ring(k: float = 0.05, dose: float = 90.0) -> Case:
    """Round and round three places: D/3 (1 + 2 exp(-3/2 k t) cos(sqrt(3)/2 k t)), whose rates are complex."""
    wave = math.sqrt(3) / 2 * k
    return Case(
        name="one-way ring",
        system=system_of([[-k, 0.0, k], [k, -k, 0.0], [0.0, k, -k]], [1.0, 0.0, 0.0]),
        schedule=bolus(3, (0.0, 0, dose)),
        course=lambda t: dose / 3 * (1 + 2 * np.exp(-1.5 * k * t) * np.cos(wave * t)),
        tmax=0.0,
    )


def repeated(k: float = 0.02, v: float = 10.0, dose: float = 200.0, every: float = 45.0) -> Case:
    """Five doses: just after the n-th there is D/V (1 - q^n)/(1 - q), q = exp(-k tau), a geometric sum."""
    q = math.exp(-k * every)

    def form(t: FloatArray) -> FloatArray:
        number = np.clip(np.floor(t / every), 0, 4)
        height = dose / v * (1 - q ** (number + 1)) / (1 - q)
        return height * np.exp(-k * (t - number * every))

    return Case(
        name="five boluses",
        system=system_of([[-k]], [1 / v]),
        schedule=bolus(1, *((n * every, 0, dose) for n in range(5))),
        course=form,
        tmax=4 * every,
    )


FADING = (
    one_bolus(),
    one_infusion(),
    bateman(),
    bateman(ka=0.031, k=0.03),
    bateman(ka=0.01, k=0.4),
    chain(1),
    chain(5, k=0.4),
    two_bolus(),
    two_infusion(),
    effect_of_bolus(),
    repeated(),
)
"""Cases whose drug leaves and whose peak has a formula."""
EARLY = (chain(2), chain(3), chain(3, k=2.0))
"""Cases whose peak comes before the first piece of a course ends, and whose drug takes several steps to arrive."""
CASES = (*FADING, *EARLY, exchange(), ring())


def label(case: Case) -> str:
    return case.name
