"""List the operations of the protocol: the one table behind the routes and their description."""

from __future__ import annotations

from otumat_usage.host import (
    _device,
    _discovery,
    _health,
    _ingest,
    _install_route,
    _new_install,
    _openapi,
    _self,
    _stats,
    _token_endpoint,
)
from otumat_usage.host._authorize import CLIENT_ID, SCOPES
from otumat_usage.host._catalogue import EXHIBITS
from otumat_usage.host._discovery import ROUTES
from otumat_usage.host._forms import (
    CodeForm,
    Decision,
    DeviceDecision,
    DeviceForm,
    DevicePoll,
    RefreshForm,
    RevocationForm,
)
from otumat_usage.host._messages import (
    Alive,
    AuthorizationServer,
    DeviceCodes,
    Erasure,
    NewTokens,
    Nothing,
    OAuthBusy,
    OAuthError,
    PackageInfo,
    Problem,
    Ready,
    SelfLink,
    StatsAnswer,
    StatsIndex,
    Tokens,
    UploadReceipt,
)
from otumat_usage.host._new_install import NewInstall
from otumat_usage.host._openapi import CSV, HTML, JSONL, REDIRECT, Operation, Parameter
from otumat_usage.host._wire import Batch

__all__ = ["OPERATIONS"]

_TEXT = {"type": "string", "maxLength": 64}
_AUTHORIZATION = (
    Parameter("response_type", "`code`.", required=True, schema={"const": "code"}),
    Parameter("client_id", "The one public client.", required=True, schema={"const": CLIENT_ID}),
    Parameter(
        "redirect_uri",
        "A literal loopback address with any port (RFC 8252, 7.3).",
        required=True,
        schema={
            "type": "string",
            "pattern": r"^http://(127\.0\.0\.1|\[::1\]):[0-9]{1,5}/[A-Za-z0-9._~/-]{0,200}$",
        },
    ),
    Parameter("state", "Comes back unchanged.", schema={"type": "string", "maxLength": 1024}),
    Parameter(
        "code_challenge",
        "SHA-256 of the verifier (RFC 7636, 4.2).",
        required=True,
        schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
    ),
    Parameter("code_challenge_method", "`S256`.", required=True, schema={"const": "S256"}),
    Parameter("scope", f"Some of: {' '.join(SCOPES)}; all when left out."),
    Parameter("package", "The package that asks.", required=True),
    Parameter("package_version", "Shown on the page, trusted for nothing.", schema=_TEXT),
    Parameter("python", "Shown on the page, trusted for nothing.", schema=_TEXT),
    Parameter("os", "Shown on the page, trusted for nothing.", schema=_TEXT),
)
_UPLOAD = (
    Parameter("Content-Encoding", "`gzip` or `identity`.", place="header"),
    Parameter("Idempotency-Key", "The batch id again, in quotes.", place="header"),
    Parameter("Date", "The client's clock at this attempt.", place="header"),
)
_PACKAGE = Parameter("package", "The package's name, in any spelling.", required=True, place="path")
_DATE = {"type": "string", "format": "date"}
_QUESTION = (
    Parameter(
        "answer",
        "Which answer; `/api/stats` lists them. Of a survey also those about one question.",
        required=True,
        schema={
            "anyOf": [
                {"enum": list(EXHIBITS)},
                {"pattern": r"^survey\.[a-z][a-z0-9_-]{0,31}(\.features)?$"},
            ]
        },
        place="path",
    ),
    Parameter("from", "The first day, instead of `days`.", schema=_DATE),
    Parameter("to", "The last day; today when left out.", schema=_DATE),
    Parameter("days", "How many days; 90 when left out.", schema={"type": "integer", "minimum": 1}),
    Parameter("where", "Only these users, such as `python >= 3.11 and not os = Windows`."),
    Parameter("order", "What lists are sorted by.", schema={"enum": ["users", "events", "name"]}),
    Parameter("without", "For the answer `drop`: the users that would be left behind."),
    Parameter("ci", "`with` counts what ran on CI as well.", schema={"const": "with"}),
    Parameter("format", "`json` or `csv`.", schema={"enum": ["json", "csv"]}),
)
_MAINTAINER = {401: Problem, 403: Problem, 429: Problem, 503: Problem}
_REFUSED = {400: OAuthError, 401: OAuthError, 503: OAuthBusy}
_PROGRAM = (
    Parameter(
        "X-CSRF-Token",
        "With a maintainer's session instead of a token: the csrf value at /admin/p/PACKAGE.",
        place="header",
    ),
)
_TOKEN = {401: Problem, 403: Problem, 410: Problem, 503: Problem}

