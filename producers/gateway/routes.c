#include "producers/gateway/routes.h"

#include <stdio.h>

#include "producers/gateway/handlers.h"

enum {
    R_EVENTS,
    R_REQUESTS,
    R_REVIEW,
    R_CALLBACK,
    R_DOCUMENT_PUT,
    R_DOCUMENT_GET,
    R_REQUEST_GET,
    R_TIMELINE,
    R_EVENT_GET,
    R_COUNT
};

_Static_assert((int)R_COUNT <= (int)GATEWAY_ROUTES, "each route has its place among the metrics");

static const struct call_route all[R_COUNT] = {
    [R_EVENTS] = {R_EVENTS, "events_post", CALL_OPD, events_post},
    [R_REQUESTS] = {R_REQUESTS, "requests_post", CALL_OPD, requests_post},
    [R_REVIEW] = {R_REVIEW, "review_post", CALL_OFFICER, reviews_post},
    [R_CALLBACK] = {R_CALLBACK, "callback_post", CALL_OPEN, callbacks_post},
    [R_DOCUMENT_PUT] = {R_DOCUMENT_PUT, "document_put", CALL_OPD | CALL_LARGE, documents_put},
    [R_DOCUMENT_GET] = {R_DOCUMENT_GET, "document_get", CALL_READER, documents_get},
    [R_REQUEST_GET] = {R_REQUEST_GET, "request_get", 0, reads_request},
    [R_TIMELINE] = {R_TIMELINE, "timeline_get", 0, reads_timeline},
    [R_EVENT_GET] = {R_EVENT_GET, "event_get", 0, reads_event},
};

/* The server hands a handler nothing but its own argument, so each route has a function that knows which it is. */
#define ENTRY(name, index)                                                                                   \
    static void name(void *arg, struct server_req *req)                                                      \
    {                                                                                                        \
        call_begin(arg, req, &all[index]);                                                                   \
    }

ENTRY(on_events, R_EVENTS)
ENTRY(on_requests, R_REQUESTS)
ENTRY(on_review, R_REVIEW)
ENTRY(on_callback, R_CALLBACK)
ENTRY(on_document_put, R_DOCUMENT_PUT)
ENTRY(on_document_get, R_DOCUMENT_GET)
ENTRY(on_request_get, R_REQUEST_GET)
ENTRY(on_timeline, R_TIMELINE)
ENTRY(on_event_get, R_EVENT_GET)

const struct server_route routes_served[] = {
    {"POST", "/v1/events", on_events},
    {"GET", "/v1/events/{}/{}", on_event_get},
    {"POST", "/v1/requests", on_requests},
    {"GET", "/v1/requests/{}", on_request_get},
    {"GET", "/v1/requests/{}/timeline", on_timeline},
    {"POST", "/v1/requests/{}/review", on_review},
    {"POST", "/v1/callbacks/bedelau", on_callback},
    {"PUT", "/v1/documents/{}", on_document_put},
    {"GET", "/v1/documents/{}", on_document_get},
    {NULL, NULL, NULL},
};

static struct metric *
make(struct gateway *gw, enum metric_kind kind, const char *name, const char *labels, const char *help)
{
    char full[80];

    snprintf(full, sizeof full, "%sgateway_%s", gw->app->def->metric_prefix, name);
    return metric(gw->app->metrics, kind, full, labels, help);
}

void
routes_metrics(struct gateway *gw)
{
    static const char *const classes[GATEWAY_CLASSES] = {"2xx", "4xx", "5xx"};
    static const char deliveries[] = "Events that were sent to Kafka, by how that ended";
    char labels[80];

    for (unsigned i = 0; i < R_COUNT; i++) {
        for (unsigned c = 0; c < GATEWAY_CLASSES; c++) {
            snprintf(labels, sizeof labels, "route=\"%s\",class=\"%s\"", all[i].name, classes[c]);
            gw->answers[i][c] = make(gw, METRIC_COUNTER, "requests", labels,
                                     "Requests answered, by route and class of status");
        }
        snprintf(labels, sizeof labels, "route=\"%s\"", all[i].name);
        gw->seconds[i] =
            make(gw, METRIC_HISTOGRAM, "request_seconds", labels, "From a request's arrival to its answer");
    }
    gw->delivered = make(gw, METRIC_COUNTER, "deliveries", "result=\"ok\"", deliveries);
    gw->undelivered = make(gw, METRIC_COUNTER, "deliveries", "result=\"failed\"", deliveries);
}
