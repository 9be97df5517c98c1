#!/usr/bin/python3
"""endpoint.py URL: what an integration endpoint does, and does not do, of schemas/bedelau-api.openapi.yaml. Prints a table;
exit status 0 when everything required is done, 1 when not, 64 for wrong use, 69 when nobody answers. README.md tells more."""
import base64
import http.client
import json
import os
import pathlib
import secrets
import ssl
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from contract import Schemas  # noqa: E402

API = "/api/v1/integrasi"
DOCUMENT = "bedelau-api.openapi.yaml"
AGAIN = (408, 425, 429, 500, 502, 503, 504)
MADE = (200, 201, 202)
LIVE = ("diterima", "diproses", "menunggu_perbaikan", "aktif")
TRIES = 6
CLAMP_S = 5  # of Retry-After
DONE, NOT_DONE, NOT_SEEN = "done", "NOT DONE", "not seen"


class Gone(Exception):
    """Nobody answers."""


class Unusable(Exception):
    """Nothing can be registered, so nothing else can be asked."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def get(self, name):
        value = self.json()
        return value.get(name) if isinstance(value, dict) else None

    def __str__(self):
        return f"{self.status} {self.get('status') or self.get('kode') or ''}".strip()


def setting(name, default=None):
    """From the environment, or from the file that NAME_FILE names: a secret need not stand in a command line."""
    path = os.environ.get(name + "_FILE")
    return pathlib.Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get(name) or default


class Endpoint:
    """Calls with credentials, one connection each, without proxy or redirect; says what it was answered."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.timeout_s = float(setting("TIMEOUT_S", "30"))
        self.auth = setting("AUTH", "none")
        self.token = setting("TOKEN")
        self.client = (setting("CLIENT_ID", ""), setting("CLIENT_SECRET", ""))
        self.seen = []  # (status, headers) of every answer
        if self.auth == "oauth2":
            self.token = self.fetch_token(self.client).get("access_token") or ""

    def connect(self, url):
        if url.scheme == "https":
            return http.client.HTTPSConnection(url.hostname, url.port, timeout=self.timeout_s,
                                               context=ssl.create_default_context(cafile=setting("CA_FILE")))
        return http.client.HTTPConnection(url.hostname, url.port, timeout=self.timeout_s)

    def send(self, method, url, body, headers):
        c = self.connect(url)
        target = url.path + (f"?{url.query}" if url.query else "")
        try:
            c.request(method, target or "/", body, headers)
            r = c.getresponse()
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        except OSError as e:
            raise Gone(f"{url.scheme}://{url.netloc}: {e}") from e
        except http.client.HTTPException as e:
            return Answer(0, {}, repr(e).encode())
        finally:
            c.close()

    def fetch_token(self, client):
        where = urllib.parse.urlsplit(setting("TOKEN_URL", self.url.geturl().rstrip("/") + "/oauth/token"))
        form = {"grant_type": "client_credentials", "client_id": client[0], "client_secret": client[1]}
        return self.send("POST", where, urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})

    def credentials(self, token):
        if self.auth in ("bearer", "oauth2"):
            return {"Authorization": f"Bearer {token}"}
        if self.auth == "basic":
            return {"Authorization": "Basic " + base64.b64encode(f"{self.client[0]}:{token}".encode()).decode()}
        return {setting("HEADER", "X-Api-Key"): token} if self.auth == "api_key" else {}

    def ask(self, method, path, body=None, key=None, credentials=None):
        """Again where the contract says so: a repeat has the same key and the same bytes."""
        if credentials is None:
            credentials = self.credentials(self.client[1] if self.auth == "basic" else self.token)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Idempotency-Key": key} if key else {}
        url = urllib.parse.urlsplit(self.url.geturl().rstrip("/") + path)
        for left in reversed(range(TRIES)):
            answer = self.send(method, url, body, {**headers, **credentials})
            self.seen.append((answer.status, answer.headers))
            if answer.status not in AGAIN or not left:
                return answer
            wait = answer.headers.get("retry-after", "1")
            time.sleep(min(float(wait) if wait.isdigit() else 1, CLAMP_S))


