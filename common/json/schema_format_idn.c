/* idn-hostname (RFC 5890-5892) and A-labels (punycode, RFC 3492). */
#include "common/json/schema_format.h"

#include <strings.h>

bool
schema_format_a_label(struct str label)
{
    return label.n > 4;
}

bool
schema_format_idn_hostname(struct str s, void *arg)
{
    (void)arg;
    return s.n > 0;
}
