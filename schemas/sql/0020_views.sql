-- oldest program: 0.1
-- What people ask of the record: who must act, what is late and why, the month's recapitulation, what cannot be, whom to
-- write to. Every view answers from an index or from sums that are kept as the facts come, so that none is ever stale.
-- The added columns rewrite `request` and `clock` once, and dossiers are counted, under locks: minutes for 200,000 requests.

-- ---- columns beside the fold -----------------------------------------------------------------------------------------
-- Written by the projector. Of the rows that are there already `rekap` is counted below; the other two stay null until the
-- projector touches the row again (anomali) or for good (hitungan: not all of its facts were counted).
alter table request add column rekap text;    -- what the row counts for in table rekap (workers/sop/rekap.h)
alter table request add column hitungan text; -- facts recorded / highest urutan, of validator, integrator and deadline
alter table request add column anomali text;  -- what is odd about its facts (workers/sop/anomali.h)

-- Generated, so that they are right whoever writes the row. Their values change so seldom that the indexes below leave
-- nearly every update of the row alone (a heap-only tuple needs all indexed columns unchanged, those of a predicate too).
alter table request
    add column terbuka boolean not null generated always as (coalesce(giliran <> 'selesai', false)) stored,
    add column janggal boolean not null generated always as (coalesce(
        (status in ('selesai', 'dibatalkan', 'ditolak')) <> (giliran = 'selesai')
        or (status = 'selesai') <> (integrated_at is not null)
        or (status = 'dikembalikan' and (returned_at is null or jumlah_pengembalian = 0))
        or (status = 'diterima' and accepted_at is null)
        or (status = 'terdaftar' and (submitted_at is not null or checked_at is not null)), false)) stored;
alter table clock
    add column lewat boolean not null generated always as (status = 'terlewat') stored,
    add column janggal boolean not null generated always as (coalesce(
        batas < mulai or mulai - berakhir > interval '5 minutes' or hari_terpakai < 0
        or (status in ('terpenuhi', 'dihentikan', 'ditangguhkan')) and berakhir is null
        or status in ('terpenuhi', 'ditangguhkan') and berakhir >= batas
        or status = 'berjalan' and berakhir is not null, false)) stored;

create index request_terbuka on request (nomor_permohonan) where terbuka;
create index request_janggal on request (nomor_permohonan) where janggal or anomali is not null;
create index clock_lewat on clock (nomor_permohonan) where lewat;
create index clock_janggal on clock (nomor_permohonan) where janggal;

-- ---- sums ------------------------------------------------------------------------------------------------------------
-- How often each item of request.rekap stands in it, by department: the projector adds the difference in the transaction
-- that changes the row. A histogram, so that a percentile over it is exact.
create table rekap (
    bulan    date    not null,               -- its first day
    kode_opd text collate "C" not null,       -- '' = not known
    ukuran   text collate "C" not null,
    satuan   text collate "C" not null default '',
    hari     int     not null default 0,
    tepat    boolean not null default true,
    jumlah   int     not null,
    primary key (bulan, kode_opd, ukuran, satuan, hari, tepat)
) with (fillfactor = 50);

-- request.rekap of some requests as workers/sop/rekap.c writes it, from their dossiers: for rows that were folded before the
-- column was. Numbers of types, verdicts, stages and states are those of workers/sop/names.h, in which dossiers are stored.
create function rekap_dari_fakta(p_nomor text[]) returns table (nomor_permohonan text, rekap text)
language sql stable set enable_nestloop = off set jit = off as $$
with f as materialized (
    select q.nomor_permohonan as n, coalesce(x.t, 0) as t, x.s, x.i, x.w, coalesce(x.am, 0) as am, x.at, coalesce(x.ap, 0) as ap,
           coalesce(x.ao, 0) as ao, coalesce(x.r, 0) as r, coalesce(x.u, 0) as u, coalesce(x.v, 0) as v, x.ps, x.pi,
           coalesce(x.h, 0) as h, coalesce(x.k, 0) as k, x.j, x.o
      from request q cross join lateral json_to_recordset(nullif(q.fakta, '')::json -> 'facts') as x(t int, s text, i text, w bigint,
           am bigint, at text, ap int, ao bigint, r int, u bigint, v int, ps text, pi text, h int, k int, j json, o text)
     where q.nomor_permohonan = any(p_nomor)),
cek as materialized (select distinct on (n, r) * from f where t = 5 order by n, r, u desc),
formulir as materialized (
    select distinct on (f.n, f.r) f.* from f left join cek c on c.n = f.n and c.r = f.r and c.ps = f.s and c.pi = f.i
     where f.t = 1 order by f.n, f.r, (c.n is null), f.am, f.at collate "C", f.ap, f.ao),
surat as (select distinct on (n) n, o from f where t = 0 order by n, am, at collate "C", ap, ao),
ada as materialized (select n, r from cek union select n, r from formulir),
-- the revisi that counts: each before it has a form or a check, and was returned
berlaku as materialized (
    select e.n, min(e.r) as r
      from ada e join ada satu on satu.n = e.n and satu.r = 1
      left join cek c on c.n = e.n and c.r = e.r and c.v = 4
      left join ada lanjut on lanjut.n = e.n and lanjut.r = e.r + 1
     where e.r >= 1 and (c.n is null or lanjut.n is null) group by e.n),
selesai as materialized (select distinct on (n) n, w, am from f where t = 9 order by n, u),
batal as materialized (select n, min(w) as w from f where t = 12 or t = 5 and v = 6 group by n),
akhir as (
    select n, 'selesai' as s, w from selesai
    union all select b.n, 'dibatalkan', b.w from batal b left join selesai s on s.n = b.n where s.n is null
    union all select c.n, 'ditolak', c.w from cek c join berlaku b on b.n = c.n and b.r = c.r
       left join selesai s on s.n = c.n left join batal x on x.n = c.n where c.v = 5 and s.n is null and x.n is null),
putaran as materialized (
    select f.n, f.h, f.r, f.k, (f.j ->> 'batas')::timestamptz as batas, (f.j ->> 'berakhir')::timestamptz as berakhir,
           coalesce((f.j ->> 'hari_terpakai')::bigint, 0) as hari,
           case when f.j ->> 'satuan' in ('hari_kerja', 'hari_kalender', 'detik') then f.j ->> 'satuan' else 'campuran' end as satuan,
           f.r = max(f.r) over (partition by f.n, f.h) as terakhir
      from f where f.t = 13 and f.h < 3 and f.j ->> 'batas' is not null and f.j ->> 'ditiadakan' is distinct from 'true'),
