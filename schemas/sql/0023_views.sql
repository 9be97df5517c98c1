-- oldest program: 0.1
-- Views that stay quick as requests grow old: the recapitulation of a department is read from sums of each step, the forecast
-- reads less, and more of what cannot be is shown.

-- Projectors write event first and rekap last: locked in another order here, one of us would be ended.
lock table event in share mode;

-- ---- the recapitulation ----------------------------------------------------------------------------------------------
-- What a step took in a month, by department, as the histogram says: three years of 45 departments are 60,000 rows of table
-- rekap, and to sort and add them up took 0.2 s at each look. Kept here; a trigger of rekap marks what has changed since
-- (`kotor`), which views then read from rekap itself, so that nothing they say is old. Projectors clear the marks now and then.
create table rekap_langkah (
    bulan    date not null,
    kode_opd text collate "C" not null,
    ukuran   text collate "C" not null,      -- pengajuan, pemeriksaan, integrasi
    kotor    boolean not null default true,
    satuan   text collate "C",
    jumlah   int  not null default 0,
    tepat    int  not null default 0,
    hari_rata_rata numeric,
    hari_p90 int,
    primary key (bulan, kode_opd, ukuran)
) with (fillfactor = 50);
create index rekap_langkah_kotor on rekap_langkah (bulan) where kotor;

-- One step from its histogram; no row where nothing is left of it. `sampai` counts up to and with a number of days, so that the
-- least with nine tenths of all is the 90th percentile.
create function rekap_langkah_dari(p_bulan date, p_kode text, p_ukuran text)
returns table (satuan text, jumlah int, tepat int, hari_rata_rata numeric, hari_p90 int) language sql stable security definer rows 1
set search_path from current as $$
select case when min(s.satuan) = max(s.satuan) then min(s.satuan) else 'campuran' end, sum(s.jumlah)::int,
       coalesce(sum(s.jumlah) filter (where s.tepat), 0)::int,
       case when min(s.satuan) = max(s.satuan) then round(sum(s.jumlah * s.hari::bigint) / sum(s.jumlah), 2) end,
       case when min(s.satuan) = max(s.satuan) then min(s.hari) filter (where s.sampai * 10 >= s.semua * 9) end
  from (select r.satuan, r.hari, r.tepat, r.jumlah, sum(r.jumlah) over () as semua,
               sum(r.jumlah) over (order by r.satuan, r.hari, r.tepat rows unbounded preceding) as sampai
          from rekap r where r.bulan = p_bulan and r.kode_opd = p_kode and r.ukuran = p_ukuran and r.jumlah <> 0) s
having count(*) > 0
$$;

-- `baris` are the rows of rekap that were written. In key order: two that mark the same wait, and never in a ring.
create function rekap_langkah_tandai() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into rekap_langkah as l (bulan, kode_opd, ukuran)
    select distinct bulan, kode_opd, ukuran from baris where satuan <> '' order by 1, 2, 3
        on conflict (bulan, kode_opd, ukuran) do update set kotor = true where not l.kotor;
    return null;
end
$$;
create function rekap_langkah_kosong() returns trigger language plpgsql security definer set search_path from current as $$
begin
    truncate rekap_langkah;
    return null;
end
$$;
create trigger rekap_langkah_tambah after insert on rekap referencing new table as baris for each statement execute function rekap_langkah_tandai();
create trigger rekap_langkah_ubah after update on rekap referencing new table as baris for each statement execute function rekap_langkah_tandai();
create trigger rekap_langkah_hapus after delete on rekap referencing old table as baris for each statement execute function rekap_langkah_tandai();
create trigger rekap_langkah_kosong after truncate on rekap for each statement execute function rekap_langkah_kosong();

-- Counts again what is marked, and takes the marks away; returns how many. What somebody marks at this moment is left to the
-- next call. Two statements: the second sees all that those have written whose marks the first has locked.
create function rekap_rapikan() returns int language plpgsql security definer set search_path from current as $$
declare
    kunci rekap_langkah[];
    n int;
