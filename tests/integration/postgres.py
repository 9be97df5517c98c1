"""A Postgres of a test's own, for faults that would hurt others: stopped, full, read-only, sessions ended, passwords changed."""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import psycopg2
import pytest

import harness

MOUNT_MB = 512


def binaries():
    """The newest that is installed."""
    there = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    found = there[-1] if there else shutil.which("initdb")
    if not found:
        pytest.skip("no initdb: PostgreSQL is not installed here")
    return pathlib.Path(found).parent


def owner():
    """Whom the cluster belongs to: Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


class Postgres:
    """One database, `bedelau`. Programs come over TCP with a password, the test over the socket without."""

    def __init__(self, log):
        self.bin, self.owner, self.log = binaries(), owner(), log
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bedelau-pg-"))
        self.password, self.port, self.proc, self.mounts = "rahasia-uji", harness.free_port(), None, []
        os.chown(self.home, self.owner.pw_uid, self.owner.pw_gid)
        (self.home / "password").write_text(self.password, encoding="utf-8")
        os.chmod(self.home / "password", 0o644)
        done = self.run("initdb", "-D", self.home / "data", "-U", "bedelau", f"--pwfile={self.home}/password", "--auth-local=trust",
                        "--auth-host=scram-sha-256", "--locale=C.UTF-8", "-E", "UTF8")
        assert done.returncode == 0, done.stdout
        self.start()
        self.do("create database bedelau", db="postgres")

    def command(self, name, *words):
        drop = ["setpriv", f"--reuid={self.owner.pw_uid}", f"--regid={self.owner.pw_gid}", "--clear-groups", "--"]
        return [*(drop if os.geteuid() == 0 else []), self.bin / name, *words]

    def run(self, name, *words):
        return subprocess.run(self.command(name, *words), cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, check=False)

    @property
    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} dbname=bedelau user=bedelau password={self.password}"

    def start(self):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(self.command("postgres", "-D", self.home / "data", "-h", "127.0.0.1", "-p", str(self.port),
                                                      "-k", self.home, "-c", "max_connections=100"), cwd="/", stdout=log, stderr=log)
        harness.eventually(self.answers, what=f"the test's own Postgres; see {self.log}")

    def answers(self):
        assert self.proc.poll() is None, f"Postgres ended; see {self.log}"
        with contextlib.suppress(psycopg2.OperationalError):
            self.connect("postgres").close()
            return True
        return False

    def stop(self, how=signal.SIGINT):
        """SIGINT rolls back what is open, SIGQUIT is a crash."""
        self.proc.send_signal(how)
        self.proc.wait(timeout=60)

    def connect(self, db="bedelau"):
        conn = psycopg2.connect(host=str(self.home), port=self.port, dbname=db, user="bedelau", application_name="test")
        conn.autocommit = True
        return conn

    def do(self, sql, *args, db="bedelau"):
        """Runs a statement in a session of its own, which may write whatever is set; returns its rows."""
        with contextlib.closing(self.connect(db)) as conn, conn.cursor() as c:
            c.execute("set default_transaction_read_only = off")
            c.execute(sql, args)
            return c.fetchall() if c.description else []

    def end_sessions(self):
        """Of every program; returns how many."""
        return len(self.do("select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend'"
                           " and application_name like 'bedelau%%'"))

    def deadlocks(self):
        """How many it has told of in its log, which does not lag behind as its statistics do."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("ERROR:  deadlock detected")

    def small_tablespace(self, name):
        """A tablespace on a file system of its own, where new tables go; returns its folder. None where none may be mounted."""
        place = self.home / name
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MOUNT_MB}m,mode=0777", "bedelau-test", place], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            return None
        self.mounts.append(place)
        inner = place / "ruang"
        inner.mkdir()
        os.chown(inner, self.owner.pw_uid, self.owner.pw_gid)
        self.do(f"create tablespace {name} location '{inner}'")
        self.do(f"alter database bedelau set default_tablespace = {name}")
        return place

    def remove(self):
        if self.proc and self.proc.poll() is None:
            self.stop()
        for place in self.mounts:
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(self.home)