-- the first decision of a revisi, and its first return
putusan as (select distinct on (n, r) n, r, v, am from f where t = 5 and v >= 3 order by n, r, u),
kembali as (select distinct on (n, r) n, r, am from f where t = 5 and v = 4 order by n, r, u),
tutup as (
    select p.*, case p.h when 0 then f1.am when 1 then d.am else case when p.terakhir then s.am else k.am end end as am,
           case p.h when 0 then f1.n is not null when 1 then coalesce(d.v in (3, 5), false) else s.n is not null end as usai
      from putaran p
      left join (select n, am from formulir where r = 1) f1 on f1.n = p.n
      left join putusan d on d.n = p.n and d.r = p.r
      left join kembali k on k.n = p.n and k.r = p.r
      left join selesai s on s.n = p.n),
langkah as (
    select n, h, max(berakhir) filter (where terakhir) as w, min(satuan) as satuan, count(distinct satuan) as ragam, sum(hari) as hari,
           bool_and(k <> 3 and coalesce(to_timestamp(am / 1000.0), berakhir) < batas) as tepat,
           bool_or(terakhir and usai and berakhir is not null and k in (2, 3)) as usai
      from tutup group by n, h),
kata(n, urut, urut2, w, kata) as (
    select n, 1, 0, to_timestamp(w / 1e6), 'diajukan' from formulir where r = 1
    union all select c.n, 2, c.r, to_timestamp(c.w / 1e6), 'dikembalikan' from cek c join berlaku b on b.n = c.n
       where c.r between 1 and b.r and c.v = 4
    union all select n, 3, 0, to_timestamp(w / 1e6), s from akhir
    union all select n, 4 + 2 * h, 0, w, (array['pengajuan', 'pemeriksaan', 'integrasi'])[h + 1] || '/'
                     || case when ragam > 1 or satuan = 'campuran' then 'campuran/0' else satuan || '/' || hari end
                     || case when tepat then '/t' else '/f' end from langkah where usai
    union all select n, 5 + 2 * h, r, batas, 'terlewat' from putaran where k = 3),
kalimat as (
    select n, string_agg(' ' || to_char(w at time zone interval '7 hours', 'YYYY-MM') || '/' || kata, '' order by urut, urut2) as kata
      from kata group by n)
select q.nomor_permohonan, coalesce(case when o.o ~ '^[0-9A-Z][0-9A-Z.-]{1,39}$' then o.o end, '-') || coalesce(k.kata, '')
  from request q
  left join kalimat k on k.n = q.nomor_permohonan
  left join berlaku b on b.n = q.nomor_permohonan
  left join formulir fo on fo.n = b.n and fo.r = b.r
  left join surat su on su.n = q.nomor_permohonan
 cross join lateral (select case when fo.n is not null then fo.o else su.o end as o) o
 where q.nomor_permohonan = any(p_nomor)
$$;

-- The items of a request.rekap, as keys of table rekap.
create function rekap_urai(p_rekap text, out bulan date, out kode_opd text, out ukuran text, out satuan text, out hari int, out tepat boolean)
returns setof record language sql immutable as $$
    select (split_part(k, '/', 1) || '-01')::date, case when split_part(p_rekap, ' ', 1) = '-' then '' else split_part(p_rekap, ' ', 1) end,
           split_part(k, '/', 2), split_part(k, '/', 3), coalesce(nullif(split_part(k, '/', 4), ''), '0')::int,
           split_part(k, '/', 5) <> 'f'
      from regexp_split_to_table(substr(p_rekap, strpos(p_rekap || ' ', ' ') + 1), ' ') k where k <> ''
$$;

-- Adds request.rekap up again: all of table rekap is made from it.
create function rekap_jumlahkan() returns void language sql as $$
    delete from rekap;
    insert into rekap (bulan, kode_opd, ukuran, satuan, hari, tepat, jumlah)
    select k.*, count(*) from request r, rekap_urai(r.rekap) k group by 1, 2, 3, 4, 5, 6
$$;

-- Counts everything again from the dossiers: where programs of before this migration have written beside newer ones, and for
-- tests. Nobody writes requests meanwhile. Returns how many rows counted for something else than they should.
create function rekap_hitung_ulang() returns bigint language plpgsql as $$
declare
    bagian  text[];
    sampai  text := '';
    n       bigint;
    changed bigint := 0;
begin
    lock table request in exclusive mode; -- whoever writes it locks rows first
    loop
        bagian := array(select nomor_permohonan from request where nomor_permohonan > sampai order by nomor_permohonan limit 2000);
        exit when cardinality(bagian) = 0;
        sampai := bagian[cardinality(bagian)];
        update request r set rekap = b.rekap from rekap_dari_fakta(bagian) b
         where b.nomor_permohonan = r.nomor_permohonan and b.rekap is distinct from r.rekap;
        get diagnostics n = row_count;
        changed := changed + n;
    end loop;
    perform rekap_jumlahkan();
    return changed;
end
$$;
select rekap_hitung_ulang();

-- ---- views -----------------------------------------------------------------------------------------------------------

-- Columns of before stay where they are. Calls stand between the facts (seq is null): of an accepted round the calls to
-- Bedelau, of a form the looks at its attachments.
create or replace view v_timeline as
select l.nomor_permohonan, l.waktu, l.peristiwa, l.pelaku, l.revisi, l.putaran, l.hasil, l.tahap, l.keterangan, l.batas, l.temuan, l.seq,
       l.batas_lama, l.kalender, l.kalender_lama, l.oleh, l.waktu - lag(l.waktu) over (partition by l.nomor_permohonan order by l.waktu, l.seq nulls last, l.percobaan) as menunggu,
       l.kode_http, l.latensi_ms, l.percobaan, l.waktu_klaim, l.diterima_pada, l.waktu_klaim <> l.waktu as waktu_disesuaikan
  from (
    select e.subject as nomor_permohonan, e.effective_at as waktu,
           replace(replace(e.type, 'id.go.batam.bedelau.', ''), '.v1', '') as peristiwa,
           e.source as pelaku, d.j ->> 'revisi' as revisi, d.j ->> 'putaran' as putaran,
           coalesce(d.j ->> 'putusan', d.j ->> 'keputusan', d.j ->> 'status_bedelau', d.j ->> 'keadaan', d.j ->> 'status') as hasil,
           d.j ->> 'tahap' as tahap, coalesce(d.j ->> 'alasan', d.j ->> 'pesan', d.j ->> 'sebab') as keterangan,
           d.j ->> 'batas' as batas, case when e.type like '%.check.completed.v1' then (d.j -> 'temuan')::jsonb end as temuan, e.seq,
           d.j ->> 'batas_lama' as batas_lama, d.j ->> 'kalender' as kalender, d.j ->> 'kalender_lama' as kalender_lama,
           case when e.type like '%.check.completed.v1' then d.j ->> 'oleh'
                when e.type like '%.review.decided.v1' then d.j ->> 'pemeriksa' end as oleh,
           case when e.type like '%.integration.%' then nullif(d.j ->> 'kode_http', '0')::int end as kode_http,
           null::numeric as latensi_ms, case when e.type like '%.integration.%' then (d.j ->> 'percobaan')::int end as percobaan,
           e.time as waktu_klaim, e.append_at as diterima_pada
      from event e cross join lateral (select e.data::json as j) d
     where e.type not like '%.status.changed.v1'
    union all
    select k.nomor, a.sent_at, 'panggilan.bedelau', '/bedelau/integrator', k.revisi, k.putaran,
           case a.fate when 'answered' then 'dijawab' when 'not_sent' then 'tidak_terkirim' when 'unknown' then 'tidak_diketahui' end,
           'integrasi', a.error, null, null, null, null, null, null, null, nullif(a.code, 0), round(a.took_us / 1000.0, 1), a.no, a.sent_at, a.answered_at
      from (select distinct e.subject as nomor, e.data::json ->> 'revisi' as revisi, e.data::json ->> 'putaran' as putaran
              from event e where e.type = 'id.go.batam.bedelau.check.completed.v1' and e.data::json ->> 'putusan' = 'diterima') k
      join attempt_integrator a on a.key = k.nomor || ':' || k.revisi || ':' || k.putaran
     where a.step <> 'wait'
    union all
    select k.nomor, a.sent_at, 'panggilan.lampiran', '/bedelau/validator', k.revisi, null,
           case a.fate when 'known' then 'dijawab' when 'waiting' then 'belum_dijawab' else a.fate end,
           'pemeriksaan', a.error, null, null, null, null, null, null, null, nullif(a.code, 0), round(a.took_us / 1000.0, 1), a.no, a.sent_at, a.answered_at
      from (select distinct e.subject as nomor, e.data::json ->> 'revisi' as revisi
              from event e where e.type = 'id.go.batam.bedelau.check.completed.v1') k
      join attempt_validator a on a.key = k.nomor || ':' || k.revisi
     where a.step <> 'cancel') l;

