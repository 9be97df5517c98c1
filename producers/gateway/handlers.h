/* handlers: what is served, one function per route. Each answers its call exactly once, now or later. */
#ifndef GATEWAY_HANDLERS_H
#define GATEWAY_HANDLERS_H

#include "producers/gateway/call.h"

void events_post(struct call *call);    /* POST /v1/events */
void requests_post(struct call *call);  /* POST /v1/requests */
void reviews_post(struct call *call);   /* POST /v1/requests/{nomor}/review */
void callbacks_post(struct call *call); /* POST /v1/callbacks/bedelau */
void documents_put(struct call *call);  /* PUT /v1/documents/{sha256} */
void documents_get(struct call *call);  /* GET /v1/documents/{sha256} */
void reads_request(struct call *call);  /* GET /v1/requests/{nomor} */
void reads_timeline(struct call *call); /* GET /v1/requests/{nomor}/timeline */
void reads_event(struct call *call);    /* GET /v1/events/{source}/{id} */

#endif
