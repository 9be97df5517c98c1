"""A request at Bedelau, told by a test: an integrator, and an endpoint whose answers the test holds."""
import contextlib

import endpoint
import harness
from harness import OPD, event, eventually, form

A, B, C = f"{OPD}-O-1", f"{OPD}-O-2", f"{OPD}-O-3"
# a call whose answer is held must not run out of time
SLOW = {"integrator_timeout": "20s", "integrator_lease": "30s", "integrator_poll": "1h"}


def jobs(p):
    return p.rows("select key, step, reason, lease, due_at, state from job_integrator order by key")


def no_jobs(p):
    eventually(lambda: jobs(p), lambda j: j == [], what="no job left")


class Story:
    """An integrator, a projector that shows the status, and an endpoint whose answers the test holds. The test speaks for the validator."""

    def __init__(self, p, **settings):
        self.p, self.bedelau, self.urutan, self.sent = p, endpoint.Endpoint(), {}, {"checks": 0, "callbacks": 0}
        p.env["BEDELAU_INTEGRATOR_URL"] = self.bedelau.url
        p.start("integrator", "projector", **settings)

    def form(self, nomor, jenis="baru", asal=None, **more):
        self.p.send("requests", event("request.submitted", nomor, form(nomor, jenis_pengajuan=jenis, nomor_permohonan_asal=asal, **more),
                                      id=f"form-{nomor}"))
        self.p.flush()

    def check(self, nomor, putusan="diterima", putaran=1):
        self.urutan[nomor] = self.urutan.get(nomor, 0) + 1
        self.tell("checks", event("check.completed", nomor, {
            "revisi": 1, "putaran": putaran, "urutan": self.urutan[nomor], "sumber_pengajuan": f"/opd/{OPD}",
            "id_pengajuan": f"form-{nomor}", "putusan": putusan, "final": putusan == "dibatalkan", "temuan": [], "aturan": "0",
            "oleh": "sistem"}, source="/bedelau/validator"))

    def say(self, nomor, number, status, urutan):
        """A callback, not waited for."""
        self.p.send("callbacks", event("callback.received", nomor, {"id_integrasi": number, "status": status, "urutan": urutan,
                                                                    "waktu": harness.now(), "alasan": None}, source="/bedelau/gateway"))
        self.p.flush()
        self.sent["callbacks"] += 1

    def callback(self, nomor, number, status, urutan):
        self.say(nomor, number, status, urutan)
        self.p.await_read("integrator", "callbacks", self.sent["callbacks"])

    def tell(self, topic, e):
        """Returns when the integrator has dealt with it."""
        self.p.send(topic, e)
        self.p.flush()
        self.sent[topic] += 1
        self.p.await_read("integrator", topic, self.sent[topic])

    def accept(self, nomor, *form, **more):
        self.form(nomor, *form, **more)
        self.check(nomor)

    def ended(self, nomor, status, *kinds):
        """The state of design.md section 6, what was told on the way there, and that nothing goes on."""
        no_jobs(self.p)
        eventually(lambda: self.p.one("select count(*) from outbox_integrator"), lambda n: n == 0, what="all facts in Kafka")
        facts = [e for e in self.p.events("integrations") if e["subject"] == nomor]
        facts.sort(key=lambda e: e["data"]["urutan"])
        names = [e["type"].split(".")[-2] for e in facts]
        assert [n for n in names if n != "delayed"] == list(kinds)
        self.p.await_status(nomor, status)

    def deadline(self, nomor, urutan):
        self.p.send("deadlines", event("deadline.changed", nomor, {
            "revisi": 1, "tahap": "integrasi", "keadaan": "berjalan", "urutan": urutan, "batas": "2027-01-30T00:00:00+07:00",
            "mulai": harness.now(), "satuan": "hari_kerja", "hari_terpakai": 0, "sisa_hari": 30, "kalender": "x", "sebab": "x"},
            source="/bedelau/deadline"))
        self.p.flush()

    def collected(self):
        """What waits in the integrator for the transaction after the one that is under way."""
        return self.p.statusz("integrator")["flow"]["collected"]

    @contextlib.contextmanager
    def one_batch(self, nomor):
        """What comes inside is applied in one transaction: the one before it waits for the request's row, which we hold."""
        with contextlib.closing(self.p.connect()) as db, db.cursor() as c:
            c.execute(f'set search_path to "{self.p.schema}"')
            c.execute("begin")
            c.execute("select from integration where nomor_permohonan = %s for update", (nomor,))
            self.deadline(nomor, 1)
            eventually(lambda: self.p.one("select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted"
                                          " and a.application_name = 'bedelau-integrator'"), what="the integrator waits")
            yield
            c.execute("rollback")