create or replace view v_antrean as
select nomor_permohonan, status, giliran, giliran_sejak, terlambat, kode_opd, nama_opd, nama_sistem,
       now() - giliran_sejak as menunggu, revisi
  from request where terbuka order by giliran_sejak;

-- Bedelau's outage in a missed clock 3: from each call that it did not take or answer (or answered with 408, 425, 429 or
-- 5xx) to the next call, as far as it lies in the clock. What our own credentials were refused for is ours. Looked at are the
-- calls of the newest putaran, and of at most eight others of the revisi.
create or replace view v_terlambat as
with telat as materialized (
    select r.nomor_permohonan, r.status, r.giliran, r.kode_opd, c.tahap, c.revisi, c.mulai, c.batas, c.berakhir, r.nama_opd, r.nama_sistem,
           coalesce(c.berakhir, now()) as akhir, r.revisi as revisi_kini, greatest(r.putaran, 1) as putaran
      from clock c join request r using (nomor_permohonan) where c.lewat and c.tahap <> 'perbaikan'),
kunci as (
    select t.*, t.putaran as p from telat t where t.tahap = 'integrasi' and t.revisi = t.revisi_kini
    union all
    select t.*, v.p from telat t, (values (1), (2), (3), (4), (5), (6), (7), (8)) v(p)
     where t.tahap = 'integrasi' and (t.revisi <> t.revisi_kini or t.putaran > 1 and v.p < t.putaran)),
panggilan as (
    select k.nomor_permohonan, k.revisi, k.mulai, k.akhir, a.sent_at,
           lead(a.sent_at, 1, k.akhir) over (partition by k.nomor_permohonan, k.revisi order by a.sent_at, a.no) as berikut,
           a.fate in ('not_sent', 'unknown') and coalesce(a.error, '') not like '%our credentials%'
           or a.code in (408, 425, 429) or a.code >= 500 as gagal
      from kunci k join attempt_integrator a on a.key = k.nomor_permohonan || ':' || k.revisi || ':' || k.p
     where a.step <> 'wait'),
gangguan as (
    select nomor_permohonan, revisi,
           sum(greatest(least(berikut, akhir) - greatest(sent_at, mulai), interval '0')) as lama
      from panggilan where gagal group by nomor_permohonan, revisi)
select t.nomor_permohonan, t.status, t.giliran, t.kode_opd, t.tahap, t.revisi, t.mulai, t.batas, t.berakhir, t.nama_opd, t.nama_sistem,
       t.akhir - t.batas as lewat, coalesce(g.lama, interval '0') as gangguan_bedelau, coalesce(g.lama >= t.akhir - t.batas, false) as karena_bedelau
  from telat t left join gangguan g on t.tahap = 'integrasi' and g.nomor_permohonan = t.nomor_permohonan and g.revisi = t.revisi;

-- The days of a step from their histogram: `sampai` counts up to and with a number of days, so that the least with nine
-- tenths of all is the 90th percentile. A `ukuran` is one row of `hitung`: max() takes its value.
create view v_rekap_opd as
with susun as (
    select bulan, kode_opd, ukuran, satuan, hari, tepat, jumlah,
           sum(jumlah) over (partition by bulan, kode_opd, ukuran order by satuan, hari, tepat rows unbounded preceding) as sampai,
           sum(jumlah) over (partition by bulan, kode_opd, ukuran) as semua
      from rekap where jumlah <> 0),
hitung as (
    select bulan, kode_opd, ukuran, sum(jumlah) as n, coalesce(sum(jumlah) filter (where tepat), 0) as n_tepat,
           case when min(satuan) = max(satuan) then min(satuan) else 'campuran' end as satuan,
           case when min(satuan) = max(satuan) then round(sum(jumlah * hari::bigint) / sum(jumlah), 2) end as rata,
           case when min(satuan) = max(satuan) then min(hari) filter (where sampai * 10 >= semua * 9) end as p90
      from susun group by bulan, kode_opd, ukuran)
