"""Signs PDFs for the tests: certificates by openssl, the CMS by openssl or, where openssl cannot say what a case needs
(the time of signing, an old digest), byte by byte here. Every name is invented."""
import functools
import hashlib
import pathlib
import re
import subprocess
import time

CONF = """
[ca]
default_ca = x
[x]
database = {d}/index
serial = {d}/serial
new_certs_dir = {d}
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
rand_serial = yes
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = CA:false
keyUsage = critical,digitalSignature,nonRepudiation
[cipher]
basicConstraints = CA:false
keyUsage = critical,keyEncipherment
[stamp]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = t
[t]
serial = {d}/tsaserial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


def run(*words, data=None):
    done = subprocess.run([str(w) for w in words], input=data, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout


class Identity:
    """A key and its certificate, with those of the issuers up to the root."""

    def __init__(self, folder, name, above):
        self.key, self.pem = folder / f"{name}.key", folder / f"{name}.pem"
        self.above = above

    @functools.cached_property
    def der(self):
        return run("openssl", "x509", "-in", self.pem, "-outform", "DER")

    def chain(self):
        return [self] + (self.above.chain() if self.above else [])


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "index").write_text("")
        (self.folder / "tsaserial").write_text("01\n")
        self.conf = self.folder / "conf"
        self.conf.write_text(CONF.format(d=self.folder))

    def issue(self, name, above=None, use="signer", start="20200101000000Z", end="20490101000000Z", rsa=False):
        made = Identity(self.folder, name, above)
        kind = ("RSA", "rsa_keygen_bits:2048") if rsa else ("EC", "ec_paramgen_curve:P-256")
        request = self.folder / f"{name}.csr"
        run("openssl", "genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1], "-out", made.key)
        run("openssl", "req", "-new", "-config", self.conf, "-key", made.key, "-subj", f"/CN=Uji {name}", "-out", request)
        by = ["-selfsign", "-keyfile", made.key] if above is None else ["-keyfile", above.key, "-cert", above.pem]
        run("openssl", "ca", "-config", self.conf, "-batch", "-notext", *by, "-extensions", use, "-in", request,
            "-startdate", start, "-enddate", end, "-out", made.pem)
        return made


# ---- DER -------------------------------------------------------------------------------------------------------------

def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + body


def oid(text):
    head, *rest = [int(x) for x in text.split(".")]
    out = bytearray([head * 40 + rest[0]])
    for n in rest[1:]:
        part = [n & 127]
        while n := n >> 7:
            part.append(n & 127 | 128)
        out += bytes(reversed(part))
    return tlv(6, bytes(out))


def children(der):
    """The elements inside the first element of `der`, each with its header."""
    def header(at):
        n, at = der[at + 1], at + 2
        if n & 128:
            n, at = int.from_bytes(der[at:at + (n & 127)], "big"), at + (n & 127)
        return at, at + n
    at, end = header(0)
    while at < end:
        stop = header(at)[1]
        yield der[at:stop]
        at = stop


DIGESTS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha1": "1.3.14.3.2.26", "md5": "1.2.840.113549.2.5"}
DATA, SIGNED = oid("1.2.840.113549.1.7.1"), oid("1.2.840.113549.1.7.2")


def cms(who, data, when=None, digest="sha256", with_attributes=True, more_signers=0, certs=None):
    """A detached CMS of `data`; `when` is signingTime, in seconds."""
    md = tlv(0x30, oid(DIGESTS[digest]), tlv(5))
    attributes = [tlv(0x30, oid("1.2.840.113549.1.9.3"), tlv(0x31, DATA)),
                  tlv(0x30, oid("1.2.840.113549.1.9.4"), tlv(0x31, tlv(4, hashlib.new(digest, data).digest())))]
    if when is not None:
        said = time.strftime("%y%m%d%H%M%SZ", time.gmtime(when)).encode()
        attributes.append(tlv(0x30, oid("1.2.840.113549.1.9.5"), tlv(0x31, tlv(0x17, said))))
    attributes = b"".join(sorted(attributes))
    signed = tlv(0x31, attributes) if with_attributes else data
    value = run("openssl", "dgst", f"-{digest}", "-sign", who.key, data=signed)
    kind = run("openssl", "pkey", "-in", who.key, "-noout", "-text")
    alg = tlv(0x30, oid("1.2.840.113549.1.1.1"), tlv(5)) if b"RSA" in kind or b"modulus" in kind else \
        tlv(0x30, oid("1.2.840.10045.4.3.2"))
    body = list(children(next(children(who.der))))
    serial, issuer = body[1], body[3]
    info = tlv(0x30, tlv(2, b"\1"), tlv(0x30, issuer, serial), md,
               tlv(0xa0, attributes) if with_attributes else b"", alg, tlv(4, value))
    held = b"".join(c.der for c in (who.chain() if certs is None else certs))
    return tlv(0x30, SIGNED, tlv(0xa0, tlv(0x30, tlv(2, b"\1"), tlv(0x31, md), tlv(0x30, DATA), tlv(0xa0, held),
                                           tlv(0x31, *([info] * (1 + more_signers))))))


def cms_openssl(who, data, *words):
    held = b"".join(c.pem.read_bytes() for c in who.chain()[1:])
    bundle = who.pem.with_suffix(".chain")
    bundle.write_bytes(held)
    return run("openssl", "cms", "-sign", *words, "-binary", "-md", "sha256", "-signer", who.pem, "-inkey", who.key,
               "-certfile", bundle, "-outform", "DER", data=data)


def stamp_openssl(who, data):
    """A time stamp's token over `data`."""
    folder = who.pem.parent
    (folder / "query").write_bytes(run("openssl", "ts", "-query", "-sha256", "-cert", "-data", "/dev/stdin", data=data))
    return run("openssl", "ts", "-reply", "-config", folder / "conf", "-queryfile", folder / "query", "-signer", who.pem,
               "-inkey", who.key, "-chain", who.above.pem, "-token_out")


