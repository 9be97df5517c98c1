-- A record of :n requests as the last three years of the SOP leave it, in an empty schema: what the projector, the integrator and the
-- deadline worker would have written. Everything is a function of the request's number, so that two runs are alike.
--   5 % open (most of them the newest), 87 % finished, the rest refused or withdrawn; 18 % returned once or twice; 1 % of clocks 3
--   and 1/2 % of clocks 2 missed, half of the former beside an outage of Bedelau; 45 departments; some 8 facts and 3 clocks each.
-- What was recorded stands in the month in which it was. No log is written ahead: a crash loses what can be made again.
select event_month((date_trunc('month', now() at time zone 'Asia/Jakarta') - make_interval(months => m))::date) from generate_series(1, 37) m;
do $$
declare
    tabel regclass;
begin
    for tabel in select oid from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' and relpersistence = 'p'
                    and (relname in ('request', 'clock', 'attempt_integrator', 'rekap', 'rekap_langkah') or relname ~ '^event(_[0-9_p]+)?$') loop
        execute format('alter table %s set unlogged', tabel);
    end loop;
end
$$;
create function pg_temp.dadu(i int, k int, n int) returns int language sql immutable as $$ select abs(hashint4(i * 31 + k) % n) $$;
create temp table awal as
select *, case when not terbuka then akhir when pg_temp.dadu(i, 5, 10) < 3 then 'diperiksa' when pg_temp.dadu(i, 5, 10) < 5 then 'dikembalikan'
               else 'diintegrasikan' end as status,
       case when terbuka then pg_temp.dadu(i, 5, 10) > 4 and pg_temp.dadu(i, 6, 20) = 0 else akhir = 'selesai' and pg_temp.dadu(i, 6, 100) = 0 end as lambat3,
       not terbuka and pg_temp.dadu(i, 7, 200) = 0 as lambat2,
       pg_temp.dadu(i, 8, 2) as hari1, pg_temp.dadu(i, 9, 3) as hari2, 3 + pg_temp.dadu(i, 10, 28) as hari3
  from (select i, 'BDL-' || to_char(t, 'YYYY-') || lpad(i::text, 6, '0') as nomor, t,
               '1.' || lpad((1 + pg_temp.dadu(i, 1, 45))::text, 2, '0') || '.01' as opd,
               case when pg_temp.dadu(i, 2, 100) < 92 then 'selesai' when pg_temp.dadu(i, 2, 100) < 96 then 'ditolak' else 'dibatalkan' end as akhir,
               i > :n * 29 / 30 or pg_temp.dadu(i, 3, 60) = 0 as terbuka,
               case when pg_temp.dadu(i, 4, 100) < 3 then 3 when pg_temp.dadu(i, 4, 100) < 18 then 2 else 1 end as revisi
          from (select i, now() - (:n - i) * (interval '1080 days' / :n) as t from generate_series(1, :n) i) a) b;
analyze awal;

insert into request (nomor_permohonan, revisi, putaran, versi, status, terlambat, giliran, giliran_sejak, kode_opd, nama_opd, nama_sistem, submitted_at,
    checked_at, accepted_at, returned_at, integrated_at, id_integrasi, temuan, jumlah_pengembalian, updated_at, sidik, fakta, hitungan, anomali)
select nomor, revisi, 1, 6, status, lambat3 or lambat2,
       case when not terbuka then 'selesai' when status = 'diperiksa' then 'pranata_komputer' when status = 'dikembalikan' then 'pemohon' else 'bedelau' end,
       t + hari2 * interval '1 day', opd, 'Dinas ' || opd, 'Sistem ' || i, t, t + hari2 * interval '1 day',
       case when status in ('selesai', 'diintegrasikan') then t + hari2 * interval '1 day' end,
       case when revisi > 1 or status = 'dikembalikan' then t + interval '1 hour' end,
       case when status = 'selesai' then t + (hari2 + hari3) * interval '1 day' end,
       case when status in ('selesai', 'diintegrasikan') then 'b-' || i end, '[]', revisi - 1 + (status = 'dikembalikan')::int,
       t + (hari2 + hari3) * interval '1 day', i, left(repeat(md5(i::text), 52), 700 + 450 * revisi), '3/3 2/2 7/7',
       case when pg_temp.dadu(i, 11, 2000) = 0 then 'dua_opd' end
  from awal order by i;

