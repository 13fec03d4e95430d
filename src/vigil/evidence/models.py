"""Published kinetic models and effect-site constants, from their files.

In: `data/kinetics/NAME.toml`, `data/effect-sites/NAME.toml` and the checksums beside them. Out: `kinetics.facts.Model`
and `EffectSite`. Standard library only: whoever installs the kinetics alone reads the same files.

The files are TOML where the other evidence is YAML, because Python reads TOML by itself (decision 0023).
"""

import tomllib
from functools import cache
from importlib import resources

from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing, content_hash
from vigil.evidence.strict import fill
from vigil.kinetics.facts import EffectSite, Model, Transfer

_CHECKSUMS = "SHA256SUMS"


def model_names() -> tuple[str, ...]:
    """The names of the shipped models, sorted."""
    return _names("kinetics")


def effect_site_names() -> tuple[str, ...]:
    """The names of the shipped effect-site constants, sorted."""
    return _names("effect-sites")


@cache
def load_model(name: str) -> Model:
    """One published model, checked.

    Raises:
        EvidenceMissing: no model has that name.
        EvidenceInvalid: its file is not sound, or is not the one that was checked.
    """
    content = _checked_bytes("kinetics", name)
    model = parse_model(content, file=f"{name}.toml")
    if model.name != name:
        raise EvidenceInvalid(
            file=f"{name}.toml", field="$.name", value=model.name, limit=f"{name!r} expected"
        )
    return model


@cache
def load_effect_site(name: str) -> EffectSite:
    """One published effect-site constant, checked.

    Raises:
        EvidenceMissing: none has that name.
        EvidenceInvalid: its file is not sound, or is not the one that was checked.
    """
    file = f"{name}.toml"
    content = _checked_bytes("effect-sites", name)
    site = fill(
        {**_tree(content, file), "content_hash": content_hash(content)}, EffectSite, file=file
    )
    if not 0 < site.half_life_low <= site.half_life_minutes <= site.half_life_high:
        raise EvidenceInvalid(
            file=file,
            field="$.half_life_minutes",
            value=site.half_life_minutes,
            limit="more than 0 and inside its own interval",
        )
    return site


def default_effect_site() -> EffectSite:
    """The constant that is used when nobody names another: exactly one file says it is the default."""
    (site,) = (s for s in map(load_effect_site, effect_site_names()) if s.is_default)
    return site


def parse_model(content: bytes, *, file: str) -> Model:
    """The model that a file's bytes say.

    Raises:
        EvidenceInvalid: not TOML, a field undeclared, missing, of a wrong type, out of range or pointing nowhere.
    """
    return model_of({**_tree(content, file), "content_hash": content_hash(content)}, file=file)


def model_of(tree: dict[str, object], *, file: str) -> Model:
    """The model that a file's tables say.

    Raises:
        EvidenceInvalid: a field undeclared, missing, of a wrong type, out of range or pointing nowhere.
    """
    model = fill(tree, Model, file=file)
    _check_parameters(model, file)
    _check_structure(model, file)
    _check_routes(model, file)
    _check_box(model, file)
    return model


def _names(folder: str) -> tuple[str, ...]:
    here = resources.files("vigil.evidence") / "data" / folder
    return tuple(sorted(f.name[:-5] for f in here.iterdir() if f.name.endswith(".toml")))


def _checked_bytes(folder: str, name: str) -> bytes:
    """The bytes of one file, if they are those whose checksum was written down."""
    known = _names(folder)
    if name not in known:
        raise EvidenceMissing(folder=folder, name=name, known=known)
    here = resources.files("vigil.evidence") / "data" / folder
    content = (here / f"{name}.toml").read_bytes()
    sums: dict[str, str] = {}
    for line in (here / _CHECKSUMS).read_text(encoding="ascii").splitlines():
        digest, _, file_name = line.partition("  ")
        sums[file_name] = digest
    verify_checksum(content, sums.get(f"{name}.toml", ""), file=f"{name}.toml")
    return content


def verify_checksum(content: bytes, expected: str, *, file: str) -> None:
    """Return when the bytes are the ones that were checked.

    Raises:
        EvidenceInvalid: they are not; names both checksums.
    """
    found = content_hash(content)
    if found != expected:
        raise EvidenceInvalid(
            file=file,
            field="checksum",
            value=found,
            limit=f"{expected or 'a line'} stands in {_CHECKSUMS}",
        )