begin
    kunci := array(select l from rekap_langkah l where l.kotor order by l.bulan, l.kode_opd, l.ukuran for update skip locked);
    update rekap_langkah l
       set kotor = false, satuan = h.satuan, jumlah = coalesce(h.jumlah, 0), tepat = coalesce(h.tepat, 0),
           hari_rata_rata = h.hari_rata_rata, hari_p90 = h.hari_p90
      from unnest(kunci) k left join lateral rekap_langkah_dari(k.bulan, k.kode_opd, k.ukuran) h on true
     where l.bulan = k.bulan and l.kode_opd = k.kode_opd and l.ukuran = k.ukuran;
    get diagnostics n = row_count;
    return n;
end
$$;
select rekap_jumlahkan();
select rekap_rapikan();

-- Both recapitulations, the city's rows (cakupan kota) and the departments' (opd): one `ukuran` is one row of `hitung`, whose
-- value max() takes. A condition on `cakupan` leaves the other out.
create view v_rekap as
select cakupan, bulan, kode_opd,
       coalesce(max(n) filter (where ukuran = 'diajukan'), 0)::int as diajukan,
       coalesce(max(n) filter (where ukuran = 'dikembalikan'), 0)::int as dikembalikan,
       coalesce(max(n) filter (where ukuran = 'selesai'), 0)::int as selesai,
       coalesce(max(n) filter (where ukuran = 'ditolak'), 0)::int as ditolak,
       coalesce(max(n) filter (where ukuran = 'dibatalkan'), 0)::int as dibatalkan,
       coalesce(max(n) filter (where ukuran = 'terlewat'), 0)::int as terlewat,
       coalesce(max(n) filter (where ukuran = 'pengajuan'), 0)::int as pengajuan_jumlah, max(satuan) filter (where ukuran = 'pengajuan') as pengajuan_satuan,
       max(rata) filter (where ukuran = 'pengajuan') as pengajuan_hari_rata_rata, max(p90) filter (where ukuran = 'pengajuan') as pengajuan_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'pengajuan') / max(n) filter (where ukuran = 'pengajuan'), 1) as pengajuan_tepat_waktu_persen,
       coalesce(max(n) filter (where ukuran = 'pemeriksaan'), 0)::int as pemeriksaan_jumlah, max(satuan) filter (where ukuran = 'pemeriksaan') as pemeriksaan_satuan,
       max(rata) filter (where ukuran = 'pemeriksaan') as pemeriksaan_hari_rata_rata, max(p90) filter (where ukuran = 'pemeriksaan') as pemeriksaan_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'pemeriksaan') / max(n) filter (where ukuran = 'pemeriksaan'), 1) as pemeriksaan_tepat_waktu_persen,
       coalesce(max(n) filter (where ukuran = 'integrasi'), 0)::int as integrasi_jumlah, max(satuan) filter (where ukuran = 'integrasi') as integrasi_satuan,
       max(rata) filter (where ukuran = 'integrasi') as integrasi_hari_rata_rata, max(p90) filter (where ukuran = 'integrasi') as integrasi_hari_p90,
       round(100.0 * max(n_tepat) filter (where ukuran = 'integrasi') / max(n) filter (where ukuran = 'integrasi'), 1) as integrasi_tepat_waktu_persen,
       round(100.0 * sum(n_tepat) filter (where satuan is not null) / sum(n) filter (where satuan is not null), 1) as tepat_waktu_persen
  from (
    select 'opd' as cakupan, bulan, kode_opd, ukuran, jumlah::bigint as n, tepat::bigint as n_tepat, satuan, hari_rata_rata as rata, hari_p90 as p90
      from rekap_langkah where not kotor and jumlah <> 0
    union all
    select 'opd', l.bulan, l.kode_opd, l.ukuran, h.jumlah, h.tepat, h.satuan, h.hari_rata_rata, h.hari_p90
      from rekap_langkah l cross join lateral rekap_langkah_dari(l.bulan, l.kode_opd, l.ukuran) h where l.kotor
    union all
    select 'opd', bulan, kode_opd, ukuran, jumlah, null, null, null, null from rekap where jumlah <> 0 and satuan = ''
    union all
    select 'kota', bulan, null, ukuran, sum(jumlah), coalesce(sum(jumlah) filter (where tepat and satuan <> ''), 0),
           nullif(case when min(satuan) = max(satuan) then min(satuan) else 'campuran' end, ''),
           case when min(satuan) = max(satuan) then round(sum(jumlah * hari::bigint) / sum(jumlah), 2) end,
           case when min(satuan) = max(satuan) then min(hari) filter (where sampai * 10 >= semua * 9) end
      from (select bulan, ukuran, satuan, hari, tepat, jumlah, sum(jumlah) over (partition by bulan, ukuran) as semua,
                   sum(jumlah) over (partition by bulan, ukuran order by satuan, hari, tepat rows unbounded preceding) as sampai
              from (select bulan, ukuran, satuan, hari, tepat, sum(jumlah)::int as jumlah from rekap
                     where jumlah <> 0 group by bulan, ukuran, satuan, hari, tepat) r) s
     group by bulan, ukuran) hitung
 group by cakupan, bulan, kode_opd;