insert into clock (nomor_permohonan, revisi, tahap, mulai, batas, satuan, status, berakhir, hari_terpakai, kalender, urutan)
select nomor, 1, 'pengajuan', t - hari1 * interval '1 day', t + interval '1 day', 'hari_kerja', 'terpenuhi', t, hari1, 'x', 1 from awal order by i;
insert into clock (nomor_permohonan, revisi, tahap, mulai, batas, satuan, status, berakhir, hari_terpakai, kalender, urutan)
select nomor, r, 'pemeriksaan', t, t + interval '2 days', 'hari_kerja',
       case when lambat2 and r = revisi then 'terlewat' when r < revisi or status = 'dikembalikan' then 'ditangguhkan' when status = 'dibatalkan' then 'dihentikan'
            when status = 'diperiksa' then 'berjalan' else 'terpenuhi' end,
       case when lambat2 and r = revisi then t + interval '3 days' when status <> 'diperiksa' or r < revisi then t + interval '1 day' end, hari2, 'x', 1 + r
  from awal, generate_series(1, revisi) r order by i, r;
insert into clock (nomor_permohonan, revisi, tahap, mulai, batas, satuan, status, berakhir, hari_terpakai, kalender, urutan)
select nomor, r, 'perbaikan', t, t + interval '7 days', 'hari_kerja', 'terpenuhi', t + interval '2 days', 2, 'x', 4 + r
  from awal, generate_series(1, revisi - 1) r order by i, r;
insert into clock (nomor_permohonan, revisi, tahap, mulai, batas, satuan, status, berakhir, hari_terpakai, kalender, urutan)
select nomor, revisi, 'integrasi', t + hari2 * interval '1 day', case when terbuka and lambat3 then now() - interval '1 hour' else t + (hari2 + 44) * interval '1 day' end, 'hari_kerja',
       case when lambat3 then 'terlewat' when terbuka then 'berjalan' else 'terpenuhi' end,
       case when not terbuka then t + (hari2 + case when lambat3 then 45 else hari3 end) * interval '1 day' end,
       case when not terbuka then hari3 else 0 end, 'x', 7
  from awal where status in ('selesai', 'diintegrasikan') order by i;

-- Calls: two that are answered, and eight that were not before them where Bedelau was out.
insert into attempt_integrator (key, no, lease, step, sent_at, quiet_until, answered_at, fate, code, took_us)
select nomor || ':' || revisi || ':1', no, -i, case when no = n then 'poll' else 'send' end, t + (hari2 * 24 + no * 5) * interval '1 hour', t,
       t + (hari2 * 24 + no * 5) * interval '1 hour', 'answered', case when no < n - 1 then 503 else 201 end, 5000 + i % 1000
  from (select *, case when lambat3 and i % 2 = 0 then 10 else 2 end as n from awal where status in ('selesai', 'diintegrasikan')) a,
       generate_series(1, n) no order by i, no;

-- Facts, in the order in which they come: those of one request do not lie beside each other.
create function pg_temp.catat(kind text, program text, at text, data text, which text default 'true', rounds text default '1') returns void language plpgsql as $$
begin
    execute format('insert into event (source, id, type, subject, time, effective_at, topic, partition, kafka_offset, append_at, data, data_hash, received_at)
        select %s, nomor || %L || r, %L, nomor, w, w, ''x'', 0, i, w, %s, ''\x00'', w
          from (select *, %s as w from awal, generate_series(1, %s) r where %s) a order by i', program, ':' || md5(kind || data), 'id.go.batam.bedelau.' || kind || '.v1',
        data, at, rounds, which);
end
$$;
select pg_temp.catat('request.registered', $$'/opd/' || opd$$, $$t - interval '1 day'$$, $$'{"kode_opd":"' || opd || '","nomor_surat":"1/2026","perihal":"Integrasi"}'$$, 'i % 2 = 0');
select pg_temp.catat('request.submitted', $$'/opd/' || opd$$, $$t + r * interval '2 hours'$$,
    $$'{"nomor_permohonan":"' || nomor || '","revisi":' || r || ',"kode_opd":"' || opd || '","nama_pemohon":"Contoh Pemohon","jabatan_pemohon":"kepala_opd","email_pemohon":"contoh@batam.go.id","telepon_pemohon":"+628110000000","uraian_fungsi":"' || repeat('Uraian. ', 20) || '"}'$$,
    rounds => 'revisi');
