/* What late.c remembers, as a column of the request's row: taken when a form is judged, asked when it is returned. */
#include "workers/validator/validator.h"

enum { FINDINGS_MAX = 2 << 20 };

/* The request's history, read when it is first wanted in a batch. */
static struct riwayat *
of(struct worker *w, struct berkas *b)
{
    struct periksa *p = b->more;

    if (!p->riwayat) {
        p->riwayat = arena_new(&w->arena, sizeof *p->riwayat);
        late_read(p->riwayat_stored, b->nomor, p->riwayat); /* of another version: begins anew */
    }
    return p->riwayat;
}

void
late_judge(struct worker *w, struct berkas *b, const struct tahan *form)
{
    const struct validator *v = w->own;
    struct periksa *p = b->more;

    late_form(of(w, b), &w->arena, form->fact.revisi, form->data, rules_hash(v->rules));
    p->riwayat_changed = true;
}

/* In a later round an officer passes on what Bedelau refused or failed: nobody could have seen it in a form. */
static bool
may_be_late(const struct verdict *v)
{
    return v->putusan == PUTUSAN_DIKEMBALIKAN && v->putaran == 1;
}

static struct str
marked(struct worker *w, const struct riwayat *h, const struct verdict *v)
{
    const struct validator *own = w->own;
    bool officer = !str_is(v->oleh, "sistem");
    struct buf out = buf_make(FINDINGS_MAX);
    unsigned n = late_mark(h, own->rules, officer, v->findings, &out);
    struct str ret = v->findings;

    if (n && !out.failed) {
        ret = arena_str(&w->arena, buf_view(&out));
        metric_add(officer ? own->m_late_officer : own->m_late_system, n);
    }
    buf_free(&out);
    return ret;
}

struct str
late_say(struct worker *w, struct berkas *b, const struct verdict *v)
{
    bool returned = v->putusan == PUTUSAN_DIKEMBALIKAN;
    struct periksa *p = b->more;
    struct str findings = v->findings;
    struct riwayat *h;

    if (!returned && str_is(findings, "[]"))
        return findings;
    h = of(w, b);
    if (h->kini.revisi != v->revisi)
        return findings; /* its form was judged before forms were remembered */
    if (may_be_late(v) && h->n)
        findings = marked(w, h, v);
    late_told(h, &w->arena, v->findings);
    if (returned)
        late_returned(h, &w->arena);
    p->riwayat_changed = true;
    return findings;
}

void
late_keep(struct worker *w, struct berkas *b, bool ended)
{
    struct periksa *p = b->more;
    struct buf out = buf_make(LATE_BYTES);

    if (p->riwayat_changed && !ended) {
        late_write(p->riwayat, &out);
        p->riwayat_stored = arena_str(&w->arena, buf_view(&out));
    }
    if (ended || !p->riwayat_stored.n)
        p->riwayat_stored = STR_NULL;
    buf_free(&out);
}