select bulan, nullif(kode_opd, '') as kode_opd, max(o.nama_opd) as nama_opd,
       coalesce(max(n) filter (where ukuran = 'diajukan'), 0)::int as diajukan,
       coalesce(max(n) filter (where ukuran = 'dikembalikan'), 0)::int as dikembalikan,
       coalesce(max(n) filter (where ukuran = 'selesai'), 0)::int as selesai,
       coalesce(max(n) filter (where ukuran = 'ditolak'), 0)::int as ditolak,
       coalesce(max(n) filter (where ukuran = 'dibatalkan'), 0)::int as dibatalkan,
       coalesce(max(n) filter (where ukuran = 'terlewat'), 0)::int as terlewat,
       coalesce(max(n) filter (where ukuran = 'pengajuan'), 0)::int as pengajuan_jumlah,
       max(satuan) filter (where ukuran = 'pengajuan') as pengajuan_satuan,
       max(rata) filter (where ukuran = 'pengajuan') as pengajuan_hari_rata_rata,
       max(p90) filter (where ukuran = 'pengajuan') as pengajuan_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'pengajuan') / max(n) filter (where ukuran = 'pengajuan'), 1) as pengajuan_tepat_waktu_persen,
       coalesce(max(n) filter (where ukuran = 'pemeriksaan'), 0)::int as pemeriksaan_jumlah,
       max(satuan) filter (where ukuran = 'pemeriksaan') as pemeriksaan_satuan,
       max(rata) filter (where ukuran = 'pemeriksaan') as pemeriksaan_hari_rata_rata,
       max(p90) filter (where ukuran = 'pemeriksaan') as pemeriksaan_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'pemeriksaan') / max(n) filter (where ukuran = 'pemeriksaan'), 1) as pemeriksaan_tepat_waktu_persen,
       coalesce(max(n) filter (where ukuran = 'integrasi'), 0)::int as integrasi_jumlah,
       max(satuan) filter (where ukuran = 'integrasi') as integrasi_satuan,
       max(rata) filter (where ukuran = 'integrasi') as integrasi_hari_rata_rata,
       max(p90) filter (where ukuran = 'integrasi') as integrasi_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'integrasi') / max(n) filter (where ukuran = 'integrasi'), 1) as integrasi_tepat_waktu_persen,
       round(100.0 * sum(n_tepat) filter (where ukuran in ('pengajuan', 'pemeriksaan', 'integrasi'))
             / sum(n) filter (where ukuran in ('pengajuan', 'pemeriksaan', 'integrasi')), 1) as tepat_waktu_persen
  from hitung left join opd o using (kode_opd) group by bulan, kode_opd;

create view v_rekap_bulanan as
with susun as (
    select bulan, ukuran, satuan, hari, tepat, jumlah,
           sum(jumlah) over (partition by bulan, ukuran order by satuan, hari, tepat rows unbounded preceding) as sampai,
           sum(jumlah) over (partition by bulan, ukuran) as semua
      from (select bulan, ukuran, satuan, hari, tepat, sum(jumlah)::int as jumlah from rekap
             where jumlah <> 0 group by bulan, ukuran, satuan, hari, tepat) r),
hitung as (
    select bulan, ukuran, sum(jumlah) as n, coalesce(sum(jumlah) filter (where tepat), 0) as n_tepat,
           case when min(satuan) = max(satuan) then min(satuan) else 'campuran' end as satuan,
           case when min(satuan) = max(satuan) then round(sum(jumlah * hari::bigint) / sum(jumlah), 2) end as rata,
           case when min(satuan) = max(satuan) then min(hari) filter (where sampai * 10 >= semua * 9) end as p90
      from susun group by bulan, ukuran)
select bulan,
       coalesce(max(n) filter (where ukuran = 'diajukan'), 0)::int as diajukan,
       coalesce(max(n) filter (where ukuran = 'dikembalikan'), 0)::int as dikembalikan,
       coalesce(max(n) filter (where ukuran = 'selesai'), 0)::int as selesai,
       coalesce(max(n) filter (where ukuran = 'ditolak'), 0)::int as ditolak,
       coalesce(max(n) filter (where ukuran = 'dibatalkan'), 0)::int as dibatalkan,
       coalesce(max(n) filter (where ukuran = 'terlewat'), 0)::int as terlewat,
       coalesce(max(n) filter (where ukuran = 'pengajuan'), 0)::int as pengajuan_jumlah,
       max(satuan) filter (where ukuran = 'pengajuan') as pengajuan_satuan,
       max(rata) filter (where ukuran = 'pengajuan') as pengajuan_hari_rata_rata,
       max(p90) filter (where ukuran = 'pengajuan') as pengajuan_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'pengajuan') / max(n) filter (where ukuran = 'pengajuan'), 1) as pengajuan_tepat_waktu_persen,
       coalesce(max(n) filter (where ukuran = 'pemeriksaan'), 0)::int as pemeriksaan_jumlah,
       max(satuan) filter (where ukuran = 'pemeriksaan') as pemeriksaan_satuan,
       max(rata) filter (where ukuran = 'pemeriksaan') as pemeriksaan_hari_rata_rata,
       max(p90) filter (where ukuran = 'pemeriksaan') as pemeriksaan_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'pemeriksaan') / max(n) filter (where ukuran = 'pemeriksaan'), 1) as pemeriksaan_tepat_waktu_persen,
       coalesce(max(n) filter (where ukuran = 'integrasi'), 0)::int as integrasi_jumlah,
       max(satuan) filter (where ukuran = 'integrasi') as integrasi_satuan,
       max(rata) filter (where ukuran = 'integrasi') as integrasi_hari_rata_rata,
       max(p90) filter (where ukuran = 'integrasi') as integrasi_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'integrasi') / max(n) filter (where ukuran = 'integrasi'), 1) as integrasi_tepat_waktu_persen,
       round(100.0 * sum(n_tepat) filter (where ukuran in ('pengajuan', 'pemeriksaan', 'integrasi'))
             / sum(n) filter (where ukuran in ('pengajuan', 'pemeriksaan', 'integrasi')), 1) as tepat_waktu_persen
  from hitung group by bulan;

create view v_anomali as
select r.nomor_permohonan, r.kode_opd, a.kode as anomali, p.penjelasan, r.updated_at as sejak
  from (select *, string_to_array(coalesce(anomali, '') || case when janggal then ' status_bertentangan' else '' end, ' ') as semua
          from request where janggal or anomali is not null) r
 cross join lateral unnest(r.semua) a(kode)
  left join (values
    ('selesai_tanpa_diterima', 'Bedelau menyelesaikan integrasi yang tidak pernah diterima dalam pemeriksaan'),
    ('integrasi_tanpa_diterima', 'Ada fakta integrasi untuk putaran yang tidak pernah diterima dalam pemeriksaan'),
    ('selesai_dan_dibatalkan', 'Integrasi tercatat selesai dan juga dibatalkan di Bedelau'),
    ('fakta_setelah_akhir', 'Ada putusan atau fakta integrasi sesudah permohonan berakhir'),
    ('formulir_lain', 'Pemeriksaan menyebut formulir yang tidak ada di antara formulir revisi itu'),
    ('dua_opd', 'Satu nomor permohonan dipakai oleh dua perangkat daerah'),
    ('jam_tanpa_permohonan', 'Ada batas waktu tanpa formulir atau surat yang membukanya'),
    ('celah_urutan_validator', 'Ada fakta pemeriksaan yang hilang: nomor urutnya tidak berurutan'),
    ('celah_urutan_integrator', 'Ada fakta integrasi yang hilang: nomor urutnya tidak berurutan'),
    ('celah_urutan_deadline', 'Ada fakta batas waktu yang hilang: nomor urutnya tidak berurutan'),
    ('status_bertentangan', 'Status permohonan bertentangan dengan tanggal atau giliran di barisnya')) p(kode, penjelasan) on p.kode = a.kode
 where a.kode <> ''
