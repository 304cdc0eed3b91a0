# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN204, D102, N815, N818
# One file to read from top to bottom: types would be half of it.
"""A usage host in one file: the whole protocol (wire 2) with nothing but Python.

    python host.py --package demo --port 8090 --store usage.sqlite3

It keeps every rule of `otumat-usage host conformance http://127.0.0.1:8090`. It has
no pages for a maintainer: what was reported is in the store, one JSON text per batch.
Put a proxy that speaks TLS before it and give the public address as --url.
"""

import argparse
import base64
import datetime as dt
import hashlib
import hmac
import html
import http.server
import json
import re
import secrets
import sqlite3
import threading
import time
import uuid
import zlib
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT = "otumat-usage"
SCOPES = {"usage:write", "usage:self"}
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]):\d{1,5}/[\w.~/-]*", re.ASCII)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
LIMITS = {"rows": 10_000, "body_bytes": 1 << 20, "decoded_bytes": 8 << 20}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TEXT = """A random number, made for this package on this computer; the names and times of
the events it sends; its version, Python's version and the operating system's family; and
whether it runs on CI or in a container, where it tells."""
CONSENT = hashlib.sha256(TEXT.encode()).hexdigest()
PAGE = """<!doctype html><meta charset="utf-8"><title>{package}</title>
<h1>May {package} report how it is used?</h1><p>This would be sent, and nothing else: {text}</p>
<form method="post" action="{action}">{code}{hidden}
<button name="decision" value="no">No</button>
<button name="decision" value="yes">Yes, I agree</button></form>"""


def digest(text):
    """Return what the store keeps of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


class Answer(Exception):
    """What a request is answered with; raised from wherever that is known."""

    def __init__(self, status, body=b"", kind="text/plain", **headers):
        self.status, self.body, self.kind = status, body, kind
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def as_json(value, status=200, **headers):
    return Answer(status, json.dumps(value).encode(), "application/json", **headers)


def oauth_error(error, status=400):
    return as_json({"error": error, "error_description": error.replace("_", " ")}, status)


def problem(status, title, desc="", **more):
    """RFC 9457, and the two members that 0.3 clients look at."""
    challenge = more.pop("challenge", None)
    body = {"type": "about:blank", "title": title, "status": status}
    body |= {"error_msg": title, "error_desc": desc or title} | more
    headers = {"WWW_Authenticate": f"Bearer {challenge}"} if challenge else {}
    return Answer(status, json.dumps(body).encode(), "application/problem+json", **headers)


def see_other(query, **values):
    """Go back to the client, with its state and our name (RFC 9207)."""
    values |= {"state": query["state"]} if "state" in query else {}
    return Answer(303, Location=f"{query['redirect_uri']}?{urlencode(values)}")


def once(text):
    """Parse a query or form; a name that comes twice is no request (RFC 6749, 3.1)."""
    pairs = parse_qsl(text, keep_blank_values=True)
    return dict(pairs) if len(dict(pairs)) == len(pairs) else None


class Store:
    """Facts of some kinds by key, durable when the transaction ends."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.sql = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.sql.execute("PRAGMA journal_mode=WAL")
        self.sql.execute("PRAGMA synchronous=FULL")
        self.sql.execute(
            "CREATE TABLE IF NOT EXISTS fact(kind TEXT, key TEXT, value TEXT,"
            " PRIMARY KEY(kind, key)) WITHOUT ROWID"
        )

    def get(self, kind, key):
        row = self.sql.execute(
            "SELECT value FROM fact WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind, key, value):
        text = json.dumps(value)
        self.sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?, ?)", (kind, key, text))

    def under(self, prefix):
        """Every fact whose key starts with an installation's id."""
        return self.sql.execute(
            "SELECT kind, key, value FROM fact WHERE key >= ? AND key < ?", (prefix, prefix + "~")
        ).fetchall()

    def remove(self, prefix):
        self.sql.execute("DELETE FROM fact WHERE key >= ? AND key < ?", (prefix, prefix + "~"))


