-- oldest program: 0.1
-- The integrator's own state: it alone decides what happened at Bedelau (SOP step 3).

create table integration (
    nomor_permohonan text primary key,
    urutan     bigint not null default 0,
    fakta      text   not null default '',
    callbacks  text   not null default '', -- callbacks that came before the registration's answer, as JSON
    id_integrasi text,
    urutan_bedelau bigint not null default -1 -- the highest sequence number of Bedelau's that was heeded
) with (fillfactor = 70);

-- The call's body, mapped from the form when it arrived. Insert-only.
create table integration_body (
    nomor_permohonan text not null,
    source     text   not null,
    id         text   not null,
    body       bytea  not null,
    primary key (nomor_permohonan, source, id)
);

-- Durable jobs: one row is one effect on the outside world that is still owed. `due_at` is when somebody should look
-- again: the next try, or the end of the lease of whoever is trying now.
create table job_integrator (
    key         text        primary key,     -- Idempotency-Key: nomor:revisi:putaran
    subject     text        not null,        -- nomor_permohonan
    step        text        not null,        -- send, ask, poll, cancel
    due_at      timestamptz not null,
    lease       bigint      not null default 0, -- token of the holder, 0 = free
    attempts    int         not null default 0,
    deadline_at timestamptz,                 -- the request's own deadline: earliest first
    quiet_until timestamptz,                 -- an attempt in doubt may still act until then
    state       text        not null default '{}',
    reason      text,                        -- why it waits
    created_at  timestamptz not null default now()
) with (fillfactor = 60);
create index job_integrator_due on job_integrator (due_at);
create index job_integrator_subject on job_integrator (subject);            -- a batch asks for its requests' jobs
create index job_integrator_first on job_integrator (deadline_at, due_at);  -- earliest deadline first, without sorting all

create table job_body_integrator (
    key  text primary key,
    body bytea not null,                     -- every repeat sends these bytes
    hash bytea not null
);

create table attempt_integrator (
    key         text        not null,
    no          int         not null,
    lease       bigint      not null,
    step        text        not null,
    sent_at     timestamptz not null default clock_timestamp(),
    quiet_until timestamptz not null,
    answered_at timestamptz,
    fate        text,                        -- answered, not_sent, unknown
    code        int,
    took_us     bigint,
    error       text,
    primary key (key, no)
) with (fillfactor = 80);
