-- oldest program: 0.1
-- Which requests will miss their deadline at the present rate: view v_prakiraan.

-- The list of holidays that [sop] calendar names, as `bedelauctl migrate` found it: for views, until one is loaded (table
-- calendar). One row; without it Saturday and Sunday alone are off.
create table calendar_file (
    one_row boolean primary key default true check (one_row),
    version text not null,
    csv     text not null
);

-- What is open, and what was finished lately. A clock comes into each once, when it opens and when it ends; its other changes
-- touch neither.
create index clock_terbuka on clock (tahap, mulai) where berakhir is null;
create index clock_usai on clock (tahap, berakhir) include (mulai, status)
    where berakhir is not null and tahap in ('pemeriksaan', 'integrasi');

-- Each day of the last three months and the next four years, by the calendar in force. `ke` counts the working days up to
-- and with it, so that a difference of two is the number of working days between them.
create view v_hari_kerja as
with daftar as (
    select csv from (select id, csv from calendar union all select 0, csv from calendar_file) c order by id desc limit 1),
libur as (
    select distinct t[1]::date as tanggal from daftar, regexp_matches(csv, '^"?(\d{4}-\d\d-\d\d)', 'gn') m(t)),
hari as (
    select d.tanggal, extract(isodow from d.tanggal) < 6 and l.tanggal is null as kerja
      from (select (now() at time zone interval '7 hours')::date + i as tanggal from generate_series(-92, 1600) i) d
      left join libur l using (tanggal))
select tanggal, kerja, (count(*) filter (where kerja) over (order by tanggal))::int as ke from hari;

-- Working days from that instant's day to yesterday.
create function hari_kerja_sejak(p_dari timestamptz) returns bigint language sql stable security definer set search_path from current as $$
select count(*) from v_hari_kerja
 where kerja and tanggal >= (p_dari at time zone interval '7 hours')::date and tanggal < (now() at time zone interval '7 hours')::date
$$;

-- How many are finished in a working day: in the 20 working days before today, or since the first that ever was where those
-- are fewer. Of clock 3 what became aktif; of clock 2 what was decided. What is decided within 5 minutes is the system's
-- work and the rest an officer's: the one does not shorten the other's queue. No row where nothing was finished.
create function laju_penyelesaian() returns table (tahap text, oleh text, per_hari numeric)
language plpgsql stable security definer rows 3 set search_path from current as $$
declare
    hari_ini date := (now() at time zone interval '7 hours')::date;
    sampai timestamptz := (hari_ini + time '00:00') at time zone interval '7 hours';
    dari timestamptz;
    pertama timestamptz;
begin
    select (min(h.tanggal) + time '00:00') at time zone interval '7 hours' into dari
      from (select tanggal from v_hari_kerja where kerja and tanggal < hari_ini order by tanggal desc limit 20) h;
    pertama := (select c.berakhir from clock c where c.tahap = 'pemeriksaan' and c.berakhir is not null order by c.berakhir limit 1);
    return query
        select 'pemeriksaan', u.siapa, u.n / nullif(hari_kerja_sejak(greatest(dari, pertama)), 0)
          from (select case when c.berakhir - c.mulai <= interval '5 minutes' then 'sistem' else 'petugas' end as siapa, count(*)::numeric as n
                  from clock c
                 where c.tahap = 'pemeriksaan' and c.berakhir is not null and c.berakhir >= dari and c.berakhir < sampai
                   and c.status in ('terpenuhi', 'terlewat', 'ditangguhkan') group by 1) u;
    pertama := (select c.berakhir from clock c where c.tahap = 'integrasi' and c.berakhir is not null order by c.berakhir limit 1);
    return query
        select 'integrasi', 'bedelau', u.n / nullif(hari_kerja_sejak(greatest(dari, pertama)), 0)
          from (select count(*)::numeric as n
                  from clock c
                 where c.tahap = 'integrasi' and c.berakhir is not null and c.berakhir >= dari and c.berakhir < sampai
                   and c.status in ('terpenuhi', 'terlewat')) u
         where u.n > 0;
end
$$;

-- Whoever has waited longest is next, and today is a day of work until it ends. Null where it is not known: a rate that
-- nothing was finished at, the applicant's own clocks, and clocks in seconds.
create view v_prakiraan as
with kini as materialized (
    select now() as t, (now() at time zone interval '7 hours')::date as hari_ini, min(tanggal) - 1 as nol,
           array_agg(ke order by tanggal) as ke, array_agg(tanggal order by tanggal) filter (where kerja) as hari_kerja
      from v_hari_kerja),
