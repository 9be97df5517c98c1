-- oldest program: 0.1
-- What a call costs the database: fewer entries in indexes, and room beside a row for its next version.

-- Earliest deadline first among those that nobody holds: what is claimed leaves this index, and what is held is not read by
-- who looks for more. Programs of before look for all of them: without the old index they sort what there is.
drop index job_integrator_first;
create index job_integrator_first on job_integrator (deadline_at, due_at) where lease = 0;
drop index job_validator_first;
create index job_validator_first on job_validator (deadline_at, due_at) where lease = 0;

-- A request's row is written three times on its way, an attempt's twice, no indexed column of theirs changes: where the page
-- has room for the next version, no index is touched. Of new pages only.
alter table integration set (fillfactor = 50);
alter table attempt_integrator set (fillfactor = 50);