create or replace view v_rekap_opd as
select r.bulan, nullif(r.kode_opd, '') as kode_opd, o.nama_opd,
       diajukan, dikembalikan, selesai, ditolak, dibatalkan, terlewat, pengajuan_jumlah, pengajuan_satuan, pengajuan_hari_rata_rata,
       pengajuan_hari_p90, pengajuan_tepat_waktu_persen, pemeriksaan_jumlah, pemeriksaan_satuan, pemeriksaan_hari_rata_rata,
       pemeriksaan_hari_p90, pemeriksaan_tepat_waktu_persen, integrasi_jumlah, integrasi_satuan, integrasi_hari_rata_rata,
       integrasi_hari_p90, integrasi_tepat_waktu_persen, tepat_waktu_persen
  from v_rekap r left join opd o on o.kode_opd = r.kode_opd where r.cakupan = 'opd';

create or replace view v_rekap_bulanan as
select bulan,
       diajukan, dikembalikan, selesai, ditolak, dibatalkan, terlewat, pengajuan_jumlah, pengajuan_satuan, pengajuan_hari_rata_rata,
       pengajuan_hari_p90, pengajuan_tepat_waktu_persen, pemeriksaan_jumlah, pemeriksaan_satuan, pemeriksaan_hari_rata_rata,
       pemeriksaan_hari_p90, pemeriksaan_tepat_waktu_persen, integrasi_jumlah, integrasi_satuan, integrasi_hari_rata_rata,
       integrasi_hari_p90, integrasi_tepat_waktu_persen, tepat_waktu_persen
  from v_rekap where cakupan = 'kota';

-- ---- the forecast ----------------------------------------------------------------------------------------------------
-- A clock runs for an open request: those are few, and have an index of their own.
-- Whoever has waited longest is next, and today is a day of work until it ends. Null where it is not known: a rate that
-- nothing was finished at, the applicant's own clocks, and clocks in seconds.
create or replace view v_prakiraan as
with kini as materialized (
    select now() as t, (now() at time zone interval '7 hours')::date as hari_ini, min(tanggal) - 1 as nol,
           array_agg(ke order by tanggal) as ke, array_agg(tanggal order by tanggal) filter (where kerja) as hari_kerja
      from v_hari_kerja),
laju as materialized (
    select case oleh when 'bedelau' then 1 when 'sistem' then 2 else 3 end as antrean, per_hari from laju_penyelesaian()),
buka as (
    select c.nomor_permohonan, c.tahap, c.mulai, c.batas, c.satuan, r.giliran, r.kode_opd, r.nama_opd, r.nama_sistem,
           case when c.tahap = 'integrasi' then 1 when c.tahap = 'pemeriksaan' and r.giliran = 'sistem' then 2
                when c.tahap = 'pemeriksaan' then 3 end as antrean
      from clock c
      left join request r on r.nomor_permohonan = c.nomor_permohonan and r.terbuka
     where c.berakhir is null),