union all
select c.nomor_permohonan, r.kode_opd, 'jam_bertentangan',
       'Keadaan batas waktu ' || c.tahap || ' (revisi ' || c.revisi || ') bertentangan dengan tanggalnya', coalesce(c.berakhir, c.mulai)
  from clock c left join request r using (nomor_permohonan) where c.janggal;

-- Personal data: the only view with names. Of the form that counts, else (letter only) nobody is known.
create view v_kontak as
select r.nomor_permohonan, r.status, r.kode_opd, r.nama_opd, r.nama_sistem, f.j ->> 'nama_pemohon' as nama_pemohon,
       f.j ->> 'jabatan_pemohon' as jabatan_pemohon, f.j ->> 'email_pemohon' as email_pemohon, f.j ->> 'telepon_pemohon' as telepon_pemohon,
       f.j ->> 'nama_pj_teknis' as nama_pj_teknis, f.j ->> 'email_pj_teknis' as email_pj_teknis, f.j ->> 'telepon_pj_teknis' as telepon_pj_teknis
  from request r
  left join lateral (
    select e.data::json as j from event e
     where e.subject = r.nomor_permohonan and e.type = 'id.go.batam.bedelau.request.submitted.v1'
       and e.data::json ->> 'revisi' = r.revisi::text
     order by exists (select from event k where k.subject = e.subject and k.type = 'id.go.batam.bedelau.check.completed.v1'
                         and k.data::json ->> 'sumber_pengajuan' = e.source and k.data::json ->> 'id_pengajuan' = e.id) desc,
              e.append_at, e.topic collate "C", e.partition, e.kafka_offset limit 1) f on true
 where r.status is not null;

-- ---- comments --------------------------------------------------------------------------------------------------------

comment on view v_timeline is 'Seluruh riwayat satu permohonan, urut waktu: setiap fakta dan setiap panggilan ke Bedelau atau penyimpanan lampiran. Pakailah dengan nomor_permohonan.';
comment on column v_timeline.nomor_permohonan is 'Nomor permohonan';
comment on column v_timeline.waktu is 'Waktu yang berlaku: waktu menurut pengirim, dibatasi oleh waktu penerimaan; untuk panggilan: saat dikirim';
comment on column v_timeline.peristiwa is 'Jenis fakta, atau panggilan.bedelau, atau panggilan.lampiran';
comment on column v_timeline.pelaku is 'Sistem yang menyatakan fakta: /opd/<kode_opd> atau /bedelau/<program>';
comment on column v_timeline.revisi is 'Revisi formulir yang dibicarakan';
comment on column v_timeline.putaran is 'Putaran pemeriksaan dan integrasi dalam revisi itu';
comment on column v_timeline.hasil is 'Putusan, keputusan, status Bedelau, keadaan batas waktu, atau nasib panggilan';
comment on column v_timeline.tahap is 'Tahap SOP: pengajuan, pemeriksaan, integrasi, perbaikan';
comment on column v_timeline.keterangan is 'Alasan atau pesan; teks bebas, mungkin memuat data pribadi';
comment on column v_timeline.batas is 'Batas waktu yang dinyatakan fakta itu';
comment on column v_timeline.temuan is 'Temuan pemeriksaan (JSON)';
comment on column v_timeline.seq is 'Nomor urut dalam jejak audit event; kosong untuk panggilan';
comment on column v_timeline.batas_lama is 'Batas waktu sebelum kalender diganti';
comment on column v_timeline.kalender is 'Versi kalender yang menentukan batas waktu';
comment on column v_timeline.kalender_lama is 'Versi kalender sebelumnya';
comment on column v_timeline.oleh is 'Yang memutuskan: sistem, atau nama samaran pemeriksa';
comment on column v_timeline.menunggu is 'Lama sejak langkah sebelumnya dalam riwayat';
comment on column v_timeline.kode_http is 'Kode jawaban HTTP dari panggilan; kosong bila tidak dijawab';
comment on column v_timeline.latensi_ms is 'Lama panggilan dalam milidetik';
comment on column v_timeline.percobaan is 'Percobaan ke berapa';
comment on column v_timeline.waktu_klaim is 'Waktu menurut pengirim, apa adanya';
comment on column v_timeline.diterima_pada is 'Waktu fakta masuk ke Kafka; untuk panggilan: saat dijawab';
comment on column v_timeline.waktu_disesuaikan is 'Ya bila waktu menurut pengirim tidak dapat diterima (terlalu lampau atau di masa depan)';

comment on view v_antrean is 'Siapa yang harus bertindak, dan sejak kapan: semua permohonan yang belum berakhir, yang paling lama menunggu lebih dahulu';
comment on column v_antrean.nomor_permohonan is 'Nomor permohonan';
comment on column v_antrean.status is 'Status permohonan menurut SOP';
comment on column v_antrean.giliran is 'Siapa yang harus bertindak: pemohon, pranata_komputer, bedelau, atau sistem';
comment on column v_antrean.giliran_sejak is 'Sejak kapan giliran itu';
comment on column v_antrean.terlambat is 'Ya bila batas waktu tahap 1, 2 atau 3 pernah terlewat';
comment on column v_antrean.kode_opd is 'Kode perangkat daerah';
comment on column v_antrean.nama_opd is 'Nama perangkat daerah menurut formulir';
comment on column v_antrean.nama_sistem is 'Nama sistem elektronik';
comment on column v_antrean.menunggu is 'Lama giliran itu sampai sekarang';
comment on column v_antrean.revisi is 'Revisi formulir yang berlaku';

comment on view v_terlambat is 'Batas waktu yang terlewat, per tahap (tanpa perbaikan), dan apakah gangguan Bedelau sebabnya. Gangguan Bedelau dihitung dari setiap panggilan yang tidak terkirim, tidak diketahui hasilnya, atau dijawab 408, 425, 429 atau 5xx, sampai panggilan berikutnya, sepanjang berada dalam masa batas waktu itu; penolakan atas kredensial kita tidak dihitung. Gangguan tidak menghentikan batas waktu.';
comment on column v_terlambat.nomor_permohonan is 'Nomor permohonan';
comment on column v_terlambat.status is 'Status permohonan sekarang';
comment on column v_terlambat.giliran is 'Siapa yang harus bertindak sekarang';
comment on column v_terlambat.kode_opd is 'Kode perangkat daerah';
comment on column v_terlambat.tahap is 'Tahap yang terlewat: pengajuan, pemeriksaan, integrasi';
comment on column v_terlambat.revisi is 'Revisi formulir';
comment on column v_terlambat.mulai is 'Mulai dihitung';
comment on column v_terlambat.batas is 'Batas waktu (eksklusif)';
comment on column v_terlambat.berakhir is 'Waktu tahap itu akhirnya berakhir; kosong bila masih berjalan';
comment on column v_terlambat.nama_opd is 'Nama perangkat daerah menurut formulir';
comment on column v_terlambat.nama_sistem is 'Nama sistem elektronik';
comment on column v_terlambat.lewat is 'Lama sesudah batas, sampai berakhir atau sampai sekarang';
comment on column v_terlambat.gangguan_bedelau is 'Jumlah lama gangguan Bedelau dalam masa batas waktu itu (hanya tahap integrasi)';
comment on column v_terlambat.karena_bedelau is 'Ya bila gangguan Bedelau sekurang-kurangnya selama keterlambatan: tanpa gangguan itu batas waktu terpenuhi';

