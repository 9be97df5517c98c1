#include "common/json/scan.h"
#include "workers/deadline/deadline.h"

static const char *const keys[] = {"r", "t", "k", "m", "b", "e", "h", "j", "s", "w", "c", "v", "p"};
enum { KEYS = sizeof keys / sizeof keys[0] };

static int64_t
num(struct str raw)
{
    int64_t v;

    return scan_int(raw, &v) ? v : INT64_MIN;
}

bool
told_read(struct arena *a, struct str text, struct jadwal *j)
{
    struct scan_iter it = scan_iter(text);
    size_t cap = 0;

    j->n = 0;
    if (text.n && scan_kind(text) != SCAN_ARRAY)
        return false;
    for (struct scan_iter count = it; scan_next(&count);)
        cap++;
    j->told = arena_new(a, (cap + 1) * sizeof *j->told);
    for (j->n = 0; scan_next(&it);) {
        struct str m[KEYS];
        struct told *t = &j->told[j->n++];

        if (!scan_pick(it.value, keys, m, KEYS)) {
            j->n = 0;
            return false;
        }
        t->jam = (struct jam){.revisi = (int32_t)num(m[0]),
                              .tahap = (enum tahap)num(m[1]),
                              .keadaan = (enum keadaan)num(m[2]),
                              .mulai_us = num(m[3]),
                              .batas_us = num(m[4]),
                              .berakhir_us = num(m[5]),
                              .hari_terpakai = num(m[6]),
                              .jatah = num(m[7]),
                              .satuan = (enum calendar_unit)num(m[8]),
                              .kalender = m[10].p ? scan_text(a, m[10]).p : NULL,
                              .aturan = m[11].p ? (uint32_t)num(m[11]) : 0};
        t->warned = m[9].p ? warned_of_bits(&t->jam, num(m[9])) : warned_read(m[12]);
    }
    return true;
}

void
told_write(const struct jadwal *j, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < j->n; i++) {
        const struct jam *k = &j->told[i].jam;

        buf_printf(out, "%s{\"r\":%d,\"t\":%d,\"k\":%d,\"m\":%lld,\"b\":%lld", i ? "," : "", k->revisi,
                   (int)k->tahap, (int)k->keadaan, (long long)k->mulai_us, (long long)k->batas_us);
        if (k->berakhir_us != INT64_MIN)
            buf_printf(out, ",\"e\":%lld", (long long)k->berakhir_us);
        if (k->kalender)
            buf_printf(out, ",\"c\":\"%s\"", k->kalender);
        buf_printf(out, ",\"h\":%lld,\"j\":%lld,\"s\":%d,\"v\":%u", (long long)k->hari_terpakai,
                   (long long)k->jatah, (int)k->satuan, k->aturan);
        if (j->told[i].warned.n) {
            buf_z(out, ",\"p\":");
            warned_write(&j->told[i].warned, out);
        }
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

bool
told_open(const struct jadwal *j)
{
    for (size_t i = 0; i < j->n; i++)
        if (j->told[i].jam.berakhir_us == INT64_MIN)
            return true;
    return false;
}
