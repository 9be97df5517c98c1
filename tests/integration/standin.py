"""A stand-in of a test's own and what hears its callbacks. Needs nothing but build/bin/bedelau-standin."""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import queue
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("BEDELAU_STANDIN_BINARY", ROOT / "build/bin/bedelau-standin"))
KEY = b"a key for tests only, 32 bytes.."
SECRET = "whsec_" + base64.b64encode(KEY).decode()
API = "/api/v1/integrasi"


def is_signed(headers, body):
    """Whether a callback bears the signature that Standard Webhooks ask for."""
    signed = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    want = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == want


class Hook:
    """Receives callbacks; answers 503 to the first `refuse` of them."""

    def __init__(self):
        hook = self
        self.got = queue.Queue()
        self.refuse = 0
        self.gate = threading.Event()  # while it is clear, callbacks are heard but not answered
        self.gate.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = 503 if hook.refuse > 0 else 204
                hook.refuse -= 1
                hook.got.put((dict(self.headers.items()), body, code))
                hook.gate.wait(30)
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self):
        """What the next callback says."""
        headers, body, _ = self.got.get(timeout=10)
        assert is_signed(headers, body)
        return json.loads(body)


class Standin:
    def __init__(self, *args, **env):
        self.process = subprocess.Popen(
            [BINARY, "--listen", "127.0.0.1:0", *args], stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
        line = self.process.stdout.readline()
        assert line.startswith("listen=127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    def ask(self, method, path, body=None, headers=None, timeout=10):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers or {})
            r = c.getresponse()
            text = r.read()
        finally:
            c.close()
        return r.status, dict(r.getheaders()), json.loads(text) if text.startswith((b"{", b"[")) else text

    def faults(self, **settings):
        status, _, answer = self.ask("PUT", "/_faults", settings)
        assert status == 200, answer

    def stats(self):
        return self.ask("GET", "/_stats")[2]

    def ledger(self):
        return self.ask("GET", "/_ledger")[2]

    def find(self, nomor):
        """What GET lists of a number."""
        return self.ask("GET", API + "?nomor_permohonan=" + nomor)[2]

    def delete(self, id_, key=None):
        return self.ask("DELETE", API + "/" + id_, headers={"Idempotency-Key": key} if key else {})

    def post(self, nomor, revisi=1, putaran=1, method="POST", path=API, timeout=10, headers=None, **more):
        body = {"nomor_permohonan": nomor, "revisi": revisi, "kode_opd": "1.01", "sistem": {"nama": "Contoh"}, **more}
        key = "%s:%d:%d" % (nomor, revisi, putaran)
        return self.ask(method, path, body, {"Idempotency-Key": key, **(headers or {})}, timeout)

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)
