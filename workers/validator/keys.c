#include "workers/validator/keys.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"
#include "workers/sop/fact.h"
#include "workers/sop/rules/normal.h"

/* Bytes of a key that is indexed: what the form's rules allow (255 and 100 characters) and no more. */
enum { NAME_MAX_BYTES = 1020, LETTER_MAX = 100 };

static struct str
name_key(struct arena *arena, struct str name)
{
    struct buf b = buf_make(NAME_MAX_BYTES);
    struct str s = STR_NULL;

    normal_name(name, &b);
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
keys_pick(const struct ce *ce, struct str raw[KEYS_MEMBERS])
{
    static const char *const names[KEYS_MEMBERS] = {"jenis_pengajuan", "nama_sistem",
                                                    "kategori_se",     "nomor_surat",
                                                    "tanggal_surat",   "nomor_permohonan_asal"};

    ce_pick(ce, names, raw, KEYS_MEMBERS);
}

void
keys_read(struct arena *arena, const struct str raw[KEYS_MEMBERS], struct form_keys *ret)
{
    struct str s[KEYS_MEMBERS];

    for (unsigned i = 0; i < KEYS_MEMBERS; i++)
        s[i] = scan_text(arena, raw[i]);
    *ret = (struct form_keys){.kategori = s[2]};
    if (str_is(s[0], "baru"))
        ret->kunci = name_key(arena, s[1]);
    ret->surat = letter_key(arena, s[3], s[4]);
    if ((str_is(s[0], "perubahan") || str_is(s[0], "pencabutan")) && nomor_ok(s[5]))
        ret->asal = s[5];
}
