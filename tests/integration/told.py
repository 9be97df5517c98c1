"""Facts as every program would have said them, for tests in which the projector alone runs."""
import harness
from harness import OPD, event, eventually, form

LATER = "2099-01-01T00:00:00+07:00"  # a term that is not over when the facts arrive, which is now


class Told:
    """Says what every program would have said; the projector alone runs."""

    def __init__(self, p):
        self.p, self.urutan, self.sent = p, {}, 0

    def say(self, topic, kind, nomor, when, data, source):
        if source in ("/bedelau/validator", "/bedelau/integrator", "/bedelau/deadline"):
            self.urutan[nomor, source] = self.urutan.get((nomor, source), 0) + 1
            data = {"urutan": self.urutan[nomor, source], **data}
        e = event(kind, nomor, data, source, time=when)
        self.p.send(topic, e)
        self.sent += 1
        return e["id"]

    def letter(self, nomor, when, opd=OPD):
        self.say("requests", "request.registered", nomor, when, {
            "kode_opd": opd, "dasar_pengajuan": "surat_dinas", "nomor_surat": "1/2026", "tanggal_surat": "2026-03-02",
            "perihal": "Integrasi"}, f"/opd/{opd}")

    def form(self, nomor, when, revisi=1, opd=OPD, **more):
        return self.say("requests", "request.submitted", nomor, when, form(nomor, revisi=revisi, kode_opd=opd, **more), f"/opd/{opd}")

    def check(self, nomor, when, putusan, of, revisi=1, putaran=1, opd=OPD, oleh="sistem", **more):
        self.say("checks", "check.completed", nomor, when, {
            "revisi": revisi, "putaran": putaran, "sumber_pengajuan": f"/opd/{opd}", "id_pengajuan": of, "putusan": putusan,
            "final": False, "temuan": [], "aturan": "0" * 8, "oleh": oleh, **more}, "/bedelau/validator")

    def bedelau(self, nomor, when, what, status, revisi=1, **more):
        self.say("integrations", f"integration.{what}", nomor, when, {
            "revisi": revisi, "putaran": 1, "id_integrasi": f"b-{nomor}", "status_bedelau": status, "percobaan": 1, "kode_http": 200,
            "alasan": None, "kesalahan": [], **more}, "/bedelau/integrator")

    def clock(self, nomor, tahap, mulai, berakhir, hari, batas=LATER, keadaan="terpenuhi", revisi=1, satuan="hari_kerja"):
        self.say("deadlines", "deadline.changed", nomor, harness.now(), {
            "revisi": revisi, "tahap": tahap, "keadaan": keadaan, "mulai": mulai, "batas": batas, "berakhir": berakhir,
            "satuan": satuan, "hari_terpakai": hari, "sisa_hari": 0, "kalender": "x", "sebab": "waktu"}, "/bedelau/deadline")

    def recorded(self):
        self.p.flush()
        eventually(lambda: self.p.one("select count(*) from event where type not like '%%status.changed.v1'"),
                   lambda n: n == self.sent, what=f"{self.sent} facts recorded; see {self.p.folder}")


def wib(day, time="10:00:00"):
    return f"2026-{day}T{time}+07:00"
