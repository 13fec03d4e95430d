"""Published numbers as cited files. Public here because researchers call it by this name: `load_model`."""

from vigil.evidence.models import load_model as load_model