class Host:
    """The protocol, one method for each address. Keys of facts start with the installation."""

    def __init__(self, store, origin, package):
        self.store, self.origin, self.package = store, origin, package
        self.key = secrets.token_bytes(32)

    # --- discovery

    def get_metadata(self, _request):
        at = self.origin
        raise as_json({
            "issuer": at,
            "authorization_endpoint": f"{at}/user/usage-install",
            "token_endpoint": f"{at}/auth/token",
            "revocation_endpoint": f"{at}/auth/revoke",
            "device_authorization_endpoint": f"{at}/auth/device",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_GRANT],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": sorted(SCOPES),
            "authorization_response_iss_parameter_supported": True,
        })  # fmt: skip

    def get_about(self, request):
        if (request.query or {}).get("package") != self.package:
            raise problem(404, "Unknown package")
        raise as_json({
            "wire": [2],
            "package": self.package,
            "closed": False,
            "install_route": "/user/usage-install",
            "event_route": "/api/usage-event",
            "refresh_route": "/auth/token",
            "self_route": "/api/usage-self",
            "limits": LIMITS | {"encodings": ["gzip", "identity"]},
            "consent": {"version": "1", "sha256": CONSENT, "url": f"{self.origin}/consent"},
            "schema": None,
            "pace": {"min_interval_s": 43_200, "window_s": 86_400},
        })  # fmt: skip

    # --- routes 1 and 2

    def judged(self, request):
        """Only a request that may be redirected comes back from here."""
        query = request.query or {}
        doubtful = (
            query.get("client_id") != CLIENT
            or not LOOPBACK.fullmatch(query.get("redirect_uri", ""))
            or not CHALLENGE.fullmatch(query.get("code_challenge", ""))
            or query.get("code_challenge_method") != "S256"
            or query.get("package") != self.package
        )
        if doubtful:
            raise Answer(400, b"This request cannot be right. Nothing was recorded.")
        scope = query.get("scope") or " ".join(sorted(SCOPES))
        if query.get("response_type") != "code":
            raise see_other(query, error="unsupported_response_type", iss=self.origin)
        if not set(scope.split()) <= SCOPES:
            raise see_other(query, error="invalid_scope", iss=self.origin)
        return query, scope

    def page(self, request, purpose, action, code="", **hidden):
        session = request.session or secrets.token_urlsafe(32)
        hidden |= {"csrf": self.csrf(session, purpose), "consent": CONSENT}
        fields = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in hidden.items())
        compare = f"<p>The program shows this code: <b>{code}</b></p>" if code else ""
        body = PAGE.format(
            package=html.escape(self.package), text=TEXT, hidden=fields, code=compare,
            action=html.escape(action, quote=True),
        )  # fmt: skip
        cookie = f"session={session}; Path=/; HttpOnly; SameSite=Lax"
        cookie += "; Secure" if self.origin.startswith("https:") else ""
        policy = "default-src 'none'; frame-ancestors 'none'"
        raise Answer(200, body.encode(), "text/html; charset=utf-8", Set_Cookie=cookie,
                     Content_Security_Policy=policy)  # fmt: skip

    def csrf(self, session, purpose):
        return hmac.new(self.key, f"{session} {purpose}".encode(), "sha256").hexdigest()

    def agreed(self, request, purpose):
        """Say what the user decided; a form from elsewhere, or to another text, is refused."""
        form = request.form() or {}
        right = self.csrf(request.session, purpose)
        if request.headers.get("Origin", self.origin) != self.origin or not (
            request.session and hmac.compare_digest(form.get("csrf", "").encode(), right.encode())
        ):
            raise Answer(403, b"Please open the page again.")
        if form.get("decision") != "yes":
            return False
        if form.get("consent") != CONSENT:
            raise Answer(409, b"The text has changed. Please read it again.")
        return True

    def get_install(self, request):
        self.judged(request)
        self.page(request, request.query_text, f"/user/usage-install?{request.query_text}")

    def post_install(self, request):
        query, scope = self.judged(request)
        if not self.agreed(request, request.query_text):
            raise see_other(query, error="access_denied", iss=self.origin)
        install, code = self.enrol(), secrets.token_urlsafe(32)
        fact = {"redirect_uri": query["redirect_uri"], "challenge": query["code_challenge"]}
        fact |= {"scope": scope, "until": time.time() + 60, "family": "", "used": False}
        self.store.put("code", f"{install}/{digest(code)}", fact)
        raise see_other(query, code=f"{install}.{code}", iss=self.origin)

    def enrol(self):
        install = str(uuid.uuid4())
        consent = {"sha256": CONSENT, "at": dt.datetime.now(dt.timezone.utc).isoformat()}
        self.store.put("install", f"{install}/", {"install_id": install, "consent": consent})
        return install

    # --- route 4

    def post_token(self, request):
        form = self.client_form(request)
        grants = {
            "authorization_code": self.by_code,
            "refresh_token": self.by_refresh,
            DEVICE_GRANT: self.by_device,
        }
        if form.get("grant_type") not in grants:
            raise oauth_error("unsupported_grant_type")
        grants[form["grant_type"]](form)

    def client_form(self, request):
        form = request.form()
        if form is None or "client_id" not in form:
            raise oauth_error("invalid_request")
        if form["client_id"] != CLIENT:
            raise oauth_error("invalid_client", 401)
        return form

    def find(self, kind, token):
        """Return the key and the fact of a secret, written as installation.random."""
        install, _, secret = token.partition(".")
        key = f"{install}/{digest(secret)}"
        fact = self.store.get(kind, key) if re.fullmatch(r"[0-9a-f-]{36}", install) else None
        return install, key, fact

    def by_code(self, form):
        install, key, code = self.find("code", form.get("code", ""))
        if code is None:
            raise oauth_error("invalid_grant")
        if code["used"]:  # a copy exists, so its tokens go too (RFC 6749, 4.1.2)
            self.end(install, code["family"])
            raise oauth_error("invalid_grant")
        if not form.get("code_verifier") or not form.get("redirect_uri"):
            raise oauth_error("invalid_request")
        hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if (
            code["until"] < time.time()
            or code["redirect_uri"] != form["redirect_uri"]
            or not hmac.compare_digest(challenge, code["challenge"])
        ):
            raise oauth_error("invalid_grant")
        family = secrets.token_hex(8)
        self.store.put("code", key, code | {"used": True, "family": family})
        self.open(install, family, code["scope"])

    def open(self, install, family, scope):
        """Give the first tokens of a family."""
        fact = {"scope": scope, "alive": True, "seen": 0}
        self.store.put("family", f"{install}/{family}", fact)
        token = f"{install}.{secrets.token_urlsafe(32)}"
        self.keep_refresh(token, family, 0)
        self.give(install, family, 0, token, scope)

    def end(self, install, family):
        key = f"{install}/{family}"
        if fact := self.store.get("family", key):
            self.store.put("family", key, fact | {"alive": False})

    def seen(self, install, family, generation):
        """Return the family, or None when it ended; a use retires all older refresh tokens."""
        key = f"{install}/{family}"
        fact = self.store.get("family", key)
        if fact and fact["alive"] and generation > fact["seen"]:
            self.store.put("family", key, fact | {"seen": generation})
        return fact if fact and fact["alive"] else None

    def keep_refresh(self, token, family, generation):
        install, _, secret = token.partition(".")
        fact = {"family": family, "generation": generation, "nonce": None}
        self.store.put("refresh", f"{install}/{digest(secret)}", fact)

    def by_refresh(self, form):
        token = form.get("refresh_token", "")
        install, key, fact = self.find("refresh", token)
        family = fact and self.store.get("family", f"{install}/{fact['family']}")
        if not family or not family["alive"]:
            raise oauth_error("invalid_grant")
        if fact["generation"] < family["seen"]:  # retired: somebody holds a copy
            self.end(install, fact["family"])
            raise oauth_error("invalid_grant")
        scope = form.get("scope") or family["scope"]
        if not set(scope.split()) <= set(family["scope"].split()):
            raise oauth_error("invalid_scope")
        self.seen(install, fact["family"], fact["generation"])
        # The same token gives the same successor, which the store alone cannot make.
        nonce = fact["nonce"] or secrets.token_hex(16)
        successor = f"{install}.{hmac.new(token.encode(), nonce.encode(), 'sha256').hexdigest()}"
        if not fact["nonce"]:
            self.store.put("refresh", key, fact | {"nonce": nonce})
            self.keep_refresh(successor, fact["family"], fact["generation"] + 1)
        self.give(install, fact["family"], fact["generation"] + 1, successor, scope)

    def give(self, install, family, generation, refresh, scope):
        secret = secrets.token_urlsafe(32)
        fact = {"family": family, "generation": generation, "scope": scope}
        fact["until"] = time.time() + 3600
        self.store.put("access", f"{install}/{digest(secret)}", fact)
        raise as_json({
            "access_token": f"{install}.{secret}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": refresh,
            "scope": scope,
            "install_id": install,
        })  # fmt: skip

    def post_revoke(self, request):
        form = self.client_form(request)
        for kind in ("refresh", "access"):
            install, _, fact = self.find(kind, form.get("token", ""))
            if fact:
                self.end(install, fact["family"])
        raise as_json({})

    # --- the device flow

    def post_device(self, request):
        form = self.client_form(request)
        scope = form.get("scope") or " ".join(sorted(SCOPES))
        if form.get("package") != self.package:
            raise oauth_error("invalid_request")
        if not set(scope.split()) <= SCOPES:
            raise oauth_error("invalid_scope")
        letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
        install, secret = str(uuid.uuid4()), secrets.token_urlsafe(32)
        fact = {"scope": scope, "until": time.time() + 900, "state": "pending", "polled": 0}
        self.store.put("device", f"{install}/{digest(secret)}", fact | {"interval": 5})
        self.store.put("user code", letters, f"{install}/{digest(secret)}")
        shown, page = f"{letters[:4]}-{letters[4:]}", f"{self.origin}/device"
        raise as_json({
            "device_code": f"{install}.{secret}",
            "user_code": shown,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={shown}",
            "expires_in": 900,
            "interval": 5,
        })  # fmt: skip

    def waiting(self, text):
        letters = re.sub("[^A-Z]", "", text.upper())
        key = self.store.get("user code", letters)
        fact = key and self.store.get("device", key)
        if not fact or fact["state"] != "pending" or fact["until"] < time.time():
            raise Answer(404, b"No program waits under this code.")
        return f"{letters[:4]}-{letters[4:]}", key, fact

    def get_verify(self, request):
        code, _, _ = self.waiting((request.query or {}).get("user_code", ""))
        self.page(request, code, "/device", code, user_code=code)

    def post_verify(self, request):
        code, key, fact = self.waiting((request.form() or {}).get("user_code", ""))
        yes = self.agreed(request, code)
        self.store.put("device", key, fact | {"state": "yes" if yes else "no"})
        raise Answer(200, b"You can close this page.")

    def by_device(self, form):
        install, key, fact = self.find("device", form.get("device_code", ""))
        if not fact or fact["state"] == "used":
            raise oauth_error("invalid_grant")
        if fact["state"] == "no":
            raise oauth_error("access_denied")
        if fact["until"] < time.time():
            raise oauth_error("expired_token")
        if fact["state"] == "yes":
            self.store.put("device", key, fact | {"state": "used"})
            consent = {"sha256": CONSENT, "at": dt.datetime.now(dt.timezone.utc).isoformat()}
            self.store.put("install", f"{install}/", {"install_id": install, "consent": consent})
            self.open(install, secrets.token_hex(8), fact["scope"])
        early = time.time() - fact["polled"] < fact["interval"]
        fact |= {"polled": time.time(), "interval": fact["interval"] + 5 * early}
        self.store.put("device", key, fact)
        raise oauth_error("slow_down" if early else "authorization_pending")

    # --- route 3 and the user's own data

    def bearer(self, request, scope):
        """Return the installation of a good token (RFC 6750, 3)."""
        realm = 'realm="usage"'
        given = request.headers.get("Authorization")
        if given is None:
            raise problem(401, "Authorization Failed", "TokenExpiredError: none", challenge=realm)
        install, _, fact = self.find("access", given.partition(" ")[2])
        if self.store.get("erased", digest(install)):
            raise problem(410, "Erased", stop=True)
        alive = fact and self.seen(install, fact["family"], fact["generation"])
        if not alive or fact["until"] < time.time():
            why = f'{realm}, error="invalid_token"'
            raise problem(401, "Authorization Failed", "TokenExpiredError: bad", challenge=why)
        if scope not in fact["scope"].split():
            raise problem(403, "Scope", challenge=f'{realm}, error="insufficient_scope"')
        return install

    def post_event(self, request):
        install = self.bearer(request, "usage:write")
        if request.headers.get_content_type() != "application/json":
            raise problem(415, "Unsupported media type")
        body = request.body()
        coding = request.headers.get("Content-Encoding", "identity")
        if coding == "gzip":
            body = unpacked(body)
        elif coding != "identity":
            raise problem(415, "Unsupported encoding")
        batch = parsed(body)
        if batch["installId"] != install:
            raise problem(403, "Wrong install", stop=False)
        key = f"{install}/{batch['batch']}"
        known = self.store.get("batch", key)
        if known and known["sha256"] != hashlib.sha256(body).hexdigest():
            raise problem(422, "Batch id reused")
        if not known:
            known = self.settle(install, key, batch, hashlib.sha256(body).hexdigest())
        wait = secrets.randbelow(34_560) + 43_200
        told = {"duplicate": known["again"], "next_upload_after": wait}
        raise as_json(known["answer"] | told | {"latest_version": None, "notice": None})

    def settle(self, install, key, batch, sha256):
        """Keep the good rows whose numbers no earlier batch of the run settled."""
        ranges = self.store.get("run", f"{install}/{batch['run']}") or []
        kept, rejected = [], []
        for number, row in enumerate(batch["rows"]):
            if why := wrong(row, batch, ranges, number):
                rejected.append({"row": number, "reason": why})
            else:
                kept.append(row)
        ranges.append([batch["first"], batch["last"]])
        self.store.put("run", f"{install}/{batch['run']}", ranges)
        answer = {"accepted": len(kept), "rejected": rejected[:100], "batch": batch["batch"]}
        answer |= {"rejected_count": len(rejected), "receipt": secrets.token_hex(16)}
        fact = {"sha256": sha256, "answer": answer, "again": True}
        fact |= {"headers": batch["headers"], "rows": kept, "context": batch.get("context")}
        self.store.put("batch", key, fact)
        return fact | {"again": False}

    def get_self(self, request):
        install = self.bearer(request, "usage:self")
        kinds = ("install", "family", "batch")
        facts = [(kind, value) for kind, _, value in self.store.under(install) if kind in kinds]
        lines = [json.dumps({"kind": kind, "install_id": install} | json.loads(value))
                 for kind, value in facts]  # fmt: skip
        raise Answer(200, "\n".join(lines).encode(), "application/jsonl")

    def delete_self(self, request):
        install = self.bearer(request, "usage:self")
        self.store.remove(install)
        self.store.put("erased", digest(install), True)
        raise as_json({"erased": True, "install_id": install})


