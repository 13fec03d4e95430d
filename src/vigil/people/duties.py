"""The thirteen duties and the one policy table: who may see and do what. Default deny.

In: a route name and a person's duties. Out: allowed or not.
"""

from dataclasses import dataclass
from enum import StrEnum


class Duty(StrEnum):
    """What a person is trusted to do; one person may hold several."""

    REGISTER = "register"
    ASSESS = "assess"
    PRESCRIBE = "prescribe"
    ORDER = "order"
    RECEIVE = "receive"
    PREPARE = "prepare"
    WITNESS = "witness"
    GIVE = "give"
    MONITOR = "monitor"
    DISCHARGE = "discharge"
    RECONCILE = "reconcile"
    REVIEW = "review"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """Duties that may see a page (GET, HEAD) and those that may act on it (POST).

    `public` routes need no sign-in (the sign-in page, a patient's signed link, the health check).
    An empty set means nobody.
    """

    see: frozenset[Duty] = frozenset()
    do: frozenset[Duty] = frozenset()
    public: bool = False


EVERY_DUTY = frozenset(Duty)
CLINICAL = frozenset(
    {
        Duty.ASSESS,
        Duty.PRESCRIBE,
        Duty.PREPARE,
        Duty.GIVE,
        Duty.MONITOR,
        Duty.DISCHARGE,
        Duty.REVIEW,
    }
)
CUSTODIAN = frozenset(
    {Duty.ORDER, Duty.RECEIVE, Duty.PREPARE, Duty.GIVE, Duty.RECONCILE, Duty.REVIEW}
)


def _see(*duties: Duty) -> RoutePolicy:
    return RoutePolicy(see=frozenset(duties))


def _do(*duties: Duty) -> RoutePolicy:
    return RoutePolicy(see=frozenset(duties), do=frozenset(duties))


def _policy(see: frozenset[Duty], *do: Duty) -> RoutePolicy:
    return RoutePolicy(see=see | frozenset(do), do=frozenset(do))


PUBLIC = RoutePolicy(public=True)
ANYONE_SIGNED_IN = RoutePolicy(see=EVERY_DUTY, do=EVERY_DUTY)

