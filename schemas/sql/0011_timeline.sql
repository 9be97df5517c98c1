-- oldest program: 0.1
-- What outsiders sent is read as json, not jsonb: a number greater than Postgres holds (1e999999999999) is good JSON, and
-- one such form must not hide its request's story. Only checks have temuan, and those are the validator's.

create or replace view v_timeline as
select e.subject as nomor_permohonan, e.effective_at as waktu, replace(replace(e.type, 'id.go.batam.bedelau.', ''), '.v1', '') as peristiwa,
       e.source as pelaku, d.j ->> 'revisi' as revisi, d.j ->> 'putaran' as putaran,
       coalesce(d.j ->> 'putusan', d.j ->> 'keputusan', d.j ->> 'status_bedelau', d.j ->> 'keadaan', d.j ->> 'status') as hasil,
       d.j ->> 'tahap' as tahap, coalesce(d.j ->> 'alasan', d.j ->> 'pesan', d.j ->> 'sebab') as keterangan,
       d.j ->> 'batas' as batas, case when e.type like '%.check.completed.v1' then (d.j -> 'temuan')::jsonb end as temuan, e.seq
  from event e cross join lateral (select e.data::json as j) d
 where e.type not like '%.status.changed.v1';
