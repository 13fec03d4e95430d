"""Access: every route, with every duty, with none, and signed out, against the one policy table.

Only the decision of the door is under test: a page that answers 404 or 405 was let through.
"""

from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, include, path
from django.urls.resolvers import ResolverMatch, RoutePattern

from vigil.people import duties
from vigil.people.duties import POLICY, Duty
from vigil.people.models import Staff as StaffRow
from vigil.web.policy import PolicyMiddleware

pytestmark = pytest.mark.django_db

SERVED = ("vigil.config.urls", "vigil.config.stream_urls")
DOORS = [frozenset(), *(frozenset({duty}) for duty in Duty), frozenset(Duty)]


def walk(patterns, namespace=""):
    """Name and arguments of every route under these patterns."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from walk(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            assert isinstance(pattern.pattern, RoutePattern), "routes are written as paths"
            yield f"{namespace}{pattern.name}", pattern.pattern.converters


def served_routes():
    """Every route of the two processes, once."""
    found = {}
    for urls in SERVED:
        for name, converters in walk(get_resolver(urls).url_patterns):
            found[name] = converters
    return found


ROUTES = served_routes()


def decide(route, *, staff, method):
    """What the door answers: "page", "refused" or "sign-in". The page itself is not run."""
    request = RequestFactory().generic(method, "/somewhere?a=1")
    app, _, name = route.rpartition(":")
    request.resolver_match = ResolverMatch(
        lambda r: None, (), {}, url_name=name, namespaces=[app] if app else []
    )
    request.user = staff or AnonymousUser()
    request.session = {}
    answer = PolicyMiddleware(lambda r: HttpResponse()).process_view(request, None, (), {})
    if answer is None:
        return "page"
    if answer.status_code == 302:
        assert answer["Location"].startswith("/sign-in?next=%2Fsomewhere")
        return "sign-in"
    # A live stream cannot follow a redirect to a form: it says "sign in" as a status.
    assert answer.status_code in ({401, 403} if app == "stream" else {403})
    return "sign-in" if answer.status_code == 401 else "refused"


def expected(route, held, method):
    """What the table says, read without `may`: the slow and obvious way."""
    policy = POLICY.get(route)
    if policy is None:
        return "refused"
    if policy.public:
        return "page"
    wanted = policy.see if method == "GET" else policy.do
    return "page" if any(duty in wanted for duty in held) else "refused"


@pytest.fixture
def person(clinic):
    """A row of a person with given duties; only the door sees it."""

    def _person(held):
        return StaffRow(
            id=uuid4(), clinic_id=clinic.clinic_id, login="x", name="X",
            duties=sorted(duty.value for duty in held),
        )  # fmt: skip

    return _person


def test_there_are_routes_to_try():
    """The walk finds the product, so that an empty matrix cannot pass."""
    assert len(ROUTES) > 20
    assert {"people:today", "assessment:assess", "plan:new"} <= set(ROUTES)


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_the_door_opens_exactly_as_the_table_says(route, person):
    """INV-ACC-01: every route x every single duty, none and all x GET and POST; signed out goes to sign-in."""
    assert route in POLICY, f"{route} has no row in people/duties.py: nobody can open it"

    for method in ("GET", "POST"):
        for held in DOORS:
            answer = decide(route, staff=person(held), method=method)
            assert answer == expected(route, held, method), (method, sorted(held))
        signed_out = decide(route, staff=None, method=method)
        assert signed_out == ("page" if POLICY[route].public else "sign-in"), method


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_a_method_nobody_thought_of_is_an_act(method, person):
    """A person who may only see may not get in by another verb."""
    seer = person({Duty.REVIEW})

    assert decide("plan:plan", staff=seer, method="GET") == "page"
    assert decide("plan:plan", staff=seer, method=method) == "refused"


def planted(request):
    """A page that somebody forgot to write a policy for."""
    return HttpResponse("secret")


planted_room = ([path("planted", planted, name="page")], "planted")
urlpatterns = [
    path("", include("vigil.config.urls")),
    path("", include(planted_room)),
    path("nameless", planted),
]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("url", ["/planted", "/nameless"])
def test_a_page_without_a_policy_is_closed_to_everybody(url, hire):
    """INV-ACC-02: default deny, through the whole stack; the planted page is real and would answer."""
    person = hire("every", *[duty.value for duty in Duty])
    client = Client()

    assert client.get(url).status_code == 302
    client.force_login(StaffRow.objects.get(pk=person.staff_id))
    for answer in (client.get(url), client.post(url)):
        assert answer.status_code == 403
        assert b"secret" not in answer.content


@override_settings(ROOT_URLCONF=__name__)
def test_the_planted_page_answers_once_it_has_a_policy(hire, monkeypatch):
    """Positive control: it was the table that closed it, and a row opens it to that duty only."""
    monkeypatch.setitem(
        duties.POLICY, "planted:page", duties.RoutePolicy(see=frozenset({Duty.MONITOR}))
    )
    answers = {}
    for duty in ("monitor", "register"):
        client = Client()
        client.force_login(StaffRow.objects.get(pk=hire(duty, duty).staff_id))
        answers[duty] = client.get("/planted").status_code

    assert answers == {"monitor": 200, "register": 403}


@override_settings(ROOT_URLCONF=__name__)
def test_the_walk_would_find_a_route_without_a_policy():
    """Positive control of the matrix itself."""
    found = dict(walk(get_resolver(__name__).url_patterns))

    assert "planted:page" in found
    assert "planted:page" not in POLICY


def address(route):
    """An address that reaches the route, with ids that nobody has."""
    from django.urls import reverse

    samples = {"uuid": UUID(int=7), "slug": "no-such", "str": "no-such", "int": 7}
    kwargs = {
        name: samples[
            type(kind).__name__.removesuffix("Converter").lower().replace("string", "str")
        ]
        for name, kind in ROUTES[route].items()
    }
    return reverse(route, kwargs=kwargs)


WEB_ROUTES = sorted(name for name, _ in walk(get_resolver("vigil.config.urls").url_patterns))


@pytest.mark.parametrize("route", [name for name in WEB_ROUTES if not POLICY[name].public])
def test_nobody_without_a_duty_gets_any_page_over_http(route, person):
    """The same door through the whole stack: signed out is sent to sign in, no duty is told no."""
    url = address(route)
    signed_out, nobody = Client(), Client()
    row = person(())
    row.save(force_insert=True)
    nobody.force_login(row)

    for ask in ("get", "post"):
        assert getattr(signed_out, ask)(url)["Location"].startswith("/sign-in?next=")
        assert getattr(nobody, ask)(url).status_code == 403


# --- the same, one layer deeper: an action asks for the duty itself ---------------------------


def acts():
    """Each act of the front rooms: who may do it, and how it is called."""
    from datetime import date

    from conftest import PASSWORD
    from journey_examples import plan_request
    from vigil.assessment.actions import record_assessment
    from vigil.people import actions as people
    from vigil.plan import actions as plan

    return {
        "register_patient": ({Duty.REGISTER}, lambda p, at, **k: people.register_patient(
            name="New", born_on=date(1980, 1, 1), sex="male", phone="", allergies=None, at=at, **k)),
        "set_presence": ({Duty.PRESCRIBE}, lambda p, key, **k: people.set_presence(
            is_on_site=True, **k)),
        "dismiss": ({Duty.ADMINISTER}, lambda p, key, **k: people.dismiss(staff_id=uuid4(), **k)),
        "record_consent": ({Duty.PRESCRIBE}, lambda p, **k: people.record_consent(
            patient_id=p.patient_id, protocol_id="ket-mdd-iv", protocol_version=1,
            protocol_hash="a" * 64, text_version=1, is_given=True, **k)),
        "withdraw_consent": (
            {Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR},
            lambda p, **k: plan.withdraw_consent(plan_id=uuid4(), **k),
        ),
        "record_assessment": ({Duty.ASSESS}, lambda p, **k: record_assessment(
            patient_id=p.patient_id, protocol_id="ket-mdd-iv", answers={}, **k)),
        "adopt_protocol": ({Duty.PRESCRIBE}, lambda p, **k: plan.adopt_protocol(
            protocol_id="ket-mdd-iv", content_hash="0" * 64, **k)),
        "sign": ({Duty.PRESCRIBE}, lambda p, **k: plan.sign(
            request=plan_request(p), password=PASSWORD, **k)),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "register_patient", "set_presence", "dismiss", "record_consent", "withdraw_consent",
        "record_assessment", "adopt_protocol", "sign",
    ],
)  # fmt: skip
def test_an_act_without_its_duty_is_refused_and_writes_nothing(name, hire, patient, at, key):
    """INV-ACC-03: a page that forgot to ask cannot lend a duty; with the duty the answer is another one."""
    from vigil.record.models import Entry
    from vigil.units.refusals import Refused

    allowed, act = acts()[name]
    without = hire("without", *[duty.value for duty in Duty if duty not in allowed])
    before = Entry.objects.count()

    refused = act(patient, by=without, at=at, key=key())

    assert isinstance(refused, Refused)
    assert refused.code == "PEO-DUTY"
    assert Entry.objects.count() == before
    for duty in allowed:
        answer = act(patient, by=hire(f"with-{duty.value}", duty.value), at=at, key=key())
        assert getattr(answer, "code", None) != "PEO-DUTY"
