/* api: the integration endpoint itself. */
#ifndef STANDIN_API_H
#define STANDIN_API_H

#include "tests/standin/standin.h"

/* Handlers of routes; `arg` is the struct standin. */
void api_post(void *arg, struct server_req *req);
void api_put(void *arg, struct server_req *req);
void api_delete(void *arg, struct server_req *req);
void api_get(void *arg, struct server_req *req);
void api_list(void *arg, struct server_req *req);

#endif