# ---- the document ----------------------------------------------------------------------------------------------------

def dictionary(pdf, number):
    """The newest text of object `number`, between << and >> (one that holds no stream)."""
    found = re.findall(rb"(?:^|[\r\n])%d 0 obj\s*<<(.*?)>>\s*endobj" % number, pdf, re.S)
    return found[-1]


def update(pdf, objects, root=None):
    """Appends `objects` {number: bytes} as an incremental update with a classic table."""
    size = max([int(x) for x in re.findall(rb"/Size (\d+)", pdf)] + [n + 1 for n in objects])
    root = root or int(re.findall(rb"/Root (\d+) 0 R", pdf)[-1])
    info = re.findall(rb"/Info \d+ 0 R", pdf)
    before = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])
    out, table = pdf + b"\n", b"xref\n"
    for number in sorted(objects):
        table += b"%d 1\n%010d 00000 n \n" % (number, len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    return out + table + b"trailer\n<< /Size %d /Root %d 0 R %s /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        size, root, info[-1] if info else b"", before, len(out))


def sign(pdf, make, sub=b"adbe.pkcs7.detached", extra=b"", room=6000, ranges=None, kind=b"Sig"):
    """`pdf` with one signature more. `make(bytes)` gives the DER that goes into /Contents; `ranges(a, b, n)`, where
    given, the four numbers of /ByteRange instead of the right ones: the string lies from a to b of n bytes."""
    root = int(re.findall(rb"/Root (\d+) 0 R", pdf)[-1])
    catalog = dictionary(pdf, root)
    size = max(int(x) for x in re.findall(rb"/Size (\d+)", pdf))
    fields = re.search(rb"/Fields \[([^]]*)\]", catalog)
    fields = (fields[1] if fields else b"") + b" %d 0 R" % size
    catalog = re.sub(rb"/AcroForm <<.*>>", b"", catalog)
    blank = b"0" * 10
    out = update(pdf, {
        root: b"<<" + catalog + b"/AcroForm << /SigFlags 3 /Fields [" + fields + b"] >> >>",
        size: b"<< /Type /Annot /Subtype /Widget /Rect [0 0 0 0] /FT /Sig /T (ttd%d) /V %d 0 R >>" % (size, size + 1),
        size + 1: b"<< /Type /" + kind + b" /Filter /Adobe.PPKLite /SubFilter /" + sub + extra +
                  b" /ByteRange [" + b" ".join([blank] * 4) + b"] /Contents <" + b"0" * room + b"> >>",
    })
    a = out.index(b"<" + b"0" * room, len(pdf))
    b = a + room + 2
    right = [0, a, b, len(out) - b]
    said = ranges(a, b, len(out)) if ranges else right
    at = out.index(b"[" + blank, len(pdf))
    out = bytearray(out)
    out[at + 1:at + 44] = b" ".join(b"%010d" % n for n in said)
    start, one, two, last = said
    der = make(bytes(out[start:start + one] + out[two:two + last])).hex().encode()
    assert len(der) <= room
    out[a + 1:a + 1 + len(der)] = der
    return bytes(out)