antre as (
    select b.*, row_number() over (partition by b.antrean order by b.mulai, b.nomor_permohonan) as urutan,
           (b.batas at time zone interval '7 hours')::date - 1 as hari_terakhir
      from buka b),
hitung as (
    select a.*, k.t, k.hari_ini, k.hari_kerja, l.per_hari, k.ke[k.hari_ini - k.nol - 1] as sampai_kemarin,
           k.ke[k.hari_ini - k.nol] as sampai_hari_ini, k.ke[a.hari_terakhir - k.nol] as sampai_batas,
           case when a.satuan <> 'detik' then ceil(a.urutan / l.per_hari)::bigint end as perlu
      from antre a cross join kini k
      left join laju l on l.antrean = a.antrean)
select nomor_permohonan, kode_opd, nama_opd, nama_sistem, tahap, giliran, batas,
       case when batas <= t then 0
            when satuan = 'hari_kerja' then sampai_batas - sampai_hari_ini
            when satuan = 'hari_kalender' then hari_terakhir - hari_ini
            else ceil(extract(epoch from batas - t)) end::bigint as sisa,
       satuan, case when antrean is not null then urutan - 1 end as di_depan, round(per_hari, 2) as laju,
       hari_kerja[least(sampai_kemarin + perlu, 100000)] as perkiraan_selesai,
       case when batas <= t then true else perlu > sampai_batas - sampai_kemarin end as akan_terlambat
  from hitung;


-- ---- what cannot be --------------------------------------------------------------------------------------------------
-- A time that its sender could not have meant: earlier than the tolerance allows, or in the future (five minutes are the
-- clocks of machines). Nearly no fact stands in this index, which the planner cannot know: it would compile the query.
create index event_waktu on event (subject) where time - effective_at not between interval '-5 minutes' and interval '5 minutes';
create function fakta_waktu_disesuaikan() returns table (subject text, source text, lampau boolean, append_at timestamptz)
language sql stable security definer rows 20 set search_path from current set enable_seqscan = off set jit = off as $$
    select subject, source, time < effective_at, append_at from event
     where time - effective_at not between interval '-5 minutes' and interval '5 minutes'
$$;
comment on function fakta_waktu_disesuaikan() is 'Fakta yang waktunya menurut pengirim tidak dapat diterima';

-- What the fold says of the facts, which cannot be said of an open request whose facts are still on their way without touching the index
-- for each of them: looked for among those that are open. A running clock of what has ended is looked for the same way.
create or replace view v_anomali as
with buka as materialized (
    select nomor_permohonan, kode_opd, status, submitted_at, updated_at from request where terbuka)
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
    ('putusan_tanpa_formulir', 'Ada putusan pemeriksaan untuk revisi yang formulirnya tidak ada'),
    ('dua_integrasi', 'Bedelau menyelesaikan dua integrasi yang berbeda untuk satu permohonan'),
    ('nomor_tidak_dikenal', 'Ada fakta tentang nomor yang tidak pernah didaftarkan atau diajukan, atau revisi yang belum gilirannya'),
    ('jam_tanpa_permohonan', 'Ada batas waktu tanpa formulir atau surat yang membukanya'),
    ('celah_urutan_validator', 'Ada fakta pemeriksaan yang hilang: nomor urutnya tidak berurutan'),
    ('celah_urutan_integrator', 'Ada fakta integrasi yang hilang: nomor urutnya tidak berurutan'),
    ('celah_urutan_deadline', 'Ada fakta batas waktu yang hilang: nomor urutnya tidak berurutan'),
    ('status_bertentangan', 'Status permohonan bertentangan dengan tanggal atau giliran di barisnya')) p(kode, penjelasan) on p.kode = a.kode
 where a.kode <> ''
