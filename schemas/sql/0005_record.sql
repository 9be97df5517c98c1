-- oldest program: 0.1
-- The record that the SOP demands: every fact, and what they fold into. Written by the projector alone.

create table event_id (
    key  bytea primary key,                  -- first 16 bytes of SHA-256 over (source, id)
    hash bytea not null,                     -- of (type, subject, data)
    at   timestamptz not null default now()
);

create table event (
    seq          bigint generated always as identity primary key,
    source       text        not null,
    id           text        not null,
    type         text        not null,
    subject      text        not null,
    time         timestamptz,                -- as its sender claims
    effective_at timestamptz not null,       -- what counts: the claim clamped to the append time
    topic        text        not null,
    partition    int         not null,
    kafka_offset bigint      not null,
    append_at    timestamptz not null,
    data         text        not null,       -- the exact bytes of the event's data
    data_hash    bytea       not null,       -- SHA-256 of data
    received_at  timestamptz not null default now()
);
create index event_subject on event (subject, seq);

create table request (
    nomor_permohonan text primary key,
    revisi       int     not null default 0,
    putaran      int     not null default 0,
    versi        bigint  not null default 0,
    status       text,
    terlambat    boolean not null default false,
    giliran      text,
    giliran_sejak timestamptz,
    kode_opd     text,
    nama_opd     text,
    nama_sistem  text,
    submitted_at timestamptz,
    checked_at   timestamptz,
    accepted_at  timestamptz,
    returned_at  timestamptz,
    integrated_at timestamptz,
    id_integrasi text,
    temuan       text    not null default '[]',
    jumlah_pengembalian int not null default 0,
    updated_at   timestamptz,
    sidik        bigint  not null default 0, -- fingerprint of the columns that are told; a change raises versi
    fakta        text    not null default '' -- the dossier behind the row
) with (fillfactor = 70);

create table clock (
    nomor_permohonan text not null,
    revisi       int     not null,
    tahap        text    not null,
    mulai        timestamptz not null,
    batas        timestamptz not null,
    satuan       text    not null,
    status       text    not null,
    berakhir     timestamptz,
    hari_terpakai int    not null,
    kalender     text    not null,
    urutan       bigint  not null,
    primary key (nomor_permohonan, revisi, tahap)
) with (fillfactor = 80);

-- One request's whole story, oldest first.
create view v_timeline as
select e.subject as nomor_permohonan, e.effective_at as waktu, replace(replace(e.type, 'id.go.batam.bedelau.', ''), '.v1', '') as peristiwa,
       e.source as pelaku, d.j ->> 'revisi' as revisi, d.j ->> 'putaran' as putaran,
       coalesce(d.j ->> 'putusan', d.j ->> 'keputusan', d.j ->> 'status_bedelau', d.j ->> 'keadaan', d.j ->> 'status') as hasil,
       d.j ->> 'tahap' as tahap, coalesce(d.j ->> 'alasan', d.j ->> 'pesan', d.j ->> 'sebab') as keterangan,
       d.j ->> 'batas' as batas, d.j -> 'temuan' as temuan, e.seq
  from event e cross join lateral (select e.data::jsonb as j) d
 where e.type not like '%.status.changed.v1';

-- Who must act, since when.
create view v_antrean as
select nomor_permohonan, status, giliran, giliran_sejak, terlambat, kode_opd, nama_opd, nama_sistem
  from request where status is not null and giliran <> 'selesai' order by giliran_sejak;

-- What is late, and by which clock.
create view v_terlambat as
select r.nomor_permohonan, r.status, r.giliran, r.kode_opd, c.tahap, c.revisi, c.mulai, c.batas, c.berakhir
  from request r join clock c using (nomor_permohonan)
 where c.status = 'terlewat' and c.tahap <> 'perbaikan';

comment on view v_timeline is 'Seluruh riwayat satu permohonan, urut waktu';
comment on view v_antrean is 'Siapa yang harus bertindak, dan sejak kapan';
comment on view v_terlambat is 'Permohonan yang melewati batas waktu, per tahap';
