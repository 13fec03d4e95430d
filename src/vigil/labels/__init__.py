"""Codes on boxes and vials: GS1 element strings, GTINs, NDCs and the clinic's own labels, read strictly. Pure."""

from vigil.labels.scan import LETTERS_MAX, Label, combine, read_label
from vigil.labels.unreadable import LabelUnreadable

__all__ = ("LETTERS_MAX", "Label", "LabelUnreadable", "combine", "read_label")
