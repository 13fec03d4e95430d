"""Scales as cited files: wording, points, bands, licence.

In: `data/scales/*.yaml`. Out: `vigil.scales.scoring.Scale`.
"""

import dataclasses
from functools import cache

from vigil.evidence.invalid import EvidenceInvalid, content_hash
from vigil.evidence.loading import evidence_bytes, evidence_ids, read_evidence
from vigil.scales.scoring import Scale


def scale_ids() -> tuple[str, ...]:
    """The ids of every scale file, sorted.

    >>> scale_ids()
    ('dissociation', 'moaas', 'phq-9')
    """
    return evidence_ids("scales")


@cache
def load_scale(scale_id: str) -> Scale:
    """The scale of that id, checked.

    Raises:
        EvidenceMissing: no such scale.
        EvidenceInvalid: its file is not sound.
    """
    return parse_scale(evidence_bytes("scales", scale_id), file=f"{scale_id}.yaml")


def parse_scale(content: bytes, *, file: str) -> Scale:
    """The scale that a file's bytes say.

    Raises:
        EvidenceInvalid: see `read_evidence`; also an item or a point value twice, a flag without its line, or bands that
            leave a total out or hold it twice.
    """
    scale = read_evidence(content, Scale, file=file)
    if scale.content_hash:
        raise EvidenceInvalid(
            file=file, field="$.content_hash", value=scale.content_hash, limit="it is computed"
        )
    if file != f"{scale.scale_id}.yaml":
        raise EvidenceInvalid(
            file=file, field="$.scale_id", value=scale.scale_id, limit="it must be the file's name"
        )
    _check_items(scale, file)
    _check_bands(scale, file)
    return dataclasses.replace(scale, content_hash=content_hash(content))


def _check_items(scale: Scale, file: str) -> None:
    ids = [item.item_id for item in scale.items]
    for item in scale.items:
        field = f"$.items[{item.item_id}]"
        points = [option.value for option in item.options]
        if ids.count(item.item_id) > 1:
            raise EvidenceInvalid(
                file=file, field=field, value=item.item_id, limit="an id must be written once"
            )
        if len(points) < 2 or len(set(points)) != len(points):
            raise EvidenceInvalid(
                file=file, field=field, value=points, limit="two or more answers, all different"
            )
        if (item.flag is None) != (item.flag_at is None):
            raise EvidenceInvalid(
                file=file,
                field=field,
                value=item.flag,
                limit="a flag needs the line that raises it",
            )


def _check_bands(scale: Scale, file: str) -> None:
    if not scale.bands:
        return
    for total in range(scale.low, scale.high + 1):
        held = [band.name for band in scale.bands if band.low <= total <= band.high]
        if len(held) != 1:
            raise EvidenceInvalid(
                file=file, field="$.bands", value=held, limit=f"exactly one band must hold {total}"
            )
