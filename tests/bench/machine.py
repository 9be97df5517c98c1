"""What a measurement needs of this machine: topics and schemas of its own, the programs, and who used how much CPU."""

import json
import os
import pathlib
import platform
import re
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import confluent_kafka
import confluent_kafka.admin
import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BEDELAU_BIN", ROOT / "build/bin"))
OUT = ROOT / "build/bench"
BOOTSTRAP = os.environ["BEDELAU_KAFKA_BOOTSTRAP_SERVERS"]
CONNINFO = os.environ["BEDELAU_POSTGRES_CONNINFO"]
CONF = os.environ["BEDELAU_CONF"]


class Wrong(Exception):
    """A count is not what it must be: the figures mean nothing."""


def await_that(condition, seconds, what, pause=0.01):
    """Asks until `condition` gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Wrong(f"not within {seconds} s: {what}")
        time.sleep(pause)


# ---- CPU -------------------------------------------------------------------------------------------------------------


def task_cpu(pid):
    """Seconds of CPU of all living threads of a process; 0 when it has gone."""
    total = 0
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total / 1e9


def busy():
    """Seconds that all cores of this machine were busy since it started, with whatever."""
    with open("/proc/stat") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def rss_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Postgres:
    """One connection that watches, and the server's CPU without that connection's."""

    def __init__(self):
        self.conn = psycopg2.connect(CONNINFO)
        self.conn.autocommit = True
        self.cursor = self.conn.cursor()
        self.own = self.conn.info.backend_pid
        self.postmaster = self._postmaster()

    def _postmaster(self):
        """Its pid where the server runs on this machine, else None: then its CPU is not told."""
        try:
            comm = pathlib.Path(f"/proc/{self.own}/comm").read_text().strip()
            return int(stat_fields(self.own)[1]) if comm.startswith("postgres") else None
        except (FileNotFoundError, ProcessLookupError):
            return None

    def ask(self, sql, *args):
        self.cursor.execute(sql, args)
        return self.cursor.fetchall()

    def one(self, sql, *args):
        return self.ask(sql, *args)[0][0]

    def do(self, sql, *args):
        self.cursor.execute(sql, args or None)

    def checkpoint(self):
        """What was written is on disk. Where we may not ask for it, the server does it when it likes."""
        try:
            self.do("checkpoint")
        except psycopg2.errors.InsufficientPrivilege:
            pass

    def use(self, schema):
        self.do(f"set search_path = {schema}")

    def cpu(self):
        """Every process of the server, those that ended since included (they are added to the postmaster's account)."""
        if not self.postmaster:
            return None
        fields = stat_fields(self.postmaster)
        total = sum(int(x) for x in fields[13:15]) / os.sysconf("SC_CLK_TCK") + task_cpu(self.postmaster)
        for pid in children(self.postmaster):
            if pid != self.own:
                total += task_cpu(pid)
        return total


def children(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(x) for x in text.split()]
    except FileNotFoundError:
        return [
            int(p.name)
            for p in pathlib.Path("/proc").iterdir()
            if p.name.isdigit() and parent_of(p.name) == pid
        ]


def parent_of(pid):
    try:
        return int(stat_fields(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


# ---- topics and schemas ----------------------------------------------------------------------------------------------


class Place:
    """A topic prefix of its own, and schemas of its own; both are dropped at the end."""

    def __init__(self, pg, partitions=4):
        self.pg = pg
        self.name = "bench_" + secrets.token_hex(4)
        self.schemas = []
        self.ctl("topics", "create", "--partitions", str(partitions), schema="public")

    def ctl(self, *words, schema):
        done = subprocess.run(
            [ROOT / "build/bin/bedelauctl", "-c", CONF, *words], env=self.env(schema), capture_output=True, text=True
        )
        if done.returncode:
            raise Wrong(f"bedelauctl {' '.join(words)}: {done.stderr.strip()}")

    def env(self, schema, **more):
        """No setting of the caller's own pipeline comes through but where the services are, which CONF says."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("BEDELAU_")}
        env["BEDELAU_KAFKA_TOPIC_PREFIX"] = self.name
        env["BEDELAU_KAFKA_GROUP_PREFIX"] = schema
        env["BEDELAU_POSTGRES_SCHEMA"] = schema
        env["BEDELAU_ATTACHMENTS_CHECK"] = "off"  # the form's documents are nowhere
        return env | more

    def schema(self):
        """A fresh schema: whoever starts in it reads all topics from their beginning."""
        name = f"{self.name}_{len(self.schemas)}"
        self.schemas.append(name)
        self.ctl("migrate", schema=name)
        self.pg.use(name)
        return name

    def records(self, topic):
        """How many records a topic holds."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": self.name})
        name = f"{self.name}.{topic}"
        total = 0
        for p in consumer.list_topics(name, timeout=10).topics[name].partitions:
            low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(name, p), timeout=10)
            total += high - low
        consumer.close()
        return total

    def forget(self):
        """Drops the schemas so far; the names go on."""
        self.pg.do("reset search_path")
        for name in self.schemas:
            self.pg.do(f"drop schema if exists {name} cascade")

    def drop(self):
        self.forget()
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": BOOTSTRAP})
        own = [t for t in admin.list_topics(timeout=10).topics if t.startswith(self.name + ".")]
        for future in admin.delete_topics(own).values() if own else []:
            future.result()


