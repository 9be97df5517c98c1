-- oldest program: 0.1
-- People, access and attachments. Written by bedelauctl and the gateway.

create table opd (
    kode_opd text primary key,
    nama_opd text not null,
    peran    text not null default ''        -- 'diskominfo' for the department that runs Bedelau
);

create table officer (
    id         text primary key,             -- pseudonymous
    aktif      boolean not null default true,
    created_at timestamptz not null default now()
);

-- Bearer tokens, stored hashed. Bound to departments or to one officer.
create table token (
    hash       bytea primary key,            -- SHA-256 of the token
    kode_opd   text[] not null default '{}',
    officer    text references officer (id),
    label      text not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    check (officer is not null or cardinality(kode_opd) > 0)
);

-- Attachments. Their uri in a form is urn:sha256:<hex>.
create table document (
    sha256     bytea primary key,
    size       bigint not null,
    mime       text not null,
    data       bytea not null,
    created_at timestamptz not null default now()
);
create table document_owner (
    sha256   bytea not null references document (sha256) on delete cascade,
    kode_opd text  not null,
    primary key (sha256, kode_opd)
);

-- The next BDL-YYYY-NNNNNN of each year.
create table gateway_number (
    tahun int primary key,
    next  bigint not null
);

-- Answers to requests that carried an Idempotency-Key, so that a repeat gets the same.
create table gateway_idempotency (
    kode_opd  text not null,
    key       text not null,
    body_hash bytea not null,
    nomor_permohonan text not null,
    event_id  text not null,
    created_at timestamptz not null default now(),
    primary key (kode_opd, key)
);

create table audit_log (
    seq    bigint generated always as identity primary key,
    at     timestamptz not null default clock_timestamp(),
    actor  text not null,
    action text not null,
    subject text,
    detail text
);
