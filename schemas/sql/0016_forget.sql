-- oldest program: 0.1
-- Requests whose personal data are gone. Asked at every insert into the log, so that no replay brings them back.

create table forgotten (
    nomor_permohonan text primary key,
    at     timestamptz not null default clock_timestamp(),
    actor  text not null,
    reason text not null
);
comment on table forgotten is 'Permohonan yang data pribadinya sudah dihapus';
comment on column forgotten.nomor_permohonan is 'Nomor permohonan';
comment on column forgotten.at is 'Kapan dihapus';
comment on column forgotten.actor is 'Siapa yang menghapus';
comment on column forgotten.reason is 'Alasan penghapusan';
