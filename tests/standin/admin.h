/* admin: what a test asks of the stand-in itself. */
#ifndef STANDIN_ADMIN_H
#define STANDIN_ADMIN_H

#include "tests/standin/standin.h"

/* Handlers of routes; `arg` is the struct standin. */
void admin_put_faults(void *arg, struct server_req *req);
void admin_get_faults(void *arg, struct server_req *req);
void admin_get_stats(void *arg, struct server_req *req);
void admin_delete_stats(void *arg, struct server_req *req);
void admin_late(void *arg, struct server_req *req);
void admin_ledger(void *arg, struct server_req *req);
void admin_health(void *arg, struct server_req *req);

#endif
