-- oldest program: 0.1
-- Brakes on the calls to Bedelau, and what an officer or operator does to what is owed. Written by bedelauctl, heeded by the
-- integrator; each change is told on the channel brake_integrator (its payload does not matter) and noted in audit_log.

-- Whether calls may begin. One row.
create table endpoint_brake (
    one_row    boolean primary key default true check (one_row),
    paused     boolean not null default false,
    reason     text,
    until      timestamptz,                      -- the pause ends by itself; null = only by `resume`
    actor      text,                             -- who changed it last
    changed_at timestamptz not null default now(),
    check (paused or (reason is null and until is null))
);
insert into endpoint_brake default values;

-- What each integrator process does, written by itself at every look (10 s); a row that is old is of a process that is gone.
create table endpoint_process (
    owner       text primary key,                -- of its leases
    mode        text not null,                   -- live, shadow, off
    maintenance text not null default '',        -- its windows, as in its settings
    calls_per_s int  not null default 0,         -- its ceiling; 0 = none
    in_flight   int  not null,                   -- calls that it may have at once
    shut        text,                            -- why it begins no call now; null = it does
    sink        text,                            -- what its way to the endpoint says of itself
    seen_at     timestamptz not null default now()
);

-- An officer gives up: the integrator tells integration.failed with this reason as soon as no call is under way or in doubt.
-- Jobs of the validator have no such end; the column is there because all jobs have one shape.
alter table job_integrator add stop_reason text;
alter table job_validator  add stop_reason text;
create index job_integrator_stop on job_integrator (subject) where stop_reason is not null;

-- Dead letters are named by a number, and published again once.
alter table dead_letter add id bigint generated always as identity;
alter table dead_letter add replayed_at timestamptz;
create unique index dead_letter_id on dead_letter (id);
