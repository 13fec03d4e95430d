"""`vigil kinetics models` and `vigil kinetics simulate`: the published models, and what they say about a dose.

In: a model's name, doses as text, age and weight. Out: a table, JSON, CSV, Parquet, a drawing. It needs no clinic and no
database. Nothing here proposes a dose: whoever asks names the doses, and a model answers only inside its box.
"""

import argparse
import dataclasses
import json
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vigil.config.unfit import Unfit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vigil.kinetics.bands import Bands
    from vigil.kinetics.facts import Course, Dose, EffectSite, Model, Subject
    from vigil.kinetics.table import Spread

EXIT_REFUSED, EXIT_MISUSED = 1, 2
"""As everywhere in `vigil`: refused or failed, and misused."""

HOURS_MAX = 366 * 24
"""A year, as the box allows for the start of a dose."""

POINTS_MAX = 1_000_000
"""28 days by the minute are 40,321; a million rows are more than a spreadsheet takes."""

PEOPLE_MAX = 20_000
"""Enough for a quantile of 5 % to three digits; more is a programme of one's own."""

VALUES_AT_ONCE = 4_000_000
"""Concentrations held at once while bands are counted, about 30 MB; progress is told after each such part."""

SEED = 1
FILE_KINDS = ("csv", "parquet", "png", "svg")

_PLAIN = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class Declined(Exception):
    """The command does not answer: a stable code, one sentence, and the exit code."""

    def __init__(self, code: str, message: str, exit_code: int = EXIT_REFUSED) -> None:
        self.code = code
        self.message = message
        self.exit_code = exit_code
        super().__init__(message)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("kinetics", help="published models and what they say of a dose")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    models = verbs.add_parser("models", help="list the models, their boxes and their sources")
    models.add_argument("--json", action="store_true", help="print everything as JSON")
    ask = verbs.add_parser(
        "simulate",
        help="concentrations after doses",
        description="Concentrations of the typical person of a published model. A model is refused outside its box of "
        "age, weight and dose. Without --csv, --parquet, --png, --svg or --json a table is printed.",
    )
    _add_question(ask)
    _add_answer(ask)


def _add_question(ask: argparse.ArgumentParser) -> None:
    ask.add_argument(
        "--model", action="append", metavar="NAME", required=True, help="may be repeated, to compare models"
    )  # fmt: skip
    ask.add_argument(
        "--dose", action="append", metavar="TEXT", default=[],
        help="such as '84 mg nasal at 0 min' or '35 mg iv over 40 min at 0 min'; may be repeated",
    )  # fmt: skip
    ask.add_argument("--age-years", metavar="YEARS")
    ask.add_argument("--weight-kg", metavar="KG")
    ask.add_argument("--sex", choices=("f", "m"))
    ask.add_argument(
        "--population", metavar="NAME", help="such as japanese, where a model knows it"
    )
    ask.add_argument("--pregnant", action="store_true", help="refused")
    ask.add_argument("--severe-hepatic-impairment", action="store_true", help="refused")
    ask.add_argument(
        "--takes", action="append", metavar="DRUG", default=[],
        help="a strong CYP2B6 or CYP3A inhibitor or inducer; refused by mouth and under the tongue",
    )  # fmt: skip
    ask.add_argument("--research", action="store_true", help="opens the models of children")
    ask.add_argument("--hours", metavar="HOURS", default="24", help="how long (default: 24)")
    ask.add_argument("--every-minutes", metavar="MINUTES", default="1", help="default: 1")
    ask.add_argument(
        "--effect-site", metavar="NAME", default="none",
        help="adds the effect site: none (default), `default`, or the name of a published constant",
    )  # fmt: skip
    ask.add_argument(
        "--bands", metavar="PEOPLE", help="adds 50 %% and 90 %% bands of that many simulated people"
    )
    ask.add_argument(
        "--seed", metavar="NUMBER", default=str(SEED), help=f"of the bands (default: {SEED})"
    )


def _add_answer(ask: argparse.ArgumentParser) -> None:
    ask.add_argument(
        "--json", action="store_true", help="print JSON; also why something is refused"
    )
    for kind in FILE_KINDS:
        ask.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"write {kind.upper()}")
    ask.add_argument("--log", action="store_true", help="draw concentrations on a logarithmic axis")