comment on view v_rekap_opd is 'Rekapitulasi bulanan per perangkat daerah';
comment on column v_rekap_opd.bulan is 'Hari pertama bulan (WIB)';
comment on column v_rekap_opd.kode_opd is 'Kode perangkat daerah; kosong bila belum diketahui';
comment on column v_rekap_opd.nama_opd is 'Nama perangkat daerah menurut tabel opd';
comment on column v_rekap_opd.diajukan is 'Permohonan yang formulir pertamanya diajukan dalam bulan itu';
comment on column v_rekap_opd.dikembalikan is 'Pengembalian dalam bulan itu (setiap revisi yang dikembalikan dihitung satu)';
comment on column v_rekap_opd.selesai is 'Permohonan yang selesai (aktif di Bedelau) dalam bulan itu';
comment on column v_rekap_opd.ditolak is 'Permohonan yang ditolak dalam bulan itu';
comment on column v_rekap_opd.dibatalkan is 'Permohonan yang dibatalkan dalam bulan itu';
comment on column v_rekap_opd.terlewat is 'Batas waktu (tahap 1, 2, 3) yang jatuh dalam bulan itu dan terlewat, termasuk yang tahapnya belum berakhir';
comment on column v_rekap_opd.tepat_waktu_persen is 'Persen tahap (1, 2 dan 3 bersama) yang berakhir dalam bulan itu dan tepat waktu';
comment on column v_rekap_opd.pengajuan_jumlah is 'Berapa permohonan yang tahap 1, pengajuan-nya berakhir dalam bulan itu';
comment on column v_rekap_opd.pengajuan_satuan is 'Satuan hari untuk tahap 1, pengajuan: hari_kerja, hari_kalender, detik; campuran bila tidak sama, maka rata-rata dan p90 kosong';
comment on column v_rekap_opd.pengajuan_hari_rata_rata is 'Rata-rata hari yang dipakai untuk tahap 1, pengajuan, semua revisi dijumlahkan (pengembalian menghentikan sementara, tidak mengulang)';
comment on column v_rekap_opd.pengajuan_hari_p90 is 'Persentil 90 hari yang dipakai untuk tahap 1, pengajuan: sembilan dari sepuluh permohonan memakai paling banyak sekian';
comment on column v_rekap_opd.pengajuan_tepat_waktu_persen is 'Persen tahap 1, pengajuan yang berakhir tepat waktu; dinilai menurut waktu penerimaan fakta, bukan waktu yang dinyatakan pengirim';
comment on column v_rekap_opd.pemeriksaan_jumlah is 'Berapa permohonan yang tahap 2, pemeriksaan-nya berakhir dalam bulan itu';
comment on column v_rekap_opd.pemeriksaan_satuan is 'Satuan hari untuk tahap 2, pemeriksaan: hari_kerja, hari_kalender, detik; campuran bila tidak sama, maka rata-rata dan p90 kosong';
comment on column v_rekap_opd.pemeriksaan_hari_rata_rata is 'Rata-rata hari yang dipakai untuk tahap 2, pemeriksaan, semua revisi dijumlahkan (pengembalian menghentikan sementara, tidak mengulang)';
comment on column v_rekap_opd.pemeriksaan_hari_p90 is 'Persentil 90 hari yang dipakai untuk tahap 2, pemeriksaan: sembilan dari sepuluh permohonan memakai paling banyak sekian';
comment on column v_rekap_opd.pemeriksaan_tepat_waktu_persen is 'Persen tahap 2, pemeriksaan yang berakhir tepat waktu; dinilai menurut waktu penerimaan fakta, bukan waktu yang dinyatakan pengirim';
comment on column v_rekap_opd.integrasi_jumlah is 'Berapa permohonan yang tahap 3, integrasi-nya berakhir dalam bulan itu';
comment on column v_rekap_opd.integrasi_satuan is 'Satuan hari untuk tahap 3, integrasi: hari_kerja, hari_kalender, detik; campuran bila tidak sama, maka rata-rata dan p90 kosong';
comment on column v_rekap_opd.integrasi_hari_rata_rata is 'Rata-rata hari yang dipakai untuk tahap 3, integrasi, semua revisi dijumlahkan (pengembalian menghentikan sementara, tidak mengulang)';
comment on column v_rekap_opd.integrasi_hari_p90 is 'Persentil 90 hari yang dipakai untuk tahap 3, integrasi: sembilan dari sepuluh permohonan memakai paling banyak sekian';
comment on column v_rekap_opd.integrasi_tepat_waktu_persen is 'Persen tahap 3, integrasi yang berakhir tepat waktu; dinilai menurut waktu penerimaan fakta, bukan waktu yang dinyatakan pengirim';