# ---- programs --------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Program:
    """One running program; its log is build/bench/log/<name>.log."""

    def __init__(self, name, env, *args):
        self.name = name
        self.url = f"http://127.0.0.1:{free_port()}"
        log = OUT / "log" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        listen = self.url[len("http://") :]
        if name == "standin":
            args = ("--listen", listen, *args)
        else:
            args = ("-c", CONF, *args)
            env = env | {f"BEDELAU_{name.upper()}_LISTEN": listen}
        with open(log, "w") as out:
            self.child = subprocess.Popen([BIN / f"bedelau-{name}", *args], env=env, stdout=out, stderr=out)
        self.pid = self.child.pid

    def ready(self):
        if self.child.poll() is not None:
            raise Wrong(f"{self.name} ended with {self.child.returncode}; see build/bench/log/{self.name}.log")
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, method="GET", body=None):
        request = urllib.request.Request(self.url + path, data=body and json.dumps(body).encode(), method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "{}")

    def metrics(self, prefix):
        """{rest of the name with its labels: value} of those that begin with `prefix`."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=10) as answer:
            lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if line.startswith(prefix)]
        return {name[len(prefix):]: float(value) for name, _, value in lines}

    def cpu(self):
        if self.child.poll() is not None:
            raise Wrong(f"{self.name} ended with {self.child.returncode}; see build/bench/log/{self.name}.log")
        return task_cpu(self.pid)

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


def standin(latency_ms):
    """A fresh stand-in of the endpoint that takes so long to answer."""
    p = Program("standin", dict(os.environ), "--faults", json.dumps({"latency_ms": latency_ms}))
    try:
        await_that(p.ready, 20, "the stand-in is ready")
    except BaseException:
        p.stop()
        raise
    return p


class Lap:
    """CPU of some programs, of Postgres and of Kafka between its making and `end`."""

    def __init__(self, pg, programs):
        self.pg, self.programs = pg, programs
        self.begun = self.read()
        self.at = time.monotonic()

    def read(self):
        kafka = os.environ.get("BENCH_KAFKA_PID")
        return {
            "worker": sum(p.cpu() for p in self.programs),
            "postgres": self.pg.cpu(),
            "kafka": task_cpu(kafka) if kafka else None,
        }

    def end(self):
        now = self.read()
        return {k: None if v is None else v - self.begun[k] for k, v in now.items()}


# ---- the tools in C --------------------------------------------------------------------------------------------------


def tool_words(command, options):
    words = [str(OUT / "bench"), command]
    for name, value in options.items():
        words += ["--" + name.replace("_", "-"), str(value)]
    return words


def tool(command, **options):
    """Runs `bench COMMAND` and gives what it printed."""
    done = subprocess.run(tool_words(command, options), capture_output=True, text=True)
    if done.returncode:
        raise Wrong(done.stderr.strip())
    return json.loads(done.stdout)


def tool_copy(pg, **options):
    """`bench copy`, with the server's CPU between its two words."""
    child = subprocess.Popen(
        tool_words("copy", options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    cpu = []
    for word in ("ready", "done"):
        if child.stdout.readline().strip() != word:
            raise Wrong(child.communicate()[1].strip())
        cpu.append(pg.cpu())
        child.stdin.write("\n")
        child.stdin.flush()
    out, err = child.communicate()
    if child.returncode:
        raise Wrong(err.strip())
    return json.loads(out) | {"postgres_cpu_s": cpu[1] - cpu[0] if cpu[0] is not None else None}


def wrk(url, connections, seconds):
    """wrk with wrk.lua, one thread: what that printed and its CPU. None where it is not installed."""
    program = shutil.which("wrk")
    if not program:
        return None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", pathlib.Path(__file__).with_name("wrk.lua"), url],
        capture_output=True, text=True)
    if done.returncode:
        raise Wrong(f"wrk: {done.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.splitlines()[-1]) | {"cpu_s": cpu_s}


# ---- what it was measured on -----------------------------------------------------------------------------------------


def version(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def about(pg):
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cores": os.cpu_count(),
        "cpu": cpu[1] if cpu else platform.machine(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "load_before": os.getloadavg()[0],
        "compiler": version("cc", "--version"),
        "postgres": pg.one("show server_version"),
        "postgres_settings": {
            name: pg.one(f"show {name}") for name in ("fsync", "synchronous_commit", "shared_buffers", "wal_level")
        },
        "programs": version(str(BIN / "bedelau-validator"), "--version"),
        "libcurl": version("curl", "--version").split(" (")[0],
    }
