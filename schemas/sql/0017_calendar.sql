-- oldest program: 0.1
-- The list of holidays as versions. The newest is in force; [sop] calendar is only for the time before there was one.
-- Written by bedelauctl calendar load, which notifies the channel calendar (its payload is the version) and writes audit_log;
-- read by every program that reckons with clocks, in each of its transactions.

create table calendar (
    id        bigint generated always as identity primary key, -- later loaded, greater
    version   text        not null unique check (version ~ '^[A-Za-z0-9_-]{1,63}$'),
    csv       text        not null,                            -- tanggal,hari,jenis,keterangan
    sha256    bytea       not null,                            -- of the csv
    source    text        not null,                            -- where it is from, in words
    since     timestamptz not null,                            -- in force from then on: what ended before is judged by an earlier one
    loaded_at timestamptz not null default clock_timestamp(),
    loaded_by text        not null
);

-- Which calendar (its id, 0 = the file of the settings) the open clocks of a row were reckoned by; -1 = no clock of it is
-- open. Rows that have a smaller one than the newest are looked at again; those that stand here already count as open.
-- Deadline workers of before write neither this nor what the text in `jam` holds since: all of them must have been stopped
-- before the first new one starts.
alter table deadline_clock add kalender bigint not null default 0;
create index deadline_clock_kalender on deadline_clock (kalender) where kalender >= 0;

-- Where a new calendar moved a clock, its old end beside the new.
create or replace view v_timeline as
select e.subject as nomor_permohonan, e.effective_at as waktu, replace(replace(e.type, 'id.go.batam.bedelau.', ''), '.v1', '') as peristiwa,
       e.source as pelaku, d.j ->> 'revisi' as revisi, d.j ->> 'putaran' as putaran,
       coalesce(d.j ->> 'putusan', d.j ->> 'keputusan', d.j ->> 'status_bedelau', d.j ->> 'keadaan', d.j ->> 'status') as hasil,
       d.j ->> 'tahap' as tahap, coalesce(d.j ->> 'alasan', d.j ->> 'pesan', d.j ->> 'sebab') as keterangan,
       d.j ->> 'batas' as batas, case when e.type like '%.check.completed.v1' then (d.j -> 'temuan')::jsonb end as temuan, e.seq,
       d.j ->> 'batas_lama' as batas_lama, d.j ->> 'kalender' as kalender, d.j ->> 'kalender_lama' as kalender_lama
  from event e cross join lateral (select e.data::json as j) d
 where e.type not like '%.status.changed.v1';
