-- oldest program: 0.1
-- What is late, in half the looks: the requests are found among those that are late (a column that changes once; whatever says otherwise is looked
-- for by its key), and read are the calls of the newest putaran, and of at most eight others of the revisi only where there are
-- others. Sorted are numbers, not names.
create index request_terlambat on request (nomor_permohonan) where terlambat;

create or replace view v_terlambat as
with telat as materialized (
    select row_number() over () as ke, c.nomor_permohonan, coalesce(t.status, s.status) as status, coalesce(t.giliran, s.giliran) as giliran,
           coalesce(t.kode_opd, s.kode_opd) as kode_opd, c.tahap, c.revisi, c.mulai, c.batas, c.berakhir,
           coalesce(t.nama_opd, s.nama_opd) as nama_opd, coalesce(t.nama_sistem, s.nama_sistem) as nama_sistem,
           coalesce(c.berakhir, now()) as akhir, coalesce(t.revisi, s.revisi) as revisi_kini, greatest(t.putaran, s.putaran, 1) as putaran
      from clock c
      left join request t on t.nomor_permohonan = c.nomor_permohonan and t.terlambat
      left join lateral (select * from request q where q.nomor_permohonan = c.nomor_permohonan and t.nomor_permohonan is null offset 0) s on true
     where c.lewat and c.tahap <> 'perbaikan' and coalesce(t.nomor_permohonan, s.nomor_permohonan) is not null),
kunci as (
    select ke, mulai, akhir, nomor_permohonan || ':' || revisi || ':' || putaran as key from telat where tahap = 'integrasi' and revisi = revisi_kini
    union all
    select ke, mulai, akhir, nomor_permohonan || ':' || revisi || ':' || v.p
      from (select * from telat where tahap = 'integrasi' and (revisi <> revisi_kini or putaran > 1) offset 0) t,
           (values (1), (2), (3), (4), (5), (6), (7), (8)) v(p)
     where revisi <> revisi_kini or v.p < putaran),
panggilan as (
    select k.ke, k.mulai, k.akhir, a.sent_at, a.no,
           a.fate in ('not_sent', 'unknown') and coalesce(a.error, '') not like '%our credentials%'
           or a.code in (408, 425, 429) or a.code >= 500 as gagal
      from kunci k join attempt_integrator a on a.key = k.key
     where a.step <> 'wait' offset 0),
urut as (select ke, mulai, akhir, sent_at, gagal, lead(sent_at) over (partition by ke order by sent_at, no) as berikut from panggilan),
gangguan as (
    select ke, sum(greatest(least(coalesce(berikut, akhir), akhir) - greatest(sent_at, mulai), interval '0')) as lama
      from urut where gagal group by ke)
select t.nomor_permohonan, t.status, t.giliran, t.kode_opd, t.tahap, t.revisi, t.mulai, t.batas, t.berakhir, t.nama_opd, t.nama_sistem,
       t.akhir - t.batas as lewat, coalesce(g.lama, interval '0') as gangguan_bedelau, coalesce(g.lama >= t.akhir - t.batas, false) as karena_bedelau
  from telat t left join gangguan g using (ke);