OPERATIONS = (
    Operation(
        "GET",
        "/.well-known/oauth-authorization-server",
        "authorizationServer",
        _discovery.authorization_server,
        "Where the OAuth endpoints are (RFC 8414).",
        {200: AuthorizationServer},
    ),
    Operation(
        "GET",
        "/.well-known/otumat-usage",
        "usage",
        _discovery.usage,
        "What the host takes for one package.",
        {200: PackageInfo, 304: None, 404: Problem, 503: Problem},
        (Parameter("package", "The package's name, in any spelling.", required=True),),
    ),
    Operation(
        "GET",
        ROUTES["install"],
        "askConsent",
        _install_route.ask,
        "Route 1: the consent page (RFC 6749, 4.1.1).",
        {200: HTML, 303: REDIRECT, 400: HTML, 503: HTML},
        _AUTHORIZATION,
    ),
    Operation(
        "POST",
        ROUTES["install"],
        "decideConsent",
        _install_route.decide,
        "Route 2: what the user decided.",
        {303: REDIRECT, **dict.fromkeys((400, 403, 409, 422, 429, 503), HTML)},
        _AUTHORIZATION,
        forms=(Decision,),
    ),
    Operation(
        "POST",
        ROUTES["enrol"],
        "enrol",
        _new_install.create,
        "Route 2 for a maintainer's program: enrol an install whose user agreed elsewhere.",
        {
            201: NewTokens,
            400: Problem,
            401: Problem,
            403: Problem,
            404: Problem,
            409: Problem,
            410: Problem,
            413: Problem,
            415: Problem,
            422: Problem,
            429: Problem,
            503: Problem,
        },
        _PROGRAM,
        body=NewInstall,
        personal="admin",
    ),
    Operation(
        "POST",
        ROUTES["token"],
        "token",
        _token_endpoint.token,
        "Route 4: tokens for a code, a refresh token or a device code.",
        {200: Tokens, **_REFUSED, 429: OAuthBusy},
        forms=(CodeForm, RefreshForm, DevicePoll),
    ),
    Operation(
        "POST",
        ROUTES["revoke"],
        "revoke",
        _token_endpoint.revocation,
        "End a grant (RFC 7009).",
        {200: Nothing, **_REFUSED},
        forms=(RevocationForm,),
    ),
    Operation(
        "POST",
        ROUTES["device"],
        "startDevice",
        _device.start,
        "Start a device grant (RFC 8628).",
        {200: DeviceCodes, **_REFUSED, 429: OAuthBusy},
        forms=(DeviceForm,),
    ),
    Operation(
        "GET",
        ROUTES["verify"],
        "showDevice",
        _device.verify,
        "Where the user types the code, or decides about it.",
        {200: HTML, 303: REDIRECT, 404: HTML, 429: HTML, 503: HTML},
        (Parameter("user_code", "The code that the program shows."),),
    ),
    Operation(
        "POST",
        ROUTES["verify"],
        "decideDevice",
        _device.decide,
        "What the user decided about a device grant.",
        {
            200: HTML,
            303: REDIRECT,
            403: HTML,
            404: HTML,
            409: HTML,
            422: HTML,
            429: HTML,
            503: HTML,
        },
        forms=(DeviceDecision,),
    ),
    Operation(
        "POST",
        ROUTES["event"],
        "upload",
        _ingest.upload,
        "Route 3: one batch of one run.",
        {
            200: UploadReceipt,
            400: Problem,
            413: Problem,
            415: Problem,
            422: Problem,
            429: Problem,
            **_TOKEN,
        },
        _UPLOAD,
        body=Batch,
        scope="usage:write",
    ),
    Operation(
        "GET",
        ROUTES["self"],
        "exportSelf",
        _self.show,
        "Everything that is held about the installation, as JSON lines.",
        {200: JSONL, **_TOKEN},
        scope="usage:self",
    ),
    Operation(
        "DELETE",
        ROUTES["self"],
        "eraseSelf",
        _self.remove,
        "Erase everything about the installation, for good.",
        {200: Erasure, **_TOKEN},
        scope="usage:self",
    ),
    Operation(
        "POST",
        ROUTES["self_link"],
        "linkSelf",
        _self.link,
        "A link that opens the user's own page in a browser, once.",
        {201: SelfLink, **_TOKEN},
        scope="usage:self",
    ),
    Operation(
        "GET",
        "/api/stats",
        "listStats",
        _stats.index,
        "The packages and the answers that a maintainer's program can ask for.",
        {200: StatsIndex, 304: None, **_MAINTAINER},
        personal="read",
    ),
    Operation(
        "GET",
        "/api/stats/{package}",
        "summariseStats",
        _stats.summary,
        "How many use a package, how often, which features, at a glance.",
        {200: dict, 304: None, 404: Problem, **_MAINTAINER},
        (_PACKAGE,),
        personal="read",
    ),
    Operation(
        "GET",
        "/api/stats/{package}/{answer}",
        "answerStats",
        _stats.answer,
        "One answer, with the numbers of the pages and of `otumat-usage report`.",
        {200: (StatsAnswer, CSV), 304: None, 404: Problem, 422: Problem, **_MAINTAINER},
        (_PACKAGE, *_QUESTION),
        personal="read",
    ),
    Operation("GET", "/healthz", "alive", _health.alive, "The process lives.", {200: Alive}),
    Operation(
        "GET",
        "/readyz",
        "ready",
        _health.ready,
        "The store takes a write now.",
        {200: Ready, 503: Problem},
    ),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        _health.metrics,
        "Numbers of this process for Prometheus; needs the token of `host metrics-token`.",
        {200: "text/plain", 401: Problem, 503: Problem},
    ),
    Operation(
        "GET",
        "/openapi.json",
        "openapi",
        _openapi.serve,
        "This document.",
        {200: dict},
    ),
)
