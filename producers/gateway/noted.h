/* noted: reads that are written down. Whatever holds personal data leaves only after its row in audit_log is committed: who, from
 * where, why. */
#ifndef GATEWAY_NOTED_H
#define GATEWAY_NOTED_H

#include "producers/gateway/call.h"

/* The statement of such a read begins with these words, after which comes the CTE whose rows are read, named `seen`; then
 * NOTED_ROW, which writes the row, and " select .. from seen". */
#define NOTED_SEEN "with seen as materialized ("
#define NOTED_ROW(actor, action, subject, detail, origin, reason)                                            \
    "), noted as (insert into audit_log (actor, action, subject, detail, origin, reason) select " actor      \
    "::text, '" action "', " subject "::text, " detail "::text, " origin "::text, " reason                   \
    "::text from seen)"

/* Appends four arguments: the actor (an officer's pseudonym, or token:<id> as `bedelauctl token list` shows it), the detail
 * (may be STR_NULL), the peer's address, and what X-Alasan says. False, and answered, where that header cannot be stored. */
bool noted_args(struct call *call, struct str detail);

/* From the handler of rows: keeps the answer (copied) until the row is committed. A statement that is repeated on another
 * connection is answered by its last result alone: noted_none, where that has no row, drops what an undone one gave. */
void noted_keep(struct call *call, struct str media, struct str body);
void noted_none(struct call *call);

/* When it is committed: answers 200 with what was kept. False where nothing was. */
bool noted_give(struct call *call);

#endif
