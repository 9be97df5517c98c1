/* routes: paths and methods to handlers. */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include "producers/gateway/gateway.h"

/* For the server; ended by a NULL method. */
extern const struct server_route routes_served[];

/* Makes the metrics of every route. */
void routes_metrics(struct gateway *gw);

#endif
