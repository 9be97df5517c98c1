-- oldest program: 0.1
-- Attachments of a form that was admitted: one job per form (revisi), however many documents it names. Same shape as
-- the integrator's jobs (0003): `due_at` is the next look: a retry, the end of a lease, the end of the wait for
-- errors, or the end of clock 2.

create table job_validator (
    key         text        primary key,     -- nomor:revisi
    subject     text        not null,        -- nomor_permohonan
    step        text        not null,        -- fetch
    due_at      timestamptz not null,
    lease       bigint      not null default 0, -- token of the holder, 0 = free
    attempts    int         not null default 0,
    deadline_at timestamptz,                 -- end of clock 2: earliest first
    quiet_until timestamptz,
    state       text        not null default '{}', -- findings of the form, what is known of each document
    reason      text,                        -- why it waits
    created_at  timestamptz not null default now()
) with (fillfactor = 60);
create index job_validator_due on job_validator (due_at);
create index job_validator_subject on job_validator (subject);
create index job_validator_first on job_validator (deadline_at, due_at);

create table job_body_validator (
    key  text primary key,
    body bytea not null,                     -- which documents, and how they were declared
    hash bytea not null
);

create table attempt_validator (
    key         text        not null,
    no          int         not null,
    lease       bigint      not null,
    step        text        not null,        -- fetch; cancel = the job ended because its form counts no more
    sent_at     timestamptz not null default clock_timestamp(),
    quiet_until timestamptz not null,
    answered_at timestamptz,
    fate        text,                        -- known, waiting, cancelled
    code        int,                         -- the last HTTP status that kept a document from being checked
    took_us     bigint,
    error       text,
    primary key (key, no)
) with (fillfactor = 80);
