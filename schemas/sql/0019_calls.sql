-- oldest program: 0.1
-- What a call costs the database: fewer entries in indexes, and room beside a row for its next version.

-- Earliest deadline first among those that nobody holds: what is claimed leaves this index, and what is held is not read by
-- who looks for more. Programs of before look for all of them: without the old index they sort what there is.
drop index job_integrator_first;
create index job_integrator_first on job_integrator (deadline_at, due_at) where lease = 0;
drop index job_validator_first;
create index job_validator_first on job_validator (deadline_at, due_at) where lease = 0;

-- Keys are compared byte by byte: only their equality matters, and each call looks for or puts some thirty of them. (The indexes
-- are built anew, which for attempt_integrator takes as long as there are rows.)
alter table integration alter nomor_permohonan type text collate "C";
alter table integration_body alter nomor_permohonan type text collate "C", alter source type text collate "C",
    alter id type text collate "C";
alter table job_integrator alter key type text collate "C", alter subject type text collate "C";
alter table job_body_integrator alter key type text collate "C";
alter table attempt_integrator alter key type text collate "C";

-- A request's row is written three times on its way, an attempt's twice, no indexed column of theirs changes: where the page
-- has room for the next version, no index is touched. Of new pages only.
alter table integration set (fillfactor = 50);
alter table attempt_integrator set (fillfactor = 50);

-- A job's body is the form's, which integration_body keeps already: body_ref names it there (octet length of source, ':', source,
-- id). null: the job has one of its own, or none.
alter table job_integrator add body_ref text;
alter table job_validator  add body_ref text;

-- Integrators of before look for bodies in job_body_integrator alone. Where one of them claims a job that has none there, it is
-- put there and the claim passes it by; the next finds it. Their leases are above zero, those of now below. To be dropped with
-- the last of them.
create function keep_body_for_older() returns trigger language plpgsql as $$
begin
    insert into job_body_integrator (key, body, hash)
    select new.key, f.body, sha256(f.body) from integration_body f
     where f.nomor_permohonan = new.subject and octet_length(f.source) || ':' || f.source || f.id = new.body_ref
        on conflict do nothing;
    if found then
        return null;
    end if;
    return new;
end
$$;
create trigger keep_body_for_older before update of lease on job_integrator
    for each row when (new.lease > 0 and new.body_ref is not null) execute function keep_body_for_older();