POLICY: dict[str, RoutePolicy] = {
    # people
    "people:sign-in": PUBLIC,
    # Anyone may leave, also a person whose duties were all taken away.
    "people:sign-out": PUBLIC,
    "people:today": ANYONE_SIGNED_IN,
    "people:presence": _do(Duty.PRESCRIBE),
    "people:patients": _policy(CLINICAL, Duty.REGISTER),
    "people:patient-new": _do(Duty.REGISTER),
    "people:patient": _policy(CLINICAL | {Duty.REGISTER}),
    "people:patient-edit": _do(Duty.REGISTER, Duty.ASSESS, Duty.MONITOR),
    "people:bar": _policy(CLINICAL | {Duty.REGISTER}),
    # assessment and plan
    "assessment:assess": _policy(CLINICAL, Duty.ASSESS),
    "plan:new": _do(Duty.PRESCRIBE),
    "plan:dose": _see(Duty.PRESCRIBE),
    "plan:plan": _policy(CLINICAL),
    "plan:withdraw": _do(Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR),
    "plan:protocols": _policy(CLINICAL | {Duty.ADMINISTER}),
    "plan:protocol": _policy(CLINICAL | {Duty.ADMINISTER}, Duty.PRESCRIBE),
    # custody
    "custody:safe": _policy(CUSTODIAN),
    "custody:receive": _do(Duty.RECEIVE),
    "custody:count": _do(Duty.RECONCILE),
    "custody:container": _policy(CUSTODIAN),
    "custody:draw": _do(Duty.PREPARE),
    "custody:waste": _do(Duty.PREPARE),
    "custody:register": _policy(CUSTODIAN),
    "custody:counted": _policy(CUSTODIAN),
    "custody:waste-container": _do(Duty.PREPARE),
    "custody:put-back": _do(Duty.PREPARE),
    "custody:hold": _do(Duty.RECEIVE, Duty.PREPARE, Duty.RECONCILE),
    "custody:release": _do(Duty.RECONCILE),
    "custody:past": _policy(CUSTODIAN),
    "custody:order": _policy(CUSTODIAN, Duty.ORDER),
    "custody:count-sheet": _policy(CUSTODIAN),
    "custody:lots": _policy(CUSTODIAN),
    "custody:lot": _policy(CUSTODIAN),
    "custody:transfers": _policy(CUSTODIAN, Duty.PREPARE, Duty.RECEIVE, Duty.RECONCILE),
    "custody:arrive": _do(Duty.PREPARE, Duty.RECEIVE, Duty.RECONCILE),
    "custody:place-new": _do(Duty.RECONCILE, Duty.ADMINISTER),
    "custody:send-out": _do(Duty.RECEIVE, Duty.RECONCILE),
    "custody:differences": _policy(CUSTODIAN),
    "custody:difference": _policy(CUSTODIAN),
    "custody:lose": _do(Duty.RECONCILE),
    "custody:close": _do(Duty.RECONCILE),
    "custody:correct": _do(Duty.RECONCILE, Duty.PREPARE, Duty.GIVE),
    "custody:loss-draft": _see(Duty.RECONCILE, Duty.REVIEW),
    "custody:dilute": _do(Duty.PREPARE),
    "custody:dead-space": _do(Duty.PREPARE),
    "custody:pack": _see(Duty.RECONCILE, Duty.REVIEW),
    "custody:pack-file": _see(Duty.RECONCILE, Duty.REVIEW),
    "custody:law": _policy(CUSTODIAN, Duty.RECONCILE, Duty.ADMINISTER),
    "custody:dead-space-limit": _do(Duty.RECONCILE),
    # session
    "session:board": _policy(CLINICAL | {Duty.REGISTER}),
    "session:chairs": _policy(CLINICAL | {Duty.REGISTER}),
    "session:check-in": _do(Duty.MONITOR),
    "session:session": _policy(CLINICAL),
    "session:live": _policy(CLINICAL),
    "session:start": _do(Duty.GIVE),
    "session:rate": _do(Duty.GIVE),
    "session:stop": _do(Duty.GIVE),
    "session:give": _do(Duty.GIVE),
    "session:observe": _do(Duty.MONITOR),
    "session:event": _do(Duty.MONITOR),
    "session:acknowledge": _do(Duty.MONITOR, Duty.GIVE, Duty.PRESCRIBE),
    "session:discharge": _do(Duty.DISCHARGE),
    "session:close": _do(Duty.DISCHARGE),
    "session:note": _policy(CLINICAL),
    "session:table": _policy(CLINICAL),
    "session:history": _policy(CLINICAL),
    # kinetics: what models say; nothing is recorded
    "kinetics:course": _policy(CLINICAL),
    "kinetics:order-course": _see(Duty.PRESCRIBE),
    "kinetics:forecast": _policy(CLINICAL),
    "kinetics:forecast-table": _policy(CLINICAL),
    # live stream (ASGI process)
    "stream:board": _policy(CLINICAL | {Duty.REGISTER}),
    "stream:session": _policy(CLINICAL),
    # outcome, surveillance, programme
    "outcome:answer": PUBLIC,
    "outcome:invite": _do(Duty.ASSESS, Duty.MONITOR, Duty.DISCHARGE),
    "outcome:trajectory": _policy(CLINICAL),
    "outcome:flag": _policy(CLINICAL, Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR, Duty.REVIEW),
    "surveillance:claim": _see(Duty.PRESCRIBE, Duty.RECONCILE, Duty.REVIEW, Duty.ADMINISTER),
    "surveillance:adjudicate": _do(Duty.REVIEW),
    "programme:review": _policy(CLINICAL),
    # record and system
    "record:record": _see(Duty.RECONCILE, Duty.REVIEW, Duty.ADMINISTER),
    "record:export": _see(Duty.RECONCILE, Duty.REVIEW, Duty.ADMINISTER),
    "record:write-sheet": _do(Duty.RECONCILE, Duty.REVIEW, Duty.ADMINISTER),
    "record:sheet": _see(Duty.RECONCILE, Duty.REVIEW, Duty.ADMINISTER),
    "system:health": PUBLIC,
    "look:theme": PUBLIC,
    "system:status": _see(*Duty),
}
"""Every route of the product, by its URL name. A route that is missing here fails the build."""


def may(duties: frozenset[Duty], route: str, *, method: str) -> bool:
    """Whether a person with these duties may use the route with the HTTP method; unknown means no."""
    policy = POLICY.get(route)
    if policy is None:
        return False
    if policy.public:
        return True
    wanted = policy.see if method in ("GET", "HEAD", "OPTIONS") else policy.do
    return bool(duties & wanted)
