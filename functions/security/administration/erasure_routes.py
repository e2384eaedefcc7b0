"""`/access/v1/erasures`: the ledger of erased users, to be kept elsewhere and applied again.

A backup brings back whom it was made before. So the ledger is read out from time to time (or from
the table that the backup replaces) and handed to the restored city, which erases those again.
"""

import re

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.clock import iso
from city.errors import InvalidRequest
from city.policy import Operation
from security.access import ADMIN
from security.administration.facts import CallerFact, check_members, json_answer
from security.services import SecurityServices

router = APIRouter(tags=["Erasures"])

ERASURES = "/access/v1/erasures"

RULES = {
    ("GET", ERASURES): Operation("erasure:list", ADMIN),
    ("POST", f"{ERASURES}/replay"): Operation("erasure:replay", ADMIN),
}

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@router.get(ERASURES)
async def list_erasures(caller: CallerFact, services: SecurityServices) -> Response:
    """The whole ledger, in the form that `replay` takes."""
    caller.access.require_admin(None)
    ledger = services.people.erasures.ledger()
    return json_answer(
        {"erasures": [{"digest": erasure.digest, "at": iso(erasure.at)} for erasure in ledger]}
    )


@router.post(f"{ERASURES}/replay")
async def replay_erasures(
    request: Request, caller: CallerFact, services: SecurityServices
) -> Response:
    """Erase again those of a ledger who are back; without any, those of the table's own."""
    caller.access.require_admin(None)
    body = await read_object(request)
    check_members(body, "erasures")
    entries = body.get("erasures", [])
    if not isinstance(entries, list):
        raise InvalidRequest("erasures must be a list")
    digests = [entry.get("digest") if isinstance(entry, dict) else None for entry in entries]
    known = [one for one in digests if isinstance(one, str) and _DIGEST.fullmatch(one)]
    if len(known) < len(digests):
        raise InvalidRequest("every entry of erasures must have a digest of 64 hex digits")
    erased = services.people.erasures.replay(known)
    services.audit.record(
        actor=caller.subject.id,
        action="erasure:replay",
        tenant="*",
        target="erasures",
        detail={"erased": str(erased)},
    )
    return json_answer({"erased": erased})
