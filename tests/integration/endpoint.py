"""An endpoint in memory whose answers a test holds back, chooses or cuts: domain.md section 2 unless it is told otherwise."""
import contextlib
import http.server
import json
import threading
import typing
import urllib.parse

import harness


class Call(typing.NamedTuple):
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes


class Endpoint:
    """`first` is the status of what is registered, changed or ended from now on; `answers` a list per method that goes before all else."""

    def __init__(self):
        self.first, self.answers, self.calls, self.held = "aktif", {}, [], {}
        self.lock, self.gates, self.cuts = threading.RLock(), {}, {}
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def any(self):
                endpoint.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        for gate in self.gates.values():
            gate.set()
        self.server.shutdown()
        self.server.server_close()

    # ---- what a test does

    def hold(self, method):
        """Answers to that method wait, after they took effect, until release."""
        self.gates[method] = threading.Event()

    def release(self, method):
        self.gates[method].set()

    def cut(self, method, acts, times=1):
        """The next calls of that method get half an answer, after or without the effect."""
        self.cuts[method] = [acts] * times

    def set(self, number, status):
        with self.lock:
            self.held[number]["status"] = status
            self.held[number]["urutan"] += 1

    def methods(self):
        return [c.method for c in self.calls]

    def await_calls(self, method, n):
        harness.eventually(lambda: self.methods().count(method), lambda got: got >= n, what=f"{n} {method}")

    def effective(self):
        """The numbers that Bedelau holds as aktif or under way."""
        return [r["nomor_permohonan"] for r in self.held.values() if r["status"] in ("aktif", "diproses")]

    # ---- what the endpoint does

    def serve(self, h):
        length = int(h.headers.get("content-length") or 0)
        call = Call(h.command, h.path, {k.lower(): v for k, v in h.headers.items()}, h.rfile.read(length))
        with self.lock:
            cuts = self.cuts.get(call.method) or []
            cut, acts = bool(cuts), cuts.pop(0) if cuts else True
            answer = self.act(call) if acts else None
            self.calls.append(call)
        if call.method in self.gates:
            self.gates[call.method].wait(60)
        with contextlib.suppress(OSError):
            self.send(h, *(answer or (200, "{}")), half=cut)

    def send(self, h, code, data, half):
        body = (data if isinstance(data, str) else json.dumps(data)).encode()
        h.send_response(code)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body[:-1] if half else body)
        h.close_connection |= half

    def act(self, call):
        if self.answers.get(call.method):
            return self.answers[call.method].pop(0)
        path, _, query = call.path.partition("?")
        number = urllib.parse.unquote(path.rpartition("/")[2])
        if call.method == "GET" and query:
            nomor = urllib.parse.parse_qs(query)["nomor_permohonan"][0]
            return 200, [r for r in self.held.values() if r["nomor_permohonan"] == nomor]
        if call.method != "POST" and number not in self.held:
            return 404, {"kode": "TIDAK_ADA", "kesalahan": []}
        if call.method == "GET":
            return 200, self.held[number]
        if call.method == "DELETE":
            self.set(number, "dinonaktifkan" if self.first == "aktif" or "idempotency-key" not in call.headers else self.first)
            return self.taken(number, 200)
        return self.register(call, number)

    def register(self, call, number):
        nomor, revisi, putaran = call.headers["idempotency-key"].rsplit(":", 2)
        if call.method == "POST":
            number = f"ID-{len(self.held) + 1}"
        urutan = self.held.get(number, {"urutan": -1})["urutan"] + 1
        self.held[number] = {"id_integrasi": number, "nomor_permohonan": nomor, "revisi": int(revisi), "putaran": int(putaran),
                             "status": self.first, "urutan": urutan}
        return self.taken(number, 201 if call.method == "POST" else 200)

    def taken(self, number, code):
        status = self.held[number]["status"]
        return (202 if status == "diproses" else code), {"id_integrasi": number, "status": status}