union all
select c.nomor_permohonan, r.kode_opd, 'jam_bertentangan',
       'Keadaan batas waktu ' || c.tahap || ' (revisi ' || c.revisi || ') bertentangan dengan tanggalnya', coalesce(c.berakhir, c.mulai)
  from clock c left join request r using (nomor_permohonan) where c.janggal
union all
select nomor_permohonan, kode_opd, 'putusan_tanpa_formulir', 'Ada putusan pemeriksaan untuk revisi yang formulirnya tidak ada', updated_at
  from buka where submitted_at is null and status <> 'terdaftar'
union all
select c.nomor_permohonan, r.kode_opd, 'jam_berjalan_setelah_akhir',
       'Batas waktu ' || c.tahap || ' (revisi ' || c.revisi || ') masih berjalan, padahal permohonan sudah berakhir', r.updated_at
  from (select * from clock c where c.berakhir is null
           and not exists (select from buka b where b.nomor_permohonan = c.nomor_permohonan) offset 0) c
  join request r on r.nomor_permohonan = c.nomor_permohonan and r.giliran = 'selesai'
union all
select f.subject, r.kode_opd, 'waktu_disesuaikan',
       'Waktu menurut pengirim ' || f.source || ' tidak dapat diterima: ' || case when f.lampau then 'terlalu lampau' else 'di masa depan' end, f.append_at
  from fakta_waktu_disesuaikan() f left join request r on r.nomor_permohonan = f.subject;

-- ---- comments --------------------------------------------------------------------------------------------------------

comment on view v_rekap is 'Sumber v_rekap_opd dan v_rekap_bulanan: baris kota dan baris perangkat daerah dengan kolom yang sama';
comment on column v_rekap.cakupan is 'opd = satu perangkat daerah, kota = semuanya';
comment on column v_rekap.bulan is 'Hari pertama bulan (WIB)';
comment on column v_rekap.kode_opd is 'Kode perangkat daerah; kosong bila belum diketahui, dan untuk kota';
do $$
declare
    kolom record;
begin
    for kolom in
        select a.attname, col_description(a.attrelid, a.attnum) as arti from pg_attribute a
         where a.attrelid = 'v_rekap_bulanan'::regclass and a.attnum > 1 and not a.attisdropped
    loop
        execute format('comment on column v_rekap.%I is %L', kolom.attname, kolom.arti);
    end loop;
end
$$;

comment on table rekap_langkah is 'Tahap yang berakhir per bulan dan perangkat daerah, dihitung dari tabel rekap';
comment on column rekap_langkah.kotor is 'Berubah sejak dihitung: tampilan membaca tabel rekap';
comment on column rekap_langkah.bulan is 'Hari pertama bulan (WIB)';
comment on column rekap_langkah.kode_opd is 'Kode perangkat daerah; teks kosong bila belum diketahui';
comment on column rekap_langkah.ukuran is 'Tahap: pengajuan, pemeriksaan, integrasi';
comment on column rekap_langkah.satuan is 'Satuan hari; campuran bila tidak sama';
comment on column rekap_langkah.jumlah is 'Berapa permohonan yang tahap itu berakhir';
comment on column rekap_langkah.tepat is 'Berapa di antaranya tepat waktu menurut waktu penerimaan';
comment on column rekap_langkah.hari_rata_rata is 'Rata-rata hari yang dipakai; kosong bila satuannya campuran';
comment on column rekap_langkah.hari_p90 is 'Persentil 90 hari yang dipakai; kosong bila satuannya campuran';