comment on view v_rekap_bulanan is 'Rekapitulasi bulanan seluruh kota';
comment on column v_rekap_bulanan.bulan is 'Hari pertama bulan (WIB)';
comment on column v_rekap_bulanan.diajukan is 'Permohonan yang formulir pertamanya diajukan dalam bulan itu';
comment on column v_rekap_bulanan.dikembalikan is 'Pengembalian dalam bulan itu (setiap revisi yang dikembalikan dihitung satu)';
comment on column v_rekap_bulanan.selesai is 'Permohonan yang selesai (aktif di Bedelau) dalam bulan itu';
comment on column v_rekap_bulanan.ditolak is 'Permohonan yang ditolak dalam bulan itu';
comment on column v_rekap_bulanan.dibatalkan is 'Permohonan yang dibatalkan dalam bulan itu';
comment on column v_rekap_bulanan.terlewat is 'Batas waktu (tahap 1, 2, 3) yang jatuh dalam bulan itu dan terlewat, termasuk yang tahapnya belum berakhir';
comment on column v_rekap_bulanan.tepat_waktu_persen is 'Persen tahap (1, 2 dan 3 bersama) yang berakhir dalam bulan itu dan tepat waktu';
comment on column v_rekap_bulanan.pengajuan_jumlah is 'Berapa permohonan yang tahap 1, pengajuan-nya berakhir dalam bulan itu';
comment on column v_rekap_bulanan.pengajuan_satuan is 'Satuan hari untuk tahap 1, pengajuan: hari_kerja, hari_kalender, detik; campuran bila tidak sama, maka rata-rata dan p90 kosong';
comment on column v_rekap_bulanan.pengajuan_hari_rata_rata is 'Rata-rata hari yang dipakai untuk tahap 1, pengajuan, semua revisi dijumlahkan (pengembalian menghentikan sementara, tidak mengulang)';
comment on column v_rekap_bulanan.pengajuan_hari_p90 is 'Persentil 90 hari yang dipakai untuk tahap 1, pengajuan: sembilan dari sepuluh permohonan memakai paling banyak sekian';
comment on column v_rekap_bulanan.pengajuan_tepat_waktu_persen is 'Persen tahap 1, pengajuan yang berakhir tepat waktu; dinilai menurut waktu penerimaan fakta, bukan waktu yang dinyatakan pengirim';
comment on column v_rekap_bulanan.pemeriksaan_jumlah is 'Berapa permohonan yang tahap 2, pemeriksaan-nya berakhir dalam bulan itu';
comment on column v_rekap_bulanan.pemeriksaan_satuan is 'Satuan hari untuk tahap 2, pemeriksaan: hari_kerja, hari_kalender, detik; campuran bila tidak sama, maka rata-rata dan p90 kosong';
comment on column v_rekap_bulanan.pemeriksaan_hari_rata_rata is 'Rata-rata hari yang dipakai untuk tahap 2, pemeriksaan, semua revisi dijumlahkan (pengembalian menghentikan sementara, tidak mengulang)';
comment on column v_rekap_bulanan.pemeriksaan_hari_p90 is 'Persentil 90 hari yang dipakai untuk tahap 2, pemeriksaan: sembilan dari sepuluh permohonan memakai paling banyak sekian';
comment on column v_rekap_bulanan.pemeriksaan_tepat_waktu_persen is 'Persen tahap 2, pemeriksaan yang berakhir tepat waktu; dinilai menurut waktu penerimaan fakta, bukan waktu yang dinyatakan pengirim';
comment on column v_rekap_bulanan.integrasi_jumlah is 'Berapa permohonan yang tahap 3, integrasi-nya berakhir dalam bulan itu';
comment on column v_rekap_bulanan.integrasi_satuan is 'Satuan hari untuk tahap 3, integrasi: hari_kerja, hari_kalender, detik; campuran bila tidak sama, maka rata-rata dan p90 kosong';
comment on column v_rekap_bulanan.integrasi_hari_rata_rata is 'Rata-rata hari yang dipakai untuk tahap 3, integrasi, semua revisi dijumlahkan (pengembalian menghentikan sementara, tidak mengulang)';
comment on column v_rekap_bulanan.integrasi_hari_p90 is 'Persentil 90 hari yang dipakai untuk tahap 3, integrasi: sembilan dari sepuluh permohonan memakai paling banyak sekian';
comment on column v_rekap_bulanan.integrasi_tepat_waktu_persen is 'Persen tahap 3, integrasi yang berakhir tepat waktu; dinilai menurut waktu penerimaan fakta, bukan waktu yang dinyatakan pengirim';

comment on view v_anomali is 'Gabungan fakta yang menurut SOP tidak mungkin; kebanyakan hilang sendiri ketika fakta yang ditunggu tiba';
comment on column v_anomali.nomor_permohonan is 'Nomor permohonan';
comment on column v_anomali.kode_opd is 'Kode perangkat daerah';
comment on column v_anomali.anomali is 'Kode keganjilan';
comment on column v_anomali.penjelasan is 'Apa yang ganjil';
comment on column v_anomali.sejak is 'Waktu fakta terbaru permohonan, atau waktu batas waktu yang ganjil';

comment on view v_kontak is 'DATA PRIBADI: kepada siapa menulis tentang suatu permohonan, menurut formulir yang berlaku. Hanya untuk peran bedelau_kontak. Pakailah dengan nomor_permohonan.';
comment on column v_kontak.nomor_permohonan is 'Nomor permohonan';
comment on column v_kontak.status is 'Status permohonan';
comment on column v_kontak.kode_opd is 'Kode perangkat daerah';
comment on column v_kontak.nama_opd is 'Nama perangkat daerah menurut formulir';
comment on column v_kontak.nama_sistem is 'Nama sistem elektronik';
comment on column v_kontak.nama_pemohon is 'Nama pemohon';
comment on column v_kontak.jabatan_pemohon is 'Jabatan pemohon';
comment on column v_kontak.email_pemohon is 'Surel pemohon';
comment on column v_kontak.telepon_pemohon is 'Telepon pemohon';
comment on column v_kontak.nama_pj_teknis is 'Nama penanggung jawab teknis';
comment on column v_kontak.email_pj_teknis is 'Surel penanggung jawab teknis';
comment on column v_kontak.telepon_pj_teknis is 'Telepon penanggung jawab teknis';

comment on table event is 'Jejak audit: setiap fakta, sekali, tidak pernah diubah';
comment on column event.seq is 'Nomor urut pencatatan';
comment on column event.source is 'Pengirim: /opd/<kode_opd> atau /bedelau/<program>';
comment on column event.id is 'Tanda pengenal fakta, unik per pengirim';
comment on column event.type is 'Jenis fakta';
comment on column event.subject is 'Nomor permohonan';
comment on column event.time is 'Waktu menurut pengirim';
comment on column event.effective_at is 'Waktu yang berlaku: waktu pengirim dibatasi oleh waktu penerimaan';
comment on column event.topic is 'Topik Kafka';
comment on column event.partition is 'Partisi topik';
comment on column event.kafka_offset is 'Letak dalam partisi';
comment on column event.append_at is 'Waktu masuk ke Kafka';
comment on column event.data is 'Isi fakta, apa adanya (kredensial dan NIK disamarkan)';
comment on column event.data_hash is 'SHA-256 isi yang diterima';
comment on column event.received_at is 'Waktu dicatat';

comment on table event_id is 'Tanda pengenal fakta yang sudah dicatat, agar tidak ada yang dicatat dua kali';
comment on column event_id.key is '16 bita pertama SHA-256 dari (source, id)';
comment on column event_id.hash is '16 bita pertama SHA-256 dari (type, subject, data)';
comment on column event_id.at is 'Waktu dicatat';

