-- oldest program: 0.1
-- How one request meets another: the system's name that an open request of jenis baru holds against others of its
-- department, the letter that a request's form names, and the request that a waiting form wants to change.

alter table pemeriksaan add kunci text;        -- null: holds no name (ended, another jenis, or somebody else was first)
alter table pemeriksaan add surat text;        -- the letter's number as a key, and its year
alter table pemeriksaan_tahan add kunci text;
alter table pemeriksaan_tahan add surat text;
alter table pemeriksaan_tahan add asal text;

-- Only keys of bounded length are indexed: nama_sistem itself is what the sender wrote.
drop index pemeriksaan_terbuka;
create index pemeriksaan_kunci on pemeriksaan (kode_opd, kunci) where kunci is not null;
create index pemeriksaan_surat on pemeriksaan (kode_opd, surat) where surat is not null;

update pemeriksaan
   set kunci = lower(btrim(regexp_replace(nama_sistem, '\s+', ' ', 'g')))
 where jenis = 'baru' and status not in ('selesai', 'dibatalkan', 'ditolak') and length(nama_sistem) <= 255
   and length(kode_opd) <= 64;
