#include "tests/bench/story.h"

#include <stdio.h>

#include "common/base/caltime.h"
#include "common/base/id.h"
#include "common/kafka/ce.h"

static const struct {
    const char *name, *topic, *type;
} kinds[] = {{"submitted", "requests", "id.go.batam.bedelau.request.submitted.v1"},
             {"checked", "checks", "id.go.batam.bedelau.check.completed.v1"},
             {"completed", "integrations", "id.go.batam.bedelau.integration.completed.v1"}};

enum story_kind
story_kind_of(struct str name)
{
    unsigned k = 0;

    while (k < STORY_KINDS && !str_is(name, kinds[k].name))
        k++;
    return (enum story_kind)k;
}

const char *
story_topic(enum story_kind k)
{
    return kinds[k].topic;
}

static void
put_check(const struct form *f, struct buf *out)
{
    buf_printf(
        out,
        "{\"revisi\":1,\"putaran\":1,\"sumber_pengajuan\":\"/opd/%s\",\"id_pengajuan\":\"%lld-%lld\","
        "\"putusan\":\"diterima\",\"final\":true,\"temuan\":[],\"aturan\":\"%064d\",\"oleh\":\"sistem\","
        "\"urutan\":1}",
        f->kode_opd, (long long)f->seed, (long long)f->number, 0);
}

static void
put_completion(const struct form *f, struct buf *out)
{
    buf_printf(out,
               "{\"revisi\":1,\"putaran\":1,\"urutan\":1,\"percobaan\":1,\"id_integrasi\":\"b-%lld\","
               "\"status_bedelau\":\"aktif\",\"kode_http\":201,\"alasan\":\"\",\"kesalahan\":[]}",
               (long long)f->number);
}

/* The department's own id, or a UUID as our programs derive theirs. */
static void
make_id(const struct form *f, enum story_kind k, char id[ID_TEXT])
{
    static const unsigned char ns[16] = {0x3d, 0x11, 0x0c, 0x52, 0x7a, 0x4f, 0x5d, 0x0e,
                                         0x8c, 0x35, 0x2f, 0x7d, 0x61, 0xb4, 0xe0, 0x77};
    const struct str parts[] = {str_of(f->nomor), str_of(kinds[k].type)};

    if (k == STORY_SUBMITTED)
        snprintf(id, ID_TEXT, "%lld-%lld", (long long)f->seed, (long long)f->number);
    else
        id_derive(ns, parts, 2, id);
}

void
story_write(const struct form *f, enum story_kind k, struct buf *form, struct buf *out)
{
    struct ce_out o = {.type = str_of(kinds[k].type), .subject = str_of(f->nomor), .time_us = caltime_now()};
    char id[ID_TEXT];
    char source[64];

    snprintf(source, sizeof source, "/opd/%s", f->kode_opd);
    buf_reset(form);
    if (k == STORY_SUBMITTED)
        form_write(f, form);
    else if (k == STORY_CHECKED)
        put_check(f, form);
    else
        put_completion(f, form);
    make_id(f, k, id);
    o.id = str_of(id);
    o.source = k == STORY_SUBMITTED ? str_of(source)
               : k == STORY_CHECKED ? STR("/bedelau/validator")
                                    : STR("/bedelau/integrator");
    o.data = buf_view(form);
    ce_write(&o, out);
}