comment on table request is 'Satu baris per permohonan: keadaan menurut semua faktanya';
comment on column request.nomor_permohonan is 'Nomor permohonan';
comment on column request.revisi is 'Revisi formulir yang berlaku; 0 sebelum ada formulir';
comment on column request.putaran is 'Putaran pemeriksaan dalam revisi itu';
comment on column request.versi is 'Naik satu pada setiap perubahan yang diumumkan';
comment on column request.status is 'Status menurut SOP; kosong bila belum ada surat atau formulir';
comment on column request.terlambat is 'Ya bila batas waktu tahap 1, 2 atau 3 pernah terlewat';
comment on column request.giliran is 'Siapa yang harus bertindak';
comment on column request.giliran_sejak is 'Sejak kapan giliran itu';
comment on column request.kode_opd is 'Kode perangkat daerah';
comment on column request.nama_opd is 'Nama perangkat daerah menurut formulir';
comment on column request.nama_sistem is 'Nama sistem elektronik';
comment on column request.submitted_at is 'Formulir yang berlaku diajukan';
comment on column request.checked_at is 'Putusan pemeriksaan terbaru';
comment on column request.accepted_at is 'Diterima';
comment on column request.returned_at is 'Dikembalikan';
comment on column request.integrated_at is 'Aktif di Bedelau';
comment on column request.id_integrasi is 'Tanda pengenal integrasi di Bedelau';
comment on column request.temuan is 'Temuan pemeriksaan terbaru (JSON)';
comment on column request.jumlah_pengembalian is 'Berapa kali dikembalikan';
comment on column request.updated_at is 'Waktu fakta terbaru';
comment on column request.sidik is 'Sidik jari kolom yang diumumkan';
comment on column request.fakta is 'Fakta-fakta di balik baris ini (JSON)';
comment on column request.rekap is 'Untuk apa baris ini dihitung dalam tabel rekap';
comment on column request.hitungan is 'Jumlah fakta dan nomor urut tertinggi dari validator, integrator dan deadline';
comment on column request.anomali is 'Kode keganjilan fakta; kosong bila tidak ada';
comment on column request.terbuka is 'Ya bila permohonan belum berakhir';
comment on column request.janggal is 'Ya bila kolom-kolom baris ini saling bertentangan';

comment on table clock is 'Satu baris per batas waktu: permohonan, revisi, tahap';
comment on column clock.nomor_permohonan is 'Nomor permohonan';
comment on column clock.revisi is 'Revisi formulir';
comment on column clock.tahap is 'Tahap: pengajuan, pemeriksaan, integrasi, perbaikan';
comment on column clock.mulai is 'Mulai dihitung';
comment on column clock.batas is 'Batas waktu (eksklusif)';
comment on column clock.satuan is 'Satuan: hari_kerja, hari_kalender, detik';
comment on column clock.status is 'berjalan, ditangguhkan, terpenuhi, terlewat, dihentikan';
comment on column clock.berakhir is 'Waktu berakhir';
comment on column clock.hari_terpakai is 'Satuan yang terpakai menurut kalender';
comment on column clock.kalender is 'Versi kalender';
comment on column clock.urutan is 'Nomor urut fakta deadline yang terakhir';
comment on column clock.lewat is 'Ya bila batas waktu terlewat';
comment on column clock.janggal is 'Ya bila kolom-kolom baris ini saling bertentangan';

comment on table integration is 'Keadaan integrasi per permohonan, milik program integrator';
comment on column integration.nomor_permohonan is 'Nomor permohonan';
comment on column integration.urutan is 'Nomor urut fakta integrasi';
comment on column integration.fakta is 'Fakta-fakta yang diketahui integrator (JSON)';
comment on column integration.callbacks is 'Panggilan balik yang datang sebelum waktunya (JSON)';
comment on column integration.id_integrasi is 'Tanda pengenal integrasi di Bedelau';
comment on column integration.urutan_bedelau is 'Nomor urut tertinggi dari Bedelau yang sudah dituruti';
comment on column integration.jenis is 'Jenis pengajuan: baru, perubahan, pencabutan';
comment on column integration.asal is 'Nomor permohonan asal untuk perubahan dan pencabutan';

comment on table attempt_integrator is 'Setiap panggilan ke Bedelau';
comment on column attempt_integrator.key is 'nomor_permohonan:revisi:putaran';
comment on column attempt_integrator.no is 'Percobaan ke berapa';
comment on column attempt_integrator.lease is 'Tanda pemegang tugas';
comment on column attempt_integrator.step is 'Langkah: send, ask, poll, cancel, wait';
comment on column attempt_integrator.sent_at is 'Waktu dikirim';
comment on column attempt_integrator.quiet_until is 'Sampai saat itu panggilan masih dapat berakibat';
comment on column attempt_integrator.answered_at is 'Waktu dijawab';
comment on column attempt_integrator.fate is 'Nasib: answered (dijawab), not_sent (tidak terkirim), unknown (tidak diketahui)';
comment on column attempt_integrator.code is 'Kode HTTP';
comment on column attempt_integrator.took_us is 'Lama dalam mikrodetik';
comment on column attempt_integrator.error is 'Kesalahan';

comment on table rekap is 'Histogram rekapitulasi: berapa kali suatu hal dihitung, dijaga oleh projector bersama setiap perubahan';
comment on column rekap.bulan is 'Hari pertama bulan (WIB)';
comment on column rekap.kode_opd is 'Kode perangkat daerah; teks kosong bila belum diketahui';
comment on column rekap.ukuran is 'Apa yang dihitung';
comment on column rekap.satuan is 'Satuan hari';
comment on column rekap.hari is 'Hari yang terpakai';
comment on column rekap.tepat is 'Tepat waktu menurut waktu penerimaan';
comment on column rekap.jumlah is 'Berapa kali';

-- ---- rights ----------------------------------------------------------------------------------------------------------
-- Two roles that logins may be made members of: bedelau_pembaca reads the views without names and without free text,
-- bedelau_kontak reads v_kontak. Neither reads a table. Who migrates may lack the right to make roles: then they are made by
-- the administrator, and this is called again.
create function beri_hak_baca() returns void language plpgsql as $$
declare
    peran text;
begin
    foreach peran in array array['bedelau_pembaca', 'bedelau_kontak'] loop
        begin
            if not exists (select from pg_roles where rolname = peran) then
                execute format('create role %I nologin', peran);
            end if;
        exception
            when insufficient_privilege then raise notice 'role % cannot be made here', peran;
            when duplicate_object or unique_violation then null; -- made beside us
        end;
        continue when not exists (select from pg_roles where rolname = peran);
        execute format('grant usage on schema %I to %I', current_schema(), peran);
        if peran = 'bedelau_kontak' then
            grant select on v_kontak to bedelau_kontak;
        else
            grant select on v_antrean, v_terlambat, v_prakiraan, v_rekap_opd, v_rekap_bulanan, v_anomali to bedelau_pembaca;
            grant select (nomor_permohonan, waktu, peristiwa, pelaku, revisi, putaran, hasil, tahap, batas, batas_lama, kalender, kalender_lama, seq, menunggu, kode_http,
                          latensi_ms, percobaan, waktu_klaim, diterima_pada, waktu_disesuaikan) on v_timeline to bedelau_pembaca;
        end if;
    end loop;
end
$$;
select beri_hak_baca();
