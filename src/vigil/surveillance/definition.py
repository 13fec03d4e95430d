"""The case definition as its file says it.

In: `case_definition.yaml`. Out: one frozen definition.
"""

from functools import lru_cache
from pathlib import Path

import yaml

from vigil.surveillance.domain.facts import CaseDefinition, Check, Criterion

_FILE = Path(__file__).with_name("case_definition.yaml")


@lru_cache(maxsize=1)
def load_definition() -> CaseDefinition:
    """The definition that counts now."""
    fields = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    fields["criteria"] = tuple(Criterion(**one) for one in fields["criteria"])
    fields["checks"] = tuple(Check(**one) for one in fields["checks"])
    return CaseDefinition(**fields)