def _tree(content: bytes, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvidenceInvalid(file=file, field="$", value="text", limit=str(error)) from error


def _once(names: list[str], *, field: str, file: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise EvidenceInvalid(file=file, field=field, value=name, limit="written once")


def _known(name: str | None, known: list[str], *, field: str, file: str) -> None:
    if name is not None and name not in known:
        raise EvidenceInvalid(
            file=file, field=field, value=name, limit=f"one of {', '.join(known)}"
        )


def _positive(value: float, *, field: str, file: str) -> None:
    if not value > 0:
        raise EvidenceInvalid(file=file, field=field, value=value, limit="more than 0")


def _check_parameters(model: Model, file: str) -> None:
    names = [p.name for p in model.parameters]
    sources = [s.source_id for s in model.sources]
    _once(names, field="$.parameters", file=file)
    for parameter in model.parameters:
        field = f"$.parameters[{parameter.name}]"
        _positive(parameter.value, field=f"{field}.value", file=file)
        _positive(parameter.weight_reference_kg, field=f"{field}.weight_reference_kg", file=file)
        _known(parameter.source, sources, field=f"{field}.source", file=file)
        if parameter.variability is not None:
            variance = parameter.variability.variance + parameter.variability.occasion_variance
            _positive(variance, field=f"{field}.variability", file=file)
            if parameter.variability.kind == "logit" and not parameter.value < 1:
                raise EvidenceInvalid(
                    file=file, field=f"{field}.value", value=parameter.value, limit="below 1"
                )
    varying = [p.name for p in model.parameters if p.variability is not None]
    for covariance in model.covariances:
        _known(covariance.a, varying, field="$.covariances.a", file=file)
        _known(covariance.b, varying, field="$.covariances.b", file=file)


def _check_structure(model: Model, file: str) -> None:
    parameters = [p.name for p in model.parameters]
    places = [c.name for c in model.compartments]
    _once(places, field="$.compartments", file=file)
    for compartment in model.compartments:
        field = f"$.compartments[{compartment.name}].volume"
        _known(compartment.volume, parameters, field=field, file=file)
    measured = [c.name for c in model.compartments if c.volume is not None]
    for index, transfer in enumerate(model.transfers):
        _check_transfer(
            transfer,
            places,
            measured,
            parameters,
            field=f"$.transfers[{index}]",
            file=file,
        )
    _once([o.analyte for o in model.outputs], field="$.outputs", file=file)
    if not model.outputs or model.outputs[0].analyte != "ketamine":
        raise EvidenceInvalid(
            file=file,
            field="$.outputs[0].analyte",
            value=[o.analyte for o in model.outputs],
            limit="the first output is 'ketamine'",
        )
    for output in model.outputs:
        field = f"$.outputs[{output.analyte}]"
        _known(output.compartment, measured, field=f"{field}.compartment", file=file)
        _known(output.ratio, parameters, field=f"{field}.ratio", file=file)


def _check_transfer(
    transfer: Transfer,
    places: list[str],
    measured: list[str],
    parameters: list[str],
    *,
    field: str,
    file: str,
) -> None:
    _known(transfer.from_compartment, places, field=f"{field}.from_compartment", file=file)
    _known(transfer.to_compartment, places, field=f"{field}.to_compartment", file=file)
    ways = [w for w in (transfer.clearance, transfer.rate, transfer.mean_time) if w is not None]
    if len(ways) != 1:
        raise EvidenceInvalid(
            file=file, field=field, value=ways, limit="one of clearance, rate, mean_time"
        )
    if transfer.clearance is not None:
        _known(transfer.from_compartment, measured, field=f"{field}.clearance", file=file)
    _positive(transfer.steps, field=f"{field}.steps", file=file)
    for name in (*ways, *transfer.share, transfer.share_rest_of):
        _known(name, parameters, field=field, file=file)


def _check_routes(model: Model, file: str) -> None:
    parameters = [p.name for p in model.parameters]
    places = [c.name for c in model.compartments]
    _once([r.route for r in model.routes], field="$.routes", file=file)
    for route in model.routes:
        field = f"$.routes[{route.route}]"
        for index, path in enumerate(route.paths):
            where = f"{field}.paths[{index}]"
            _known(path.to_compartment, places, field=f"{where}.to_compartment", file=file)
            for name in (*path.share, path.share_rest_of, path.duration):
                _known(name, parameters, field=where, file=file)
        if (route.later_device is None) != (route.later_device_of is None):
            raise EvidenceInvalid(
                file=file,
                field=f"{field}.later_device",
                value=route.later_device,
                limit="given together with later_device_of",
            )
        _known(route.later_device, parameters, field=f"{field}.later_device", file=file)
        _known(route.later_device_of, parameters, field=f"{field}.later_device_of", file=file)


def _check_box(model: Model, file: str) -> None:
    box = model.box
    if not 0 <= box.age_years_min < box.age_years_max:
        raise EvidenceInvalid(
            file=file,
            field="$.box.age_years_min",
            value=box.age_years_min,
            limit="below the maximum",
        )
    if not 0 < box.weight_kg_min < box.weight_kg_max:
        raise EvidenceInvalid(
            file=file,
            field="$.box.weight_kg_min",
            value=box.weight_kg_min,
            limit="more than 0 and below the maximum",
        )
    limited = [limit.route for limit in box.doses]
    _once(list(limited), field="$.box.doses", file=file)
    if sorted(limited) != sorted(route.route for route in model.routes):
        raise EvidenceInvalid(
            file=file, field="$.box.doses", value=limited, limit="one row for each route"
        )
    for limit in box.doses:
        if not 0 < limit.dose_ug_min <= limit.dose_ug_max <= limit.day_ug_max:
            raise EvidenceInvalid(
                file=file,
                field=f"$.box.doses[{limit.route}].dose_ug_max",
                value=limit.dose_ug_max,
                limit="from dose_ug_min to day_ug_max",
            )
