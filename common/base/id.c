#include "common/base/id.h"

#include <sys/random.h>
#include <uuid/uuid.h>

#include "common/base/buf.h"

void
id_derive(const unsigned char ns[16], const struct str *parts, unsigned n, char out[ID_TEXT])
{
    struct buf b = buf_make(1 << 20);
    uuid_t u;

    for (unsigned i = 0; i < n; i++) {
        buf_int(&b, (int64_t)parts[i].n);
        buf_char(&b, ':');
        buf_str(&b, parts[i]);
    }
    uuid_generate_sha1(u, ns, b.p ? b.p : "", b.n);
    uuid_unparse_lower(u, out);
    buf_free(&b);
}

uint64_t
id_random(void)
{
    uint64_t v = 0;

    while (getrandom(&v, sizeof v, 0) != sizeof v) /* only interrupted before the pool is up */
        ;
    return v;
}

void
id_time(int64_t t_us, char out[ID_TEXT])
{
    uint64_t ms = (uint64_t)t_us / 1000;
    uint64_t r = id_random();
    uint64_t s = id_random();
    uuid_t u;

    for (int i = 0; i < 6; i++)
        u[i] = (unsigned char)(ms >> (8 * (5 - i)));
    u[6] = (unsigned char)(0x70 | (r & 0x0f));
    u[7] = (unsigned char)(r >> 8);
    u[8] = (unsigned char)(0x80 | ((r >> 16) & 0x3f));
    for (int i = 9; i < 16; i++)
        u[i] = (unsigned char)(s >> (8 * (i - 9)));
    uuid_unparse_lower(u, out);
}
