#include "tests/bench/form.h"

#include <stdio.h>

#include "common/base/caltime.h"

/* ---- dice ------------------------------------------------------------------------------------------------------- */

struct dice {
    uint64_t state;
};

/* SplitMix64. */
static uint64_t
roll(struct dice *d)
{
    uint64_t z = (d->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned
below(struct dice *d, unsigned n)
{
    return (unsigned)(roll(d) % n);
}

static struct dice
dice_of(int64_t seed, int64_t number)
{
    struct dice d = {(uint64_t)seed * UINT64_C(0x2545f4914f6cdd1d) + (uint64_t)number};

    roll(&d);
    return d;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static const char *const first_names[] = {"Sri",    "Budi",    "Dewi", "Ahmad", "Rina",  "Agus",  "Putri",
                                          "Hendra", "Lestari", "Joko", "Maya",  "Yusuf", "Ratna", "Dimas"};
static const char *const last_names[] = {"Wahyuni", "Hartono", "Kusuma",  "Fauzi", "Siregar", "Nugroho",
                                         "Saputra", "Wijaya",  "Pratama", "Utami", "Halim",   "Anggraini"};
static const char *const words[] = {
    "pelayanan", "warga",       "izin",      "arsip",     "laporan",   "harian",  "petugas", "kelurahan",
    "aduan",     "pajak",       "retribusi", "sekolah",   "puskesmas", "parkir",  "bantuan", "sosial",
    "perizinan", "pengelolaan", "lapangan",  "kecamatan", "data",      "antrean", "surat",   "pemantauan"};
static const struct {
    const char *kode, *nama;
} offices[] = {
    {"2.15.01", "Dinas Perhubungan"}, {"1.01.01", "Dinas Pendidikan"}, {"1.02.01", "Dinas Kesehatan"}};

#define ONE_OF(d, list) ((list)[below((d), sizeof(list) / sizeof *(list))])

static void
put_words(struct buf *out, struct dice *d, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? " " : "", ONE_OF(d, words));
}

/* Lower-case letters and digits only, so that it can stand in a host name. */
static void
put_host(struct buf *out, const struct form *f)
{
    buf_printf(out, "app%lld.batam.go.id", (long long)f->number);
}

/* ---- parts of the form ------------------------------------------------------------------------------------------ */

/* 18 digits of a civil servant: born 1970-1990, appointed at 23-29. */
static void
put_nip(struct buf *out, struct dice *d)
{
    unsigned born = 1970 + below(d, 21);

    buf_printf(out, "%u%02u%02u%u%02u%u%03u", born, 1 + below(d, 12), 1 + below(d, 28),
               born + 23 + below(d, 7), 1 + below(d, 12), 1 + below(d, 2), 1 + below(d, 999));
}

/* The applicant is a civil servant; who answers for the technical side is not, and has no number. */
static void
put_applicant(struct buf *out, struct dice *d, const char *mail_host)
{
    buf_printf(out, ",\"nama_pemohon\":\"%s %s\",\"nip_pemohon\":\"", ONE_OF(d, first_names),
               ONE_OF(d, last_names));
    put_nip(out, d);
    buf_printf(out,
               "\",\"jenis_pegawai_pemohon\":\"pns\",\"jabatan_pemohon\":\"kepala_opd\",\"email_pemohon\":\"%"
               "s%u@%s\","
               "\"telepon_pemohon\":\"+62812%08u\"",
               ONE_OF(d, words), below(d, 1000), mail_host, below(d, 100000000));
}

static void
put_technician(struct buf *out, struct dice *d)
{
    buf_printf(out,
               ",\"nama_pj_teknis\":\"%s "
               "%s\",\"jenis_pegawai_pj\":\"non_asn\",\"email_pj_teknis\":\"%s%u@batam.go.id\","
               "\"telepon_pj_teknis\":\"+62813%08u\"",
               ONE_OF(d, first_names), ONE_OF(d, last_names), ONE_OF(d, words), below(d, 1000),
               below(d, 100000000));
}

static void
put_letter(const struct form *f, struct dice *d, struct buf *out)
{
    char day[CALTIME_DATE];

    caltime_date_format(caltime_day_at(caltime_now(), CALTIME_WIB) - 1 - below(d, 30), day);
    buf_printf(out,
               "{\"nomor_permohonan\":\"%s\",\"revisi\":1,\"jenis_pengajuan\":\"baru\",\"dasar_pengajuan\":"
               "\"surat_dinas\",\"nomor_surat\":\"500.%u/%lld/BENCH/%.4s\",\"tanggal_surat\":\"%s\"",
               f->nomor, 1 + below(d, 20), (long long)f->number, day, day);
    if (!f->bad || f->number % 3 != 1) {
        buf_z(out, ",\"perihal\":\"Permohonan integrasi ");
        put_words(out, d, 1);
        buf_char(out, '"');
    }
    buf_printf(out, ",\"kode_wilayah\":\"21.71\",\"kode_opd\":\"%s\",\"nama_opd\":\"%s\"", f->kode_opd,
               f->nama_opd);
}

static void
put_system(const struct form *f, struct dice *d, struct buf *out)
{
    buf_z(out, ",\"nama_sistem\":\"Sistem ");
    put_words(out, d, 1);
    buf_printf(out, " %lld\",\"uraian_fungsi\":\"Untuk ", (long long)f->number);
    put_words(out, d, 3 + below(d, 4));
    buf_z(
        out,
        "\",\"jenis_aplikasi\":\"aplikasi_khusus\",\"sasaran_layanan\":\"layanan_publik\",\"basis_aplikasi\":"
        "[\"web\"],\"url_produksi\":\"https://");
    put_host(out, f);
    buf_printf(out,
               "\",\"status_operasional\":\"aktif\",\"tahun_pembangunan\":%u,\"jenis_pengembang\":\"opd\","
               "\"nomor_tdpse\":\"TDPSE-%04u\",\"bahasa_pemrograman\":[\"PHP\"],\"basis_data\":["
               "\"postgresql\"],"
               "\"lokasi_hosting\":\"server_opd\",\"ip_publik\":\"%u.%u.%u.7\",\"tls_berlaku_sampai\":"
               "\"2090-12-31\",\"tipe_lisensi\":\"open_source\"",
               2010 + below(d, 15), below(d, 10000), f->bad && f->number % 3 == 2 ? 10 : 103,
               1 + below(d, 250), 1 + below(d, 250));
}

static void
put_integration(const struct form *f, struct buf *out)
{
    buf_z(out,
          ",\"kategori_se\":\"rendah\",\"klasifikasi_data\":\"terbuka\","
          "\"proses_data_pribadi\":true,\"jenis_data_pribadi\":[\"umum\"],\"metode_integrasi\":[\"api\"],"
          "\"url_api\":\"https://");
    put_host(out, f);
    buf_z(out, "/api\",\"url_dokumentasi_api\":\"https://");
    put_host(out, f);
    buf_z(out,
          "/dok\",\"autentikasi_api\":\"oauth2_client_credentials\",\"dukung_sso\":false,\"data_dibagikan\":"
          "[\"perizinan\"],\"frekuensi_pemutakhiran\":\"harian\"");
}

static void
put_attachment(const struct form *f, struct buf *out, struct dice *d, const char *kind)
{
    char hex[65];

    for (unsigned i = 0; i < 4; i++)
        snprintf(hex + 16 * i, 17, "%016llx", (unsigned long long)roll(d));
    buf_printf(out,
               "{\"jenis\":\"%s\",\"nama_berkas\":\"b.pdf\",\"mime\":\"application/pdf\",\"ukuran\":%u,"
               "\"sha256\":\"%s\",\"uri\":\"https://dok.batam.go.id/%lld/%.1s\"}",
               kind, 1000 + below(d, 900000), hex, (long long)f->number, kind);
}

/* ---- the form --------------------------------------------------------------------------------------------------- */

struct form
form_make(int64_t seed, int64_t number, bool bad)
{
    unsigned i = (unsigned)(number % (int64_t)(sizeof offices / sizeof *offices));
    struct form f = {
        .kode_opd = offices[i].kode, .nama_opd = offices[i].nama, .seed = seed, .number = number, .bad = bad};

    snprintf(f.nomor, sizeof f.nomor, "%s-B%lld-%lld", f.kode_opd, (long long)seed, (long long)number);
    return f;
}

void
form_write(const struct form *f, struct buf *out)
{
    struct dice d = dice_of(f->seed, f->number);

    put_letter(f, &d, out);
    put_applicant(out, &d, f->bad && f->number % 3 == 0 ? "evilgo.id" : "batam.go.id");
    put_technician(out, &d);
    put_system(f, &d, out);
    put_integration(f, out);
    buf_z(out, ",\"lampiran\":[");
    put_attachment(f, out, &d, "surat_pengajuan");
    buf_char(out, ',');
    put_attachment(f, out, &d, "formulir_pa20");
    buf_z(out, "],\"tanda_tangan\":{\"jenis\":\"basah\"},\"pernyataan_kebenaran\":true}");
}

int64_t
form_number(int64_t seed, struct str nomor)
{
    char mark[32];
    int n = snprintf(mark, sizeof mark, "-B%lld-", (long long)seed);
    const char *at = memmem(nomor.p, nomor.n, mark, (size_t)n);
    int64_t v;

    if (!at)
        return -1;
    at += n;
    return str_int((struct str){at, (size_t)(nomor.p + nomor.n - at)}, &v) ? v : -1;
}
