-- oldest program: 0.1
-- Who read a form: audit_log says from where and why too, and contacts are not read without a row in it.

alter table audit_log
    add column origin text, -- the peer's address, or the host that a command ran on
    add column reason text; -- in the words of whoever was asked why; no names of people
create index audit_log_subject on audit_log (subject, seq);

comment on table audit_log is 'Jejak akses: setiap tindakan operator dan setiap pembacaan formulir; hanya ditambah';
comment on column audit_log.seq is 'Nomor urut';
comment on column audit_log.at is 'Kapan';
comment on column audit_log.actor is 'Siapa: nama samaran pemeriksa, token:<id>, nama login operator, atau peran basis data';
comment on column audit_log.action is 'Apa yang dilakukan atau dibaca';
comment on column audit_log.subject is 'Nomor permohonan, SHA-256 lampiran, atau benda lain yang dikenai';
comment on column audit_log.detail is 'Rincian tindakan; tanpa isi formulir';
comment on column audit_log.origin is 'Dari mana: alamat pemanggil, atau nama mesin';
comment on column audit_log.reason is 'Mengapa, menurut pelaku';

-- Notes that somebody reads what v_kontak says of one request; always true. What is read in a transaction that is rolled back is in
-- the server's log alone, so it is told there too. Why: set bedelau.alasan = '..' before.
create function catat_baca_kontak(p_nomor text) returns boolean language plpgsql volatile security definer cost 10000 as $$
begin
    insert into audit_log (actor, action, subject, origin, reason)
    values (session_user, 'kontak.read', p_nomor, coalesce(host(inet_client_addr()), 'local'),
            nullif(current_setting('bedelau.alasan', true), ''));
    raise log 'kontak.read % by %', p_nomor, session_user;
    return true;
end
$$;

-- The view of before goes on under another name, for its owner alone; what people are granted notes each row that it shows.
alter view v_kontak rename to kontak;
create view v_kontak with (security_barrier) as
select k.* from kontak k where catat_baca_kontak(k.nomor_permohonan);

do $$
declare
    r record;
    here text := quote_ident(current_schema());
begin
    -- a definer's function looks for its tables where they are, not where its caller says
    execute format('alter function catat_baca_kontak(text) set search_path = %s, pg_temp', here);
    execute format('revoke all on function catat_baca_kontak(text) from public');
    execute format('comment on view v_kontak is %L', obj_description('kontak'::regclass)
                   || ' Setiap pembacaan dicatat di audit_log; alasannya: set bedelau.alasan = ''..''.');
    for r in select attname, col_description(attrelid, attnum) as said from pg_attribute
              where attrelid = 'kontak'::regclass and attnum > 0 and not attisdropped loop
        execute format('comment on column v_kontak.%I is %L', r.attname, r.said);
    end loop;
    -- who could read it may, and is noted
    for r in select distinct coalesce(nullif(a.grantee, 0)::regrole::text, 'public') as who
               from pg_class c, aclexplode(c.relacl) a where c.oid = 'kontak'::regclass and a.grantee <> c.relowner loop
        execute format('revoke all on kontak from %1$s; grant select on v_kontak to %1$s; grant execute on function catat_baca_kontak(text) to %1$s', r.who);
    end loop;
end
$$;

-- As in 0020, and what reading contacts needs.
create or replace function beri_hak_baca() returns void language plpgsql as $$
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
            grant execute on function catat_baca_kontak(text) to bedelau_kontak;
        else
            grant select on v_antrean, v_terlambat, v_prakiraan, v_rekap_opd, v_rekap_bulanan, v_anomali to bedelau_pembaca;
            grant select (nomor_permohonan, waktu, peristiwa, pelaku, revisi, putaran, hasil, tahap, batas, batas_lama, kalender, kalender_lama, seq, menunggu, kode_http,
                          latensi_ms, percobaan, waktu_klaim, diterima_pada, waktu_disesuaikan) on v_timeline to bedelau_pembaca;
        end if;
    end loop;
end
$$;
