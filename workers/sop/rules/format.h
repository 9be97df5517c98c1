/* format: the formats of form PA.20 that a pattern cannot say, or not alone. Each judges the whole text by itself and
 * needs no pattern beside it. */
#ifndef SOP_RULES_FORMAT_H
#define SOP_RULES_FORMAT_H

#include "common/base/err.h"
#include "common/json/schema.h"

/* Registers them all with a set of schemas. RES_RETRY when memory is out. */
enum res format_add_all(struct schema_set *set, struct err *e);

/* nip-pns, nip-pppk: section 4 of the domain, but for what depends on the day. */
bool format_nip_pns(struct str s, void *arg);
bool format_nip_pppk(struct str s, void *arg);

/* host-go-id: a host, or an e-mail address by its host, that ends in the labels go.id. */
bool format_host_go_id(struct str s, void *arg);

/* https-url: https, a host by name, no userinfo, a port of 1..65535, printable ASCII. */
bool format_https_url(struct str s, void *arg);

/* ip-publik, cidr-publik: IPv4 or IPv6 that the whole Internet can reach; a range touches nothing else, is not
 * everything (/0), and has no bits beyond its prefix. */
bool format_ip_public(struct str s, void *arg);
bool format_cidr_public(struct str s, void *arg);

/* telepon-id: +62 or 0 and 8 to 12 digits. */
bool format_phone(struct str s, void *arg);

/* The host of an https-url, as written; STR_NULL for anything else. */
struct str format_https_host(struct str url);

#endif