laju as materialized (select tahap, oleh, per_hari from laju_penyelesaian()),
buka as (
    select c.nomor_permohonan, c.tahap, c.mulai, c.batas, c.satuan, r.giliran, r.kode_opd, r.nama_opd, r.nama_sistem,
           case when c.tahap = 'integrasi' then 'bedelau' when c.tahap = 'pemeriksaan' and r.giliran = 'sistem' then 'sistem'
                when c.tahap = 'pemeriksaan' then 'petugas' end as oleh
      from clock c
      left join lateral (select * from request q where q.nomor_permohonan = c.nomor_permohonan offset 0) r on true -- by its key, however many there are
     where c.berakhir is null),
antre as (
    select b.*, row_number() over (partition by b.tahap, b.oleh order by b.mulai, b.nomor_permohonan) as urutan,
           (b.batas at time zone interval '7 hours')::date - 1 as hari_terakhir
      from buka b),
hitung as (
    select a.*, k.t, k.hari_ini, k.hari_kerja, l.per_hari, k.ke[k.hari_ini - k.nol - 1] as sampai_kemarin,
           k.ke[k.hari_ini - k.nol] as sampai_hari_ini, k.ke[a.hari_terakhir - k.nol] as sampai_batas,
           case when a.satuan <> 'detik' then ceil(a.urutan / l.per_hari)::bigint end as perlu
      from antre a cross join kini k
      left join laju l on l.tahap = a.tahap and l.oleh = a.oleh)
select nomor_permohonan, kode_opd, nama_opd, nama_sistem, tahap, giliran, batas,
       case when batas <= t then 0
            when satuan = 'hari_kerja' then sampai_batas - sampai_hari_ini
            when satuan = 'hari_kalender' then hari_terakhir - hari_ini
            else ceil(extract(epoch from batas - t)) end::bigint as sisa,
       satuan, case when oleh is not null then urutan - 1 end as di_depan, round(per_hari, 2) as laju,
       hari_kerja[least(sampai_kemarin + perlu, 100000)] as perkiraan_selesai,
       case when batas <= t then true else perlu > sampai_batas - sampai_kemarin end as akan_terlambat
  from hitung;

comment on view v_hari_kerja is 'Hari kerja menurut kalender yang berlaku (hari libur nasional dan cuti bersama tidak dihitung)';
comment on column v_hari_kerja.tanggal is 'Tanggal';
comment on column v_hari_kerja.kerja is 'Ya bila hari kerja';
comment on column v_hari_kerja.ke is 'Hari kerja ke berapa sejak awal daftar';
comment on function laju_penyelesaian() is 'Rata-rata yang selesai per hari kerja, menurut 20 hari kerja terakhir';
comment on view v_prakiraan is 'Perkiraan: permohonan mana yang akan melewati batas waktu menurut laju penyelesaian 20 hari kerja terakhir; akan_terlambat kosong = belum dapat diperkirakan';
comment on column v_prakiraan.nomor_permohonan is 'Nomor permohonan';
comment on column v_prakiraan.kode_opd is 'Kode perangkat daerah';
comment on column v_prakiraan.nama_opd is 'Nama perangkat daerah';
comment on column v_prakiraan.nama_sistem is 'Nama sistem elektronik';
comment on column v_prakiraan.tahap is 'Tahap yang sedang berjalan';
comment on column v_prakiraan.giliran is 'Siapa yang harus bertindak';
comment on column v_prakiraan.batas is 'Batas waktu (eksklusif)';
comment on column v_prakiraan.satuan is 'Satuan batas waktu: hari_kerja, hari_kalender, detik';
comment on column v_prakiraan.sisa is 'Sisa waktu sampai batas, dalam satuan';
comment on column v_prakiraan.di_depan is 'Banyaknya permohonan pada tahap yang sama yang sudah menunggu lebih lama';
comment on column v_prakiraan.laju is 'Rata-rata yang selesai per hari kerja pada tahap itu';
comment on column v_prakiraan.perkiraan_selesai is 'Hari kerja selesainya menurut laju itu';
comment on column v_prakiraan.akan_terlambat is 'Ya bila menurut laju itu selesainya sesudah batas; kosong bila belum dapat diperkirakan';
