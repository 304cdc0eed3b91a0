"""Answer the JSON twin of route 2: a maintainer's program enrols an install, for a fleet or a test.

Nobody clicks here, so the program must name the text that its users agreed to, by its
hash, and only a maintainer may call it. Who is one is decided in `_refusal` alone.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING

from otumat_usage.host import _grants, _packages
from otumat_usage.host._admin import is_admin
from otumat_usage.host._authorize import SCOPES
from otumat_usage.host._consent import ConsentText, consent_text
from otumat_usage.host._database import Connection, installs, select
from otumat_usage.host._form_session import is_ours
from otumat_usage.host._maintainer import CHALLENGE, maintainer
from otumat_usage.host._messages import NewTokens
from otumat_usage.host._secrets import new_id
from otumat_usage.host._settings_page import PURPOSE
from otumat_usage.host._survey import answered
from otumat_usage.host._tombstones import is_erased
from otumat_usage.host._web import (
    Request,
    Response,
    host_of,
    json_answer,
    problem,
    read_body,
    writing,
)
from otumat_usage.host._wire import Malformed, shaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.host._survey import Question

__all__ = ["NewInstall", "create"]

_BODY = 65_536
_HOW = "program"


@dataclasses.dataclass(frozen=True, slots=True)
class NewInstall:
    """What is to be enrolled: for which package, under which text, and as whom if that is known."""

    package: str
    consent: str
    survey: dict[str, str] = dataclasses.field(default_factory=dict)
    installId: str | None = None  # noqa: N815 - the name on the wire since 0.3


async def create(request: Request) -> Response:
    """Serve ``POST /api/usage-install``."""
    wanted = await _read(request)
    refusal = await _refusal(request, wanted.package if isinstance(wanted, NewInstall) else None)
    if refusal is not None:
        return refusal
    if isinstance(wanted, Response):
        return wanted
    install = _uuid(wanted.installId)
    if install is None:
        return problem(400, "malformed", "Malformed request", "installId is no UUID")
    host = host_of(request)
    now = host.now()
    made = await writing(host, lambda connection: _enrol(connection, wanted, install, now))
    if isinstance(made, Response):
        return made
    return json_answer(
        NewTokens(
            str(uuid.UUID(bytes=install)), made.access, made.refresh, made.expires_in, made.scope
        ),
        201,
    )


async def _refusal(request: Request, package: str | None) -> Response | None:
    """Return why whoever asks may not enrol for *package*; None when they may.

    A personal token of the scope admin; or a maintainer's session with the CSRF value of
    the package's settings page, so that no other page can use it. The name is None where
    it cannot be read.
    """
    if "authorization" in request.headers:
        found = await maintainer(request, "admin", package or "")
        return found if isinstance(found, Response) else None
    if not await is_admin(request):
        text = "send a token of `otumat-usage host token add --scope admin`"
        return problem(401, "maintainer", "For the maintainer only", text, headers=CHALLENGE)
    if package is None:
        return None
    given = {"csrf": request.headers.get("x-csrf-token", "")}
    if not is_ours(request, given, PURPOSE, package):
        text = "X-CSRF-Token must be the csrf value of the form at /admin/p/PACKAGE"
        return problem(403, "csrf", "Not from a page of this host", text)
    return None


async def _read(request: Request) -> NewInstall | Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return problem(415, "media-type", "Unsupported media type", "send application/json")
    body = await read_body(request, _BODY)
    if body is None:
        return problem(413, "too-large", "Too large", f"the body passes {_BODY} bytes")
    try:
        return shaped(body, NewInstall)
    except Malformed as error:
        return problem(400, "malformed", "Malformed request", str(error))


def _uuid(text: str | None) -> bytes | None:
    """Return the id in *text*, a new one for None; None when it is no UUID as we write them."""
    if text is None:
        return new_id()
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    return found.bytes if str(found) == text else None


def _enrol(
    connection: Connection, wanted: NewInstall, install: bytes, now: int
) -> _grants.Pair | Response:
    package = _packages.get(connection, wanted.package)
    if package is None:
        return problem(404, "package", "Unknown package", "no such package at this host")
    words = consent_text(package)
    fault = _fault(package, words, wanted) or _taken(connection, install)
    if fault is not None:
        return fault
    answers = answered(package.survey, {f"survey-{k}": v for k, v in wanted.survey.items()})
    consent = _grants.Consent(package.id, words.sha256, words.version, now, _HOW, answers)
    _grants.enrol(connection, consent, install=install)
    return _grants.Family(connection, install, new_id(), now).open(" ".join(SCOPES))


def _fault(package: _packages.Package, words: ConsentText, wanted: NewInstall) -> Response | None:
    if package.closed:
        text = f"{package.name} no longer collects usage"
        return problem(403, "closed", "Package closed", text, stop=True)
    if wanted.consent != words.sha256:
        text = "consent is not the hash of the text in force"
        return problem(409, "consent", "Another text is in force", text, sha256=words.sha256)
    if wrong := _wrong_answers(package.survey, wanted.survey):
        return problem(422, "survey", "Wrong survey answers", ", ".join(wrong), fields=wrong)
    return None


def _taken(connection: Connection, install: bytes) -> Response | None:
    if is_erased(connection, install):
        return problem(410, "erased", "Erased", "this installId was erased for good", stop=True)
    if connection.scalar(select(installs.c.id).where(installs.c.id == install)) is not None:
        return problem(409, "registered", "Already registered", "this installId is enrolled")
    return None


def _wrong_answers(questions: tuple[Question, ...], given: Mapping[str, str]) -> list[str]:
    options = {question.id: question.options for question in questions}
    return sorted(name for name, value in given.items() if value not in options.get(name, ()))
