"""`{% record_heads %}`: the newest signed heads, for any page that is printed, such as a count sheet.

In: the page's request. Out: a block with QR code, words and digits of each register.
"""

from typing import Any

from django import template
from django.template import Context

from vigil.web.record_heads import newest_cards

register = template.Library()


@register.inclusion_tag("record/_heads.html", takes_context=True)
def record_heads(context: Context) -> dict[str, Any]:
    """The heads of the clinic of whoever is signed in."""
    return {"cards": newest_cards(context["request"].staff.clinic_id)}
