"""Doses and published models in, concentrations out. The names that a researcher calls.

They are loaded when they are first asked for: whoever needs only the dose arithmetic or the shape of an effect never waits
for the compiler of the engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vigil.kinetics.doses import parse_dose as parse_dose
    from vigil.kinetics.doses import show_dose as show_dose
    from vigil.kinetics.facts import Course as Course
    from vigil.kinetics.facts import Dose as Dose
    from vigil.kinetics.facts import Subject as Subject
    from vigil.kinetics.population import simulate_population as simulate_population
    from vigil.kinetics.simulation import simulate as simulate

_HOME = {
    "Course": "facts",
    "Dose": "facts",
    "Subject": "facts",
    "parse_dose": "doses",
    "show_dose": "doses",
    "simulate": "simulation",
    "simulate_population": "population",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    """The public name from its module."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(_HOME)