comment on table attempt_validator is 'Setiap pengambilan lampiran';
comment on column attempt_validator.key is 'nomor_permohonan:revisi';
comment on column attempt_validator.no is 'Percobaan ke berapa';
comment on column attempt_validator.lease is 'Tanda pemegang tugas';
comment on column attempt_validator.step is 'Langkah: fetch (diambil), cancel (tidak perlu lagi)';
comment on column attempt_validator.sent_at is 'Waktu dikirim';
comment on column attempt_validator.quiet_until is 'Sampai saat itu pengambilan masih dapat berlangsung';
comment on column attempt_validator.answered_at is 'Waktu dijawab';
comment on column attempt_validator.fate is 'Nasib: known (dijawab), waiting (belum dijawab)';
comment on column attempt_validator.code is 'Kode HTTP';
comment on column attempt_validator.took_us is 'Lama dalam mikrodetik';
comment on column attempt_validator.error is 'Kesalahan';
comment on column event_copy.seq is 'Nomor urut pencatatan';
comment on column event_copy.source is 'Pengirim';
comment on column event_copy.id is 'Tanda pengenal fakta';
comment on column event_copy.type is 'Jenis fakta';
comment on column event_copy.subject is 'Nomor permohonan';
comment on column event_copy.topic is 'Topik Kafka';
comment on column event_copy.partition is 'Partisi topik';
comment on column event_copy.kafka_offset is 'Letak dalam partisi';
comment on column event_copy.append_at is 'Waktu masuk ke Kafka';
comment on column event_copy.effective_at is 'Waktu yang berlaku bagi salinan ini';
comment on table dead_letter is 'Catatan Kafka yang tidak dapat dipakai; isinya ada di topik dead-letters';
comment on column dead_letter.worker is 'Program yang menolaknya';
comment on column dead_letter.topic is 'Topik asal';
comment on column dead_letter.partition is 'Partisi asal';
comment on column dead_letter.kafka_offset is 'Letak asal';
comment on column dead_letter.code is 'Kode penolakan';
comment on column dead_letter.reason is 'Alasan penolakan, tanpa isinya';
comment on column dead_letter.failed_at is 'Waktu ditolak';
comment on column dead_letter.id is 'Nomor urut';
comment on column dead_letter.replayed_at is 'Waktu dikirim ulang';
comment on table opd is 'Perangkat daerah';
comment on column opd.kode_opd is 'Kode perangkat daerah';
comment on column opd.nama_opd is 'Nama resmi';
comment on column opd.peran is 'diskominfo untuk perangkat daerah yang mengelola Bedelau';
comment on table officer is 'Pemeriksa (Pranata Komputer), dengan nama samaran';
comment on column officer.id is 'Nama samaran';
comment on column officer.aktif is 'Ya bila masih boleh memutuskan';
comment on column officer.created_at is 'Waktu didaftarkan';
comment on table document is 'Lampiran; isinya dapat memuat data pribadi';
comment on column document.sha256 is 'SHA-256 isinya';
comment on column document.size is 'Ukuran dalam bita';
comment on column document.mime is 'Jenis berkas';
comment on column document.data is 'Isinya';
comment on column document.created_at is 'Waktu diterima';
comment on table document_owner is 'Perangkat daerah yang mengirim lampiran';
comment on column document_owner.sha256 is 'SHA-256 lampiran';
comment on column document_owner.kode_opd is 'Kode perangkat daerah';

-- ---- what is forgotten -----------------------------------------------------------------------------------------------
-- What the validator and the integrator keep of a form comes back when the form is sent once more, or when topics are read
-- again: not that of a forgotten request. For every program, those of before too; the argument names the column that begins
-- with the number.
create function lupakan_lagi() returns trigger language plpgsql security definer set search_path from current as $$
begin
    if exists (select from forgotten) then
        execute format('delete from %1$I.%2$I where %3$I in (select %3$I from baris where split_part(%3$I, '':'', 1) in (select nomor_permohonan from forgotten))',
                       tg_table_schema, tg_table_name, tg_argv[0]);
    end if;
    return null;
end
$$;
create trigger lupakan_lagi after insert on integration_body referencing new table as baris for each statement execute function lupakan_lagi('nomor_permohonan');
create trigger lupakan_lagi after insert on pemeriksaan_tahan referencing new table as baris for each statement execute function lupakan_lagi('nomor_permohonan');
create trigger lupakan_lagi after insert on job_body_integrator referencing new table as baris for each statement execute function lupakan_lagi('key');
create trigger lupakan_lagi after insert on job_body_validator referencing new table as baris for each statement execute function lupakan_lagi('key');
