#include "workers/validator/keys.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"
#include "workers/sop/fact.h"
#include "workers/sop/rules/normal.h"

/* Bytes of a key that is indexed: what the form's rules allow (255 and 100 characters) and no more. */
enum { NAME_MAX_BYTES = 1020, LETTER_MAX = 100 };

static bool
is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One character at `p`: its length, and whether it is a blank. */
static size_t
blank_at(struct str s, size_t i, bool *blank)
{
    bool nbsp = i + 1 < s.n && (unsigned char)s.p[i] == 0xc2 && (unsigned char)s.p[i + 1] == 0xa0;

    *blank = nbsp || is_blank((unsigned char)s.p[i]);
    return nbsp ? 2 : 1;
}

/* U+00C0 to U+00DE but the sign of multiplication, whose small letters are 32 further on. */
static unsigned char
small_latin(unsigned char before, unsigned char c)
{
    return before == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97 ? (unsigned char)(c + 0x20) : c;
}

void
keys_name(struct str name, struct buf *out)
{
    bool gap = false;
    bool any = false;
    bool blank;

    for (size_t i = 0, n; i < name.n; i += n) {
        unsigned char c = (unsigned char)name.p[i];

        n = blank_at(name, i, &blank);
        if (blank) {
            gap = any;
            continue;
        }
        if (gap)
            buf_char(out, ' ');
        gap = false;
        any = true;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + 32);
        buf_char(out, (char)small_latin(i ? (unsigned char)name.p[i - 1] : 0, c));
    }
}

static struct str
name_key(struct arena *arena, struct str name)
{
    struct buf b = buf_make(NAME_MAX_BYTES);
    struct str s = STR_NULL;

    keys_name(name, &b);
    if (!b.failed && b.n)
        s = arena_str(arena, buf_view(&b));
    buf_free(&b);
    return s;
}

static struct str
letter_key(struct arena *arena, struct str number, struct str date)
{
    struct buf b = buf_make(LETTER_MAX + 8);
    struct str s = STR_NULL;
    int64_t day;

    if (number.n && number.n <= LETTER_MAX && caltime_date_parse(date, &day)) {
        normal_letter(number, &b);
        if (b.n) {
            buf_printf(&b, " %.4s", date.p);
            s = b.failed ? STR_NULL : arena_str(arena, buf_view(&b));
        }
    }
    buf_free(&b);
    return s;
}

void
keys_read(struct arena *arena, struct str form, struct form_keys *ret)
{
    static const char *const names[] = {"jenis_pengajuan", "nama_sistem",   "kategori_se",
                                        "nomor_surat",     "tanggal_surat", "nomor_permohonan_asal"};
    struct str raw[6];
    struct str s[6];

    scan_pick(form, names, raw, 6);
    for (unsigned i = 0; i < 6; i++)
        s[i] = scan_text(arena, raw[i]);
    *ret = (struct form_keys){.kategori = s[2]};
    if (str_is(s[0], "baru"))
        ret->kunci = name_key(arena, s[1]);
    ret->surat = letter_key(arena, s[3], s[4]);
    if ((str_is(s[0], "perubahan") || str_is(s[0], "pencabutan")) && nomor_ok(s[5]))
        ret->asal = s[5];
}
