/* jobs_sql: the statements of `jobs`, for no other use. */
#ifndef FLOW_JOBS_SQL_H
#define FLOW_JOBS_SQL_H

#include "common/flow/jobs.h"

enum jobs_stmt { LOAD, NEW, PUT, BODY, REMOVE, ATTEMPT, ANSWER, CLAIM, NEXT, JOBS_STMTS };

/* A statement's name and text for this worker, to be freed by the caller whatever is returned. False: out of memory. */
bool jobs_sql(const struct jobs_opts *opts, enum jobs_stmt which, char **name, char **sql);

#endif