def run(args: argparse.Namespace) -> int:
    """Answer, or say in one sentence why not."""
    try:
        return _models(args) if args.verb == "models" else _simulate(args)
    except Unfit as unfit:
        declined = Declined("KIN-UNFIT", str(unfit))
    except Declined as found:
        declined = found
    print(f"vigil: {declined.message}", file=sys.stderr)
    if args.json:
        print(json.dumps({"code": declined.code, "message": declined.message}))
    return declined.exit_code


# --- models -------------------------------------------------------------------------------------


def _models(args: argparse.Namespace) -> int:
    from vigil.evidence.models import model_names

    shown = [_model_as_json(_model(name)) for name in model_names()]
    if args.json:
        json.dump(shown, sys.stdout, indent=2, ensure_ascii=False)
        print()
        return 0
    for one in shown:
        print("\n".join(_model_in_words(one)))
    return 0


def _model_as_json(model: "Model") -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "title": model.title,
        "drug": model.drug,
        "enantiomer": model.enantiomer,
        "site": model.site,
        "routes": [route.route for route in model.routes],
        "analytes": [output.analyte for output in model.outputs],
        "population": model.population,
        "populations": sorted({f.population for p in model.parameters for f in p.population_factors}),
        "box": dataclasses.asdict(model.box),
        "sources": [dataclasses.asdict(source) for source in model.sources],
        "borrowed_variability_from": model.borrowed_variability_from,
        "notes": list(model.notes),
        "sha256": model.content_hash,
    }  # fmt: skip


def _model_in_words(one: dict[str, Any]) -> list[str]:
    from vigil.units.amounts import show_mg

    box = one["box"]
    lines = [
        f"{one['name']}  {one['title']}",
        f"  {one['drug']} ({one['enantiomer']}), {one['site']} plasma: {', '.join(one['analytes'])}",
        f"  {one['population']}",
        f"  box: {box['age_years_min']:g} to {box['age_years_max']:g} years, {box['weight_kg_min']:g} to "
        f"{box['weight_kg_max']:g} kg{', children: for research only' if box['is_of_children'] else ''}",
    ]
    for limit in box["doses"]:
        per_kg = limit["dose_ug_per_kg_max"]
        lines.append(
            f"  {limit['route']}: {show_mg(limit['dose_ug_min'])} to {show_mg(limit['dose_ug_max'])} at once"
            f"{'' if per_kg is None else f', at most {show_mg(per_kg)}/kg'}, {show_mg(limit['day_ug_max'])} in 24 hours"
        )
    return [*lines, *(f"  source: {source['citation']}" for source in one["sources"]), ""]


# --- simulate -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question, read."""

    models: tuple["Model", ...]
    doses: tuple["Dose", ...]
    subject: "Subject"
    time_minutes: "NDArray[np.float64]"
    effect_site: "EffectSite | None"
    people: int
    seed: int
    is_research: bool


def _simulate(args: argparse.Namespace) -> int:
    from vigil.config import kinetics_files as files
    from vigil.kinetics.doses import show_dose
    from vigil.kinetics.table import as_json, render_plain

    _refuse_lost(args)
    wanted = [(kind, getattr(args, kind)) for kind in FILE_KINDS if getattr(args, kind) is not None]
    for kind, _ in wanted:
        files.refuse_missing(kind)
    asked = _read(args)
    courses = [_course(asked, model) for model in asked.models]
    bands = [_bands(asked, model) for model in asked.models]
    for kind, path in wanted:
        write = files.writer(
            kind, courses, bands,
            given=[show_dose(dose) for dose in asked.doses],
            person=_person(asked.subject), is_logarithmic=args.log,
        )  # fmt: skip
        files.write_whole(path, write)
    if args.json:
        shown = [as_json(course, band) for course, band in zip(courses, bands, strict=True)]
        print(json.dumps(shown[0] if len(shown) == 1 else {"models": shown}, allow_nan=False))
    elif wanted:
        print("\n".join(f"wrote {path}" for _, path in wanted))
    else:
        for line in render_plain(courses):
            print(line)
    return 0


