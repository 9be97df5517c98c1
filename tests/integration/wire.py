"""Bytes on the wire: requests that no client library would send, and a way to a server that can be cut."""
import contextlib
import http.client
import socket
import struct
import threading
import typing


class Answer(typing.NamedTuple):
    status: int
    headers: dict  # names in lower case
    body: bytes


def ask(port, method, path, body=None, headers=None):
    """One request on a connection of its own."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(conn):
        conn.request(method, path, body, headers or {})
        r = conn.getresponse()
        return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())


class Line:
    """A connection on which bytes are sent as they are and answers are read one by one."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def head(self):
        """(status, headers) of the next answer; status 0 when the other side has closed."""
        line = self.file.readline()
        if not line:
            return 0, {}
        status, headers = int(line.split()[1]), {}
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self):
        status, headers = self.head()
        return Answer(status, headers, self.file.read(int(headers.get("content-length", 0))))

    def closed(self):
        """Whether nothing more comes: the other side ended the connection."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


class Proxy:
    """127.0.0.1:port leads to a server, until it is cut (connections are closed and refused) or stalled (bytes are kept),
    now or at a chosen byte. `rewrite` is a pair of equally long byte strings: what the server says of its own address becomes ours."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.rewrite = None
        self.lock, self.pairs, self.is_cut = threading.Lock(), set(), False
        self.flows = threading.Event()
        self.flows.set()
        self.passes, self.stalled = None, threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def kafka(self):
        """The broker's answers name its host and port (4 bytes, big endian): they shall name this proxy."""
        host = self.target[0].encode()
        self.rewrite = (host + struct.pack(">i", self.target[1]), host + struct.pack(">i", self.port))
        return self

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            self._join(near)

    def _join(self, near):
        try:
            far = None if self.is_cut else socket.create_connection(self.target, timeout=10)
        except OSError:
            far = None
        if far is None:
            near.close()
            return
        far.settimeout(None)
        with self.lock:
            self.pairs.add((near, far))
        for source, sink, change in ((near, far, self._ask), (far, near, self._answer)):
            threading.Thread(target=self._pump, args=(source, sink, change), daemon=True).start()

    def _ask(self, data, sink):
        n = self.passes(data) if self.passes else None
        if n is None:
            return data
        sink.sendall(data[:n])
        self.passes = None
        self.stall()
        self.stalled.set()
        self.flows.wait()
        return data[n:]

    def _answer(self, data, _):
        return data.replace(*self.rewrite) if self.rewrite else data

    def _pump(self, source, sink, change):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flows.wait()
                sink.sendall(change(data, sink))
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def stall(self):
        self.flows.clear()

    def stall_when(self, passes):
        """Stalls in the midst of a client's bytes: as soon as `passes` of a piece of them is a number, that many go on."""
        self.stalled.clear()
        self.passes = passes

    def cut(self):
        self.is_cut = True
        self.flows.set()
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.is_cut = False
        self.flows.set()

    def close(self):
        self.cut()
        self.listener.close()
