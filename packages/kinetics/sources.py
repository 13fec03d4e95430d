"""Which files of Vigil make up the kinetics: read by the build, from the repository or from a source distribution.

In: this folder. Out: what the wheel or the source distribution holds besides it.
"""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = (
    "__init__.py",
    "units/__init__.py",
    "units/amounts.py",
    "units/refusals.py",
    "evidence/__init__.py",
    "evidence/invalid.py",
    "evidence/strict.py",
    "evidence/models.py",
)
"""Single files of rooms that hold more than the kinetics need."""

FOLDERS = {
    "kinetics": (".py",),
    "evidence/data/kinetics": (".toml", "SHA256SUMS"),
    "evidence/data/effect-sites": (".toml", "SHA256SUMS"),
}
"""Whole folders, and which of their files."""


class VigilMissing(FileNotFoundError):
    """The sources of Vigil are neither in this distribution nor around this folder."""

    def __init__(self, looked: tuple[Path, ...]) -> None:
        self.looked = looked
        super().__init__(
            f"No sources of Vigil in {' or '.join(map(str, looked))}. Build from a whole clone or from a source distribution."
        )


def vigil(root: Path) -> Path:
    """The folder `vigil` with the sources: inside a source distribution, or two folders up in the repository."""
    looked = (root / "src" / "vigil", root.parent.parent / "src" / "vigil")
    for folder in looked:
        if (folder / "kinetics" / "facts.py").is_file():
            return folder
    raise VigilMissing(looked)


def chosen(folder: Path) -> list[str]:
    """Every file to take, as a path below `folder`."""
    whole = [
        str(path.relative_to(folder))
        for name, endings in FOLDERS.items()
        for path in sorted((folder / name).iterdir())
        if path.is_file() and path.name.endswith(endings)
    ]
    return [*FILES, *whole]


class KineticsSources(BuildHookInterface):
    """Adds the sources of Vigil to what is built."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Name every file and where it goes: `vigil/` in a wheel, `src/vigil/` in a source distribution."""
        folder = vigil(Path(self.root))
        inside = "src/vigil" if self.target_name == "sdist" else "vigil"
        for name in chosen(folder):
            build_data["force_include"][str(folder / name)] = f"{inside}/{name}"
        # The licence goes with every copy: beside the sources here, inside the package where people install it.
        licence = "LICENSE" if self.target_name == "sdist" else "vigil/kinetics/LICENSE"
        build_data["force_include"][str(folder.parent.parent / "LICENSE")] = licence