def _refuse_lost(args: argparse.Namespace) -> None:
    """Nothing, when every flag has its own word.

    Raises:
        Declined: a word was a lone `--`, which argparse takes for the end of all flags and drops.
    """
    lost = [
        name for name, word in vars(args).items() if word == [] and name not in ("dose", "takes")
    ]
    lost += [name for name in ("model", "dose", "takes") if [] in getattr(args, name)]
    if lost:
        raise _misused(f"--{lost[0].replace('_', '-')} needs a word after it.")


def _person(subject: "Subject") -> str:
    """Whom the course is of, in the words of a drawing."""
    said = [
        f"{subject.age_years:g} years",
        f"{subject.weight_kg:g} kg",
        subject.sex,
        subject.population,
    ]
    return ", ".join(word for word in said if word is not None)


def _course(asked: Asked, model: "Model") -> "Course":
    from vigil.kinetics.simulation import simulate
    from vigil.units.refusals import Refused

    answer = simulate(
        model, asked.subject, asked.doses, asked.time_minutes,
        effect_site=asked.effect_site, purpose="research" if asked.is_research else "care",
    )  # fmt: skip
    if isinstance(answer, Refused):
        raise Declined(answer.code, answer.message)
    return answer


def _read(args: argparse.Namespace) -> Asked:
    """The question that the words ask.

    Raises:
        Declined: a word that says nothing exact; exit code 2.
    """
    from vigil.kinetics.doses import DoseTextInvalid, parse_dose
    from vigil.kinetics.facts import Subject

    models = tuple(_model(name) for name in dict.fromkeys(args.model))
    try:
        doses = tuple(parse_dose(text) for text in args.dose)
    except DoseTextInvalid as error:
        raise Declined(error.code, str(error), EXIT_MISUSED) from error
    subject = Subject(
        age_years=_number("--age-years", args.age_years),
        weight_kg=_number("--weight-kg", args.weight_kg),
        sex=args.sex,
        population=_population(args.population),
        is_pregnant=args.pregnant or None,
        has_severe_hepatic_impairment=args.severe_hepatic_impairment or None,
        interacting=tuple(args.takes),
    )
    return Asked(
        models=models,
        doses=doses,
        subject=subject,
        time_minutes=read_times(args.hours, args.every_minutes),
        effect_site=_effect_site(args.effect_site),
        people=0 if args.bands is None else _whole("--bands", args.bands, 100, PEOPLE_MAX),
        seed=_whole("--seed", args.seed, 0, 2**63 - 1),
        is_research=args.research,
    )


def _model(name: str) -> "Model":
    from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing
    from vigil.evidence.models import load_model

    try:
        return load_model(name)
    except EvidenceMissing as error:
        raise Declined("KIN-MODEL", str(error), EXIT_MISUSED) from error
    except EvidenceInvalid as error:
        raise Declined("KIN-MODEL-INVALID", str(error)) from error


def _effect_site(name: str) -> "EffectSite | None":
    from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing
    from vigil.evidence.models import default_effect_site, load_effect_site

    if name == "none":
        return None
    try:
        return default_effect_site() if name == "default" else load_effect_site(name)
    except EvidenceMissing as error:
        raise Declined("KIN-EFFECT-SITE", str(error), EXIT_MISUSED) from error
    except EvidenceInvalid as error:
        raise Declined("KIN-MODEL-INVALID", str(error)) from error


def _population(name: str | None) -> str | None:
    """The population, if any shipped model knows it: a misspelt one would change nothing, silently."""
    from vigil.evidence.models import model_names

    if name is None:
        return None
    known = sorted(
        {f.population for each in model_names() for p in _model(each).parameters for f in p.population_factors}
    )  # fmt: skip
    if name.lower() not in known:
        raise _misused(f"--population {name!r} is known to no model; known: {', '.join(known)}.")
    return name.lower()


def _misused(message: str) -> Declined:
    return Declined("KIN-INPUT", message, EXIT_MISUSED)