def unpacked(body):
    """Undo gzip without ever holding more than the limit."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        data = inflater.decompress(body, LIMITS["decoded_bytes"] + 1)
    except zlib.error:
        raise problem(400, "Malformed batch") from None
    if len(data) > LIMITS["decoded_bytes"]:
        raise problem(413, "Batch too large", limits=LIMITS)
    if not inflater.eof or inflater.unused_data:
        raise problem(400, "Malformed batch")
    return data


def parsed(body):
    """Return a batch that is right as a whole."""
    try:
        batch = json.loads(body)
        texts = [batch[name] for name in ("installId", "batch", "run", "sent_at")]
        first, last, headers, rows = (batch[k] for k in ("first", "last", "headers", "rows"))
        good = all(isinstance(text, str) for text in texts) and isinstance(rows, list)
        good &= all(
            re.fullmatch(r"[\w.-]{1,64}", text, re.ASCII) is not None for text in texts[1:3]
        )
        good &= type(first) is int and type(last) is int and 0 <= first <= last < 2**53
        good &= {"event_date", "event_type"} <= set(headers)
        good &= "seq" in headers or len(rows) == last - first + 1
    except (ValueError, TypeError, KeyError, RecursionError):
        good = False
    if not good:
        raise problem(400, "Malformed batch")
    if len(rows) > LIMITS["rows"]:
        raise problem(413, "Batch too large", limits=LIMITS)
    return batch


def wrong(row, batch, ranges, number):
    """Return why one row is rejected, None when it is good."""
    if not isinstance(row, list) or len(row) != len(batch["headers"]):
        return "row_shape"
    named = dict(zip(batch["headers"], row, strict=True))
    try:
        at = dt.datetime.fromisoformat(str(named["event_date"]).replace("Z", "+00:00"))
    except ValueError:
        return "event_date"
    at = at if at.tzinfo else at.replace(tzinfo=dt.timezone.utc)
    age = dt.datetime.now(dt.timezone.utc) - at
    if not dt.timedelta(minutes=-5) <= age <= dt.timedelta(days=400):
        return "event_date_range"
    name, seq = named["event_type"], named.get("seq", batch["first"] + number)
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not name.isprintable():
        return "event_type"
    if type(seq) is not int or not batch["first"] <= seq <= batch["last"]:
        return "seq"
    return "replay" if any(first <= seq <= last for first, last in ranges) else None


ROUTES = {
    "/.well-known/oauth-authorization-server": {"GET": Host.get_metadata},
    "/.well-known/otumat-usage": {"GET": Host.get_about},
    "/user/usage-install": {"GET": Host.get_install, "POST": Host.post_install},
    "/auth/token": {"POST": Host.post_token},
    "/auth/revoke": {"POST": Host.post_revoke},
    "/auth/device": {"POST": Host.post_device},
    "/device": {"GET": Host.get_verify, "POST": Host.post_verify},
    "/api/usage-event": {"POST": Host.post_event},
    "/api/usage-self": {"GET": Host.get_self, "DELETE": Host.delete_self},
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Read a request, let the host answer it inside one transaction, send the answer."""

    protocol_version = "HTTP/1.1"
    timeout = 20

    def serve(self):
        parts = urlsplit(self.path)
        self.query_text, self.query = parts.query, once(parts.query)
        self.session = ""
        if cookie := SimpleCookie(self.headers.get("Cookie", "")).get("session"):
            self.session = cookie.value
        self.read = None
        host, methods = self.server.host, ROUTES.get(parts.path, {})
        with host.store.lock:
            host.store.sql.execute("BEGIN IMMEDIATE")
            try:
                if not methods:
                    raise problem(404, "Not found")
                if self.command not in methods:
                    raise problem(405, "Method not allowed")
                if self.query is None and parts.path != "/user/usage-install":
                    raise problem(400, "A parameter came twice")
                methods[self.command](host, self)
            except Answer as found:
                answer = found
            finally:
                host.store.sql.execute("COMMIT")
        self.answer(answer)

    do_GET = do_POST = do_DELETE = serve

    def body(self):
        if self.read is None:
            size = self.headers.get("Content-Length", "0")
            if not size.isdigit() or int(size) > LIMITS["body_bytes"]:
                self.close_connection = True
                raise problem(413, "Batch too large", limits=LIMITS)
            self.read = self.rfile.read(int(size))
        return self.read

    def form(self):
        return once(self.body().decode("ascii", "replace"))

    def answer(self, answer):
        if self.read is None and self.headers.get("Content-Length", "0") != "0":
            self.close_connection = True  # a body that nobody read is in the way
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body))}
        headers |= {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        headers |= {"Connection": "close"} if self.close_connection else {}
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_):
        """Keep no address of anyone."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--package", default="demo")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--store", default="usage.sqlite3")
    parser.add_argument("--url", help="public address, when a proxy stands before")
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    origin = options.url or f"http://127.0.0.1:{server.server_port}"
    server.host = Host(Store(options.store), origin.rstrip("/"), options.package)
    print(f"serving {options.package} on {origin}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
