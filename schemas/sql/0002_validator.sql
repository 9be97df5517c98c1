-- oldest program: 0.1
-- The validator's own state: it alone admits submissions and decides them (SOP steps 1 and 2).

create table pemeriksaan (
    nomor_permohonan text primary key,
    urutan     bigint not null default 0,  -- counter of the validator's facts about this request
    fakta      text   not null default '', -- the dossier: what is known of the request, as JSON
    kode_opd   text,                       -- whose number it is: the first that used it
    jenis      text,                       -- jenis_pengajuan of the newest admitted form
    nama_sistem text,
    status     text,
    revisi     int    not null default 0,
    putaran    int    not null default 0,
    aktif      boolean not null default false, -- an integration of this number is aktif at Bedelau
    ditarik    boolean not null default false  -- withdrawn before anything else was known of it
) with (fillfactor = 70);
create index pemeriksaan_terbuka on pemeriksaan (kode_opd, nama_sistem)
    where status not in ('selesai', 'dibatalkan', 'ditolak');

-- Forms that came before their turn (revisi too high), judged when it comes.
create table pemeriksaan_tahan (
    nomor_permohonan text   not null,
    revisi     int    not null,
    source     text   not null,
    id         text   not null,
    topic      text   not null,
    partition  int    not null,
    kafka_offset bigint not null,
    append_ms  bigint not null,
    effective_us bigint not null,
    traceparent text,
    data       text   not null,
    primary key (nomor_permohonan, revisi, source, id)
);
