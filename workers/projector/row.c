#include "workers/projector/projector.h"

#include "common/base/caltime.h"

static void
tell(struct worker *w, struct berkas *b, struct str row)
{
    struct projector *p = w->own;
    struct buf *data = &p->data;
    struct emit em = {.type = FACT_STATUS,
                      .parent_source = STR("/bedelau/projector"),
                      .parent_id = b->nomor,
                      .time_us = w->now_us,
                      .revisi = ((struct catatan *)b->more)->rec.row.revisi};
    char newest[CALTIME_TEXT];
    char mark[32];
    char id[37];

    snprintf(mark, sizeof mark, "versi:%lld", (long long)b->urutan);
    em.mark = str_of(mark);
    buf_reset(data);
    buf_z(data, "{\"versi\":");
    buf_int(data, b->urutan);
    if (b->d.newest_us != INT64_MIN) {
        buf_z(data, ",\"updated_at\":\"");
        buf_add(data, newest, caltime_format(b->d.newest_us, newest));
        buf_char(data, '"');
    }
    buf_str(data, row);
    buf_char(data, '}');
    em.data = buf_view(data);
    worker_emit(w, b, &em, id);
}

void
row_settle(struct worker *w, struct berkas *b)
{
    struct projector *p = w->own;
    struct record *c = &((struct catatan *)b->more)->rec;
    int64_t before = c->sidik;

    if (!b->dirty)
        return;
    record_fold(&b->d, b->nomor, c, &w->text);
    if (c->sidik != before) {
        b->urutan++;
        tell(w, b, buf_view(&w->text));
        metric_add(p->m_changes, 1);
    }
    record_sums(c, &w->arena, &w->text);
}