select pg_temp.catat('deadline.changed', $$'/bedelau/deadline'$$, 't', $$'{"revisi":1,"urutan":1,"tahap":"pengajuan","keadaan":"terpenuhi","hari_terpakai":' || hari1 || ',"satuan":"hari_kerja","kalender":"x","sebab":"formulir"}'$$);
select pg_temp.catat('check.completed', $$'/bedelau/validator'$$, $$t + r * interval '3 hours'$$,
    $$'{"revisi":' || r || ',"putaran":1,"urutan":' || r || ',"sumber_pengajuan":"/opd/' || opd || '","id_pengajuan":"x","putusan":"' || case when r < revisi then 'dikembalikan' when status in ('selesai', 'diintegrasikan') then 'diterima' when status in ('ditolak', 'dibatalkan', 'dikembalikan') then status else 'menunggu_pemeriksa' end || '","oleh":"sistem","temuan":[]}'$$,
    rounds => 'revisi');
select pg_temp.catat('deadline.changed', $$'/bedelau/deadline'$$, $$t + interval '1 day'$$, $$'{"revisi":' || revisi || ',"urutan":2,"tahap":"pemeriksaan","keadaan":"terpenuhi","hari_terpakai":' || hari2 || ',"satuan":"hari_kerja","kalender":"x","sebab":"putusan"}'$$);
select pg_temp.catat('integration.registered', $$'/bedelau/integrator'$$, $$t + (hari2 + 1) * interval '1 day'$$,
    $$'{"revisi":' || revisi || ',"putaran":1,"urutan":1,"id_integrasi":"b-' || i || '","status_bedelau":"diproses","percobaan":1,"kode_http":202}'$$, $$status in ('selesai', 'diintegrasikan')$$);
select pg_temp.catat('integration.completed', $$'/bedelau/integrator'$$, $$t + (hari2 + hari3) * interval '1 day'$$,
    $$'{"revisi":' || revisi || ',"putaran":1,"urutan":2,"id_integrasi":"b-' || i || '","status_bedelau":"aktif","percobaan":2,"kode_http":200}'$$, $$status = 'selesai'$$);
select pg_temp.catat('deadline.changed', $$'/bedelau/deadline'$$, $$t + (hari2 + hari3) * interval '1 day'$$, $$'{"revisi":' || revisi || ',"urutan":4,"tahap":"integrasi","keadaan":"terpenuhi","hari_terpakai":' || hari3 || ',"satuan":"hari_kerja","kalender":"x","sebab":"aktif"}'$$, $$status = 'selesai'$$);

-- What they count for, as the projector adds it up.
insert into rekap (bulan, kode_opd, ukuran, satuan, hari, tepat, jumlah)
select date_trunc('month', w at time zone 'Asia/Jakarta')::date, opd, u.ukuran, case when hari is null then '' else 'hari_kerja' end, coalesce(hari, 0), tepat, count(*)
  from awal, lateral (values ('diajukan', t, null, true, true),
                             ('dikembalikan', t, null, true, revisi > 1),
                             (status, t + (hari2 + hari3) * interval '1 day', null, true, not terbuka),
                             ('pengajuan', t, hari1, true, true),
                             ('pemeriksaan', t + hari2 * interval '1 day', hari2 + revisi - 1, not lambat2, status in ('selesai', 'ditolak', 'diintegrasikan')),
                             ('integrasi', t + (hari2 + hari3) * interval '1 day', hari3 + case when lambat3 then 30 else 0 end, not lambat3, status = 'selesai'))
                     u(ukuran, w, hari, tepat, ya)
 where ya group by 1, 2, 3, 4, 5, 6;
select rekap_rapikan();
drop table awal;
analyze request; analyze clock; analyze rekap; analyze rekap_langkah; analyze attempt_integrator;
set default_statistics_target = 10; -- of each month: a tenth of the sample will do
analyze event;
reset default_statistics_target;