class Suite:
    def __init__(self, endpoint):
        self.e = endpoint
        self.schemas = Schemas()
        self.prefix = setting("PREFIX", "KONTRAK")
        self.run = secrets.token_hex(4).upper()
        self.wait_s = float(setting("WAIT_S", "30"))
        self.rows = []
        self.made = []  # ids
        self.honoured = False

    # ---- what is said

    def row(self, done, what, seen, required=True):
        """`done` None: there was nothing to judge."""
        self.rows.append((NOT_SEEN if done is None else DONE if done else NOT_DONE, what, str(seen), required))

    def shape(self, answer, name):
        """What is wrong with a body by a schema of the document; "" when nothing is."""
        value = answer.json()
        if value is None:
            return "the body is no JSON"
        return "; ".join(self.schemas.errors(DOCUMENT, {"$ref": "#/components/schemas/" + name}, value))[:160]

    # ---- what is asked

    def nomor(self, what):
        return f"{self.prefix}-{self.run}-{what}"

    def body(self, nomor, revisi=1, **more):
        return json.dumps({
            "nomor_permohonan": nomor, "revisi": revisi, "kode_wilayah": "21.71", "kode_opd": setting("OPD", "2.15.01"),
            "nama_opd": "Dinas Perhubungan",
            "sistem": {"nama": "Uji kontrak", "singkatan": "UK", "url": "https://kontrak.batam.go.id/", "basis": ["web"],
                       "sasaran": "layanan_publik", "kategori_se": "rendah", "klasifikasi_data": "terbuka"},
            "integrasi": {"metode": ["tautan"]}, "kontak_teknis": {"surel": "uji.kontrak@batam.go.id"},
            "url_callback": "https://kontrak.invalid/callback", **more})

    def write(self, nomor, revisi=1, method="POST", path=API, **more):
        answer = self.e.ask(method, path, self.body(nomor, revisi, **more), f"{nomor}:{revisi}:1")
        if answer.status in MADE and isinstance(answer.get("id_integrasi"), str):
            self.made.append(answer.get("id_integrasi"))
        return answer

    def at(self, id_):
        return API + "/" + urllib.parse.quote(str(id_), safe="")

    def listed(self, nomor):
        answer = self.e.ask("GET", API + "?nomor_permohonan=" + urllib.parse.quote(nomor))
        value = answer.json()
        return answer, [r for r in value if isinstance(r, dict)] if isinstance(value, list) else []

    def ended(self, id_, nomor):
        """Waits until nothing of it is in force; what was seen last."""
        until = time.monotonic() + self.wait_s
        while True:
            answer = self.e.ask("GET", self.at(id_))
            _, rows = self.listed(nomor)
            live = answer.status == 200 and answer.get("status") in LIVE
            live = live or any(r.get("status") in LIVE for r in rows if r.get("id_integrasi") == id_)
            if not live or time.monotonic() > until:
                return not live, answer
            time.sleep(0.2)

    # ---- the lines of the table

    def post(self):
        nomor = self.nomor("DAFTAR")
        first = self.write(nomor)
        bad = "" if first.status in (201, 202) else f"status {first.status}"
        bad = bad or self.shape(first, "Jawaban")
        self.row(not bad, "POST registers: 201 or 202 with id_integrasi and status", bad or first)
        if bad:
            raise Unusable(f"POST {API} registers nothing: {first} {first.body[:200]!r}")
        return nomor, first

    def repeat(self, nomor, first):
        again = self.write(nomor)
        same = again.status in MADE and again.get("id_integrasi") == first.get("id_integrasi")
        _, rows = self.listed(nomor)
        self.honoured = same and len({r.get("id_integrasi") for r in rows if (r.get("revisi"), r.get("putaran")) == (1, 1)}) <= 1
        self.row(self.honoured, "Idempotency-Key is honoured: a repeat has no second effect",
                 f"{again}, id {'the same' if same else 'another'}" + ("" if self.honoured else ": [integrator] reconcile must be on"))
        first_body = again.status == 200 and again.get("id_integrasi") == first.get("id_integrasi")
        self.row(first_body if self.honoured else None, "a repeat is answered 200 with the first answer's id",
                 again if self.honoured else "keys are not honoured")
        other = self.write(nomor, nama_opd="Dinas lain") if self.honoured else None
        self.row(other.status == 409 if other else None, "409 for the same key with another body",
                 other or "keys are not honoured", required=False)

    def reads(self, nomor, first):
        answer = self.e.ask("GET", self.at(first.get("id_integrasi")))
        bad = self.shape(answer, "KeadaanIntegrasi") if answer.status == 200 else f"status {answer.status}"
        want = (first.get("id_integrasi"), nomor, 1, 1)
        got = tuple(answer.get(k) for k in ("id_integrasi", "nomor_permohonan", "revisi", "putaran"))
        self.row(not bad and got == want, "GET by id tells nomor, revisi, putaran, status, urutan, waktu", bad or answer)
        answer, rows = self.listed(nomor)
        found = any(r.get("id_integrasi") == first.get("id_integrasi") for r in rows)
        bad = [b for r in rows for b in self.schemas.errors(DOCUMENT, {"$ref": "#/components/schemas/KeadaanIntegrasi"}, r)]
        self.row(answer.status == 200 and found and not bad, "GET by nomor_permohonan lists it",
                 bad[0] if bad else f"{answer.status}, {len(rows)} entries")
        answer, rows = self.listed(self.nomor("TAKADA"))
        self.row(answer.status == 200 and answer.json() == [], "GET by an unknown nomor_permohonan: 200 and an empty list",
                 f"{answer.status} {answer.body[:40].decode(errors='replace').strip()}")

    def newest_first(self):
        nomor = self.nomor("URUT")
        codes = [self.write(nomor, revisi).status for revisi in (1, 2)]
        _, rows = self.listed(nomor)
        seen = [r.get("revisi") for r in rows]
        taken = codes[1] not in MADE
        self.row(None if taken else bool(seen) and seen[0] == 2, "GET by nomor_permohonan: newest first",
                 f"a second revisi is answered {codes[1]}" if taken else f"revisi {seen}")

    def unknown(self):
        id_ = f"kontrak-tidak-ada-{self.run}"
        for method in ("GET", "PUT", "DELETE"):
            nomor = self.nomor("TAKADA")
            answer = self.write(nomor, method="PUT", path=self.at(id_)) if method == "PUT" else self.e.ask(method, self.at(id_))
            self.row(answer.status == 404, f"{method} of an unknown id: 404", answer)

    def refuses(self):
        nomor = self.nomor("TOLAK")
        answer = self.write(nomor, sistem={})
        bad = "" if answer.status in (400, 422) else f"status {answer.status}"
        bad = bad or self.shape(answer, "Penolakan") or ("" if answer.get("kesalahan") else "kesalahan is empty")
        self.row(not bad, "a form that lacks something: 400 or 422 with kode and kesalahan[{field, pesan}]", bad or answer)
        _, rows = self.listed(nomor)
        self.row(not rows, "what is refused registers nothing", f"{len(rows)} entries")
        answer = self.e.ask("POST", API, "{", f"{nomor}:1:1")
        self.row(answer.status in (400, 422), "a body that is no JSON: 400", answer)

    def put(self, first):
        nomor, id_ = self.nomor("UBAH"), first.get("id_integrasi")
        answer = self.write(nomor, method="PUT", path=self.at(id_))
        bad = self.shape(answer, "Jawaban") if answer.status in MADE else f"status {answer.status}"
        _, rows = self.listed(nomor)
        self.row(not bad and bool(rows), "PUT changes: 200, 201 or 202, and GET by its nomor lists it",
                 bad or f"{answer}, {len(rows)} entries")
        again = self.write(nomor, method="PUT", path=self.at(id_)) if self.honoured else None
        _, rows = self.listed(nomor)
        self.row(again.status == 200 and len(rows) <= 1 if again else None, "a repeated PUT: 200, no second effect",
                 again or "keys are not honoured")

    def delete(self, nomor, first):
        id_ = first.get("id_integrasi")
        answer = self.e.ask("DELETE", self.at(id_))
        self.row(answer.status in (200, 202, 204), "DELETE ends: 200, 202 or 204", answer)
        over, last = self.ended(id_, nomor)
        self.row(over, "after DELETE the status is dinonaktifkan, or nothing is left", last)
        answer = self.e.ask("DELETE", self.at(id_))
        self.row(answer.status in (200, 202, 204, 404), "DELETE again: the same, or 404", answer)

    def withdraw(self):
        nomor = self.nomor("BATAL")
        first = self.write(nomor)
        early = first.status == 202
        if first.status in MADE:
            self.e.ask("DELETE", self.at(first.get("id_integrasi")))
        over, last = self.ended(first.get("id_integrasi"), nomor)
        self.row(over if early else None, "DELETE before aktif takes it away", last if early else f"the POST was answered {first}")

    def headers(self):
        for name, codes, required in (("Retry-After", (202, 429, 503), True), ("Location", (202,), False)):
            got = [(status, headers.get(name.lower())) for status, headers in self.e.seen if status in codes]
            lacking = sorted({status for status, value in got if not value})
            self.row(not lacking if got else None, f"{', '.join(map(str, codes))} carry {name}",
                     f"missing with {lacking}" if lacking else f"{len(got)} answers", required)

    def refusal(self):
        what = "without credentials", "with wrong credentials"
        nomor = self.nomor("IZIN")
        for name, credentials in zip(what, ({}, self.e.credentials("kontrak-salah"))):
            if self.e.auth == "none":
                self.row(None, f"a call {name}: 401 or 403, no effect", "AUTH is none")
                continue
            answer = self.e.ask("POST", API, self.body(nomor), f"{nomor}:1:1", credentials)
            _, rows = self.listed(nomor)
            self.made += [r["id_integrasi"] for r in rows if r.get("id_integrasi")]
            self.row(answer.status in (401, 403) and not rows, f"a call {name}: 401 or 403, no effect",
                     f"{answer}, {len(rows)} entries")

    def token(self):
        if self.e.auth != "oauth2":
            return
        good, bad = (self.e.fetch_token(c) for c in (self.e.client, (self.e.client[0], "kontrak-salah")))
        self.row(bool(good.get("access_token")) and good.get("expires_in") is not None,
                 "POST of client_credentials: access_token and expires_in", good.status)
        self.row(bad.status in (400, 401) and bool(bad.get("error")), "a wrong client_secret: 400 or 401 with error", bad.status)

    # ---- all of it

    def clean(self):
        """Ends all that was made here; how many would not end."""
        return sum(self.e.ask("DELETE", self.at(id_)).status not in (200, 202, 204, 404) for id_ in dict.fromkeys(self.made))

    def all(self):
        nomor, first = self.post()
        try:
            self.token()
            self.refusal()
            self.repeat(nomor, first)
            self.reads(nomor, first)
            self.newest_first()
            self.refuses()
            self.unknown()
            self.put(first)
            self.withdraw()
            self.delete(nomor, first)
            self.headers()
        finally:
            left = self.clean()
        if left:
            print(f"{left} registrations of {self.nomor('*')} could not be ended")


def show(rows):
    width = max(len(what) for _, what, _, _ in rows)
    for state, what, seen, required in rows:
        optional = "" if required else " (optional)"
        print(f"{state:8}  {what:{width}}  {seen}{optional}")
    counts = {s: sum(r[0] == s for r in rows) for s in (DONE, NOT_DONE, NOT_SEEN)}
    print(f"{counts[DONE]} done, {counts[NOT_DONE]} not done, {counts[NOT_SEEN]} not seen")


def main(args):
    if len(args) != 1 or urllib.parse.urlsplit(args[0]).scheme not in ("http", "https"):
        print("usage: endpoint.py http[s]://host[:port][/base]   (make contract URL=..)", file=sys.stderr)
        return os.EX_USAGE
    try:
        suite = Suite(Endpoint(args[0]))
        print(f"{args[0]}: writes only about {suite.nomor('*')}, and ends at the end what it registered")
        try:
            suite.all()
        finally:
            if suite.rows:
                show(suite.rows)
    except (Gone, Unusable) as e:
        print(f"endpoint.py: {e}", file=sys.stderr)
        return 1 if isinstance(e, Unusable) else os.EX_UNAVAILABLE
    return int(any(state == NOT_DONE and required for state, _, _, required in suite.rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