def _exact(flag: str, text: str) -> Fraction:
    if _PLAIN.fullmatch(text) is None:
        raise _misused(f"{flag} {text!r} is not a plain decimal number, such as 70 or 72.5.")
    return Fraction(text)


def _number(flag: str, text: str | None) -> float | None:
    """The number, or None when nobody said one: the box refuses that in its own words."""
    return None if text is None else float(_exact(flag, text))


def _whole(flag: str, text: str, least: int, most: int) -> int:
    if re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) is None or not least <= int(text) <= most:
        raise _misused(f"{flag} {text!r} is not a whole number from {least} to {most}.")
    return int(text)


def read_times(hours: str, every_minutes: str) -> "NDArray[np.float64]":
    """The minutes to print, from 0 to the end; each the float nearest to its exact decimal.

    Raises:
        Declined: a text that is no plain number, not above 0, or more points than POINTS_MAX.
    """
    import numpy as np

    end = _exact("--hours", hours) * 60
    step = _exact("--every-minutes", every_minutes)
    if not 0 < end <= HOURS_MAX * 60:
        raise _misused(f"--hours {hours} is not more than 0 and at most {HOURS_MAX} (a year).")
    if not 0 < step <= end:
        raise _misused(f"--every-minutes {every_minutes} is not more than 0 and at most --hours.")
    count = end // step
    if count >= POINTS_MAX:
        raise _misused(f"that is {count + 1} points, more than {POINTS_MAX}; take longer steps.")
    times = np.arange(count + 1, dtype=np.float64) * step.numerator / step.denominator
    # The last moment is always there: peak and area run to it.
    return times if count * step == end else np.append(times, float(end))


# --- bands --------------------------------------------------------------------------------------


def _bands(asked: Asked, model: "Model") -> "Spread | None":
    """How simulated people of the model differ, or None when nobody asked."""
    if not asked.people:
        # Nobody waits for the compiler of the population engine who did not ask for people.
        return None
    from vigil.kinetics.population import draw_etas
    from vigil.kinetics.table import Spread

    etas = draw_etas(model, asked.people, seed=asked.seed)
    per_time = asked.people * (len(model.outputs) + (asked.effect_site is not None))
    parts = _parts(len(asked.time_minutes), size=max(1, VALUES_AT_ONCE // per_time))
    found: dict[str, list[Bands]] = {}
    for part in parts:
        _tell(f"bands of {model.name}", part.start, len(asked.time_minutes))
        for analyte, bands in _bands_of_part(asked, model, etas, part).items():
            found.setdefault(analyte, []).append(bands)
    _tell(f"bands of {model.name}", len(asked.time_minutes), len(asked.time_minutes))
    return Spread(
        people=asked.people,
        seed=asked.seed,
        bands={analyte: _joined(each) for analyte, each in found.items()},
    )


def _bands_of_part(
    asked: Asked, model: "Model", etas: "NDArray[np.float64]", part: slice
) -> "dict[str, Bands]":
    """The bands of each analyte at some of the times, over the same people each time."""
    from vigil.kinetics.bands import bands_of
    from vigil.kinetics.population import simulate_population
    from vigil.units.refusals import Refused

    answer = simulate_population(
        model, [asked.subject] * asked.people, asked.doses, asked.time_minutes[part], etas=etas,
        effect_site=asked.effect_site, purpose="research" if asked.is_research else "care",
    )  # fmt: skip
    if isinstance(answer, Refused):
        raise Declined(answer.code, answer.message)
    return {analyte: bands_of(answer.of(analyte).T) for analyte in answer.analytes}


def _parts(count: int, *, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _joined(parts: "list[Bands]") -> "Bands":
    """Bands at some times after bands at the times before."""
    import numpy as np

    from vigil.kinetics.bands import Bands
    from vigil.kinetics.table import EDGES

    return Bands(**{edge: np.concatenate([getattr(p, edge) for p in parts]) for edge in EDGES})


def _tell(what: str, done: int, total: int) -> None:
    """Say on a terminal how far the work is; Ctrl-C stops it between two parts."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{what}: {100 * done // total} %", end=end, file=sys.stderr, flush=True)
