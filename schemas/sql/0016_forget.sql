-- oldest program: 0.1
-- Requests whose personal data are gone. Asked at every insert into the log, so that no replay brings them back.

create table forgotten (
    nomor_permohonan text primary key,
    at     timestamptz not null default clock_timestamp(),
    actor  text not null,
    reason text not null,
    documents text[] not null default '{}' -- digests of attachments that its forms named, until they are dealt with
);
-- What is kept under a job's key, or of a request, is found by it.
alter table job_body_validator alter key type text collate "C";
alter table attempt_validator alter key type text collate "C";
create index gateway_idempotency_nomor on gateway_idempotency (nomor_permohonan);

comment on table forgotten is 'Permohonan yang data pribadinya sudah dihapus';
comment on column forgotten.nomor_permohonan is 'Nomor permohonan';
comment on column forgotten.at is 'Kapan dihapus';
comment on column forgotten.actor is 'Siapa yang menghapus';
comment on column forgotten.reason is 'Alasan penghapusan';
comment on column forgotten.documents is 'SHA-256 lampiran yang masih harus dihapus';
