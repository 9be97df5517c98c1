-- One role per program, with rights to its own tables only. Run as the owner of the schema, after `bedelauctl migrate` and
-- again after each upgrade; it changes nothing that is as it should be:
--
--     psql "$BEDELAU_POSTGRES_CONNINFO" -v schema=bedelau -v prefix=bedelau_ -f deploy/postgres/roles.sql
--     alter role bedelau_validator login password '..';      -- once, per program that runs
--
-- Nobody but the owner may change or remove what stands in `event`, `event_id`, `event_copy`, `forgotten` and `audit_log`.
-- `monitor` sees what waits and how long, and no form; `pembaca` sees the views for people and no table, and of persons nothing.
\set ON_ERROR_STOP on
\set QUIET on
begin;

create temp table wanted_role (name text primary key) on commit drop;
insert into wanted_role values ('validator'), ('integrator'), ('deadline'), ('projector'), ('gateway'), ('monitor'), ('pembaca');

-- who, what rights, on which table or view; columns where not all
create temp table wanted (name text, rights text, object text, columns text) on commit drop;

-- inbox and outbox
insert into wanted select r, v.rights, v.object, null
  from unnest(array['validator', 'integrator', 'deadline', 'projector']) r,
       (values ('select, insert, update', 'consumer_offset'), ('select, insert, update, delete', 'outbox_lane'),
               ('select, insert', 'dead_letter')) v(rights, object);
insert into wanted select r, 'select, insert, delete', 'outbox_' || r, null
  from unnest(array['validator', 'integrator', 'deadline', 'projector']) r;
insert into wanted select r, 'select', 'schema_migration', null from wanted_role w(r);

-- jobs
insert into wanted select r, v.rights, v.object || r, null
  from unnest(array['validator', 'integrator']) r,
       (values ('select, insert, update, delete', 'job_'), ('select, insert, delete', 'job_body_'),
               ('select, insert, update', 'attempt_')) v(rights, object);

insert into wanted values
    ('validator', 'select, insert, update', 'pemeriksaan'),
    ('validator', 'select, insert, delete', 'pemeriksaan_tahan'),
    ('validator', 'select, insert, update', 'seen_validator'),
    ('validator', 'select', 'officer'),
    ('validator', 'select', 'opd'),

    ('integrator', 'select, insert, update', 'integration'),
    ('integrator', 'select, insert, update, delete', 'integration_body'),
    ('integrator', 'select, insert, update', 'seen_integrator'),
    ('integrator', 'select', 'endpoint_brake'),
    ('integrator', 'select, insert, update, delete', 'endpoint_process'),

    ('deadline', 'select, insert, update', 'deadline_clock'),
    ('deadline', 'select, insert, update', 'seen_deadline'),

    ('projector', 'select, insert', 'event'),
    ('projector', 'select, insert', 'event_copy'),
    ('projector', 'select, insert, update', 'request'),
    ('projector', 'select, insert, update, delete', 'clock'),
    ('projector', 'select, insert, update', 'rekap'),
    ('projector', 'select', 'forgotten'),

    ('gateway', 'select', 'token'),
    ('gateway', 'select', 'officer'),
    ('gateway', 'select', 'opd'),
    ('gateway', 'select, insert', 'document'),
    ('gateway', 'select, insert', 'document_owner'),
    ('gateway', 'select, insert, update', 'gateway_number'),
    ('gateway', 'select, insert', 'gateway_idempotency'),
    ('gateway', 'select', 'event'),
    ('gateway', 'select', 'event_id'),
    ('gateway', 'select', 'request'),
    ('gateway', 'select', 'clock'),
    ('gateway', 'select', 'v_timeline'),

    ('monitor', 'select', 'consumer_offset'),
    ('monitor', 'select', 'dead_letter'),
    ('monitor', 'select', 'endpoint_brake'),
    ('monitor', 'select', 'endpoint_process'),
    ('monitor', 'select', 'clock');

-- who looked at what: number and time are the table's own
insert into wanted values ('gateway', 'insert', 'audit_log', 'actor, action, subject, detail, origin, reason');

-- event_id is the projector's memory of ids: on conflict do update set key = excluded.key
insert into wanted values ('projector', 'select, insert', 'event_id', null), ('projector', 'update', 'event_id', 'key');

-- when a clock may be called missed is judged by what the others have read and published
insert into wanted values ('deadline', 'select', 'outbox_validator', 'created_at'), ('deadline', 'select', 'outbox_integrator', 'created_at');

-- who reckons with days reads the list in force under a lock (for key share), for which Postgres asks the right to change some column: the
-- words that say where the list is from
insert into wanted select r, v.rights, 'calendar', v.columns
  from unnest(array['validator', 'integrator', 'deadline']) r, (values ('select', null), ('update', 'source')) v(rights, columns);

-- the views for people, as migration 0020 grants them to bedelau_pembaca; v_kontak is for bedelau_kontak alone
insert into wanted select r, 'select', v, null
  from unnest(array['monitor', 'pembaca']) r,
       unnest(array['v_antrean', 'v_terlambat', 'v_prakiraan', 'v_rekap_opd', 'v_rekap_bulanan', 'v_anomali']) v;
insert into wanted values
    ('projector', 'select', 'v_prakiraan', null),
    ('pembaca', 'select', 'v_timeline', 'nomor_permohonan, waktu, peristiwa, pelaku, revisi, putaran, hasil, tahap, batas, batas_lama, kalender,'
     ' kalender_lama, seq, menunggu, kode_http, latensi_ms, percobaan, waktu_klaim, diterima_pada, waktu_disesuaikan');

-- what waits, without what is sent
insert into wanted
select 'monitor', 'select', t, 'key, subject, step, due_at, lease, attempts, deadline_at, quiet_until, reason, created_at'
  from unnest(array['job_validator', 'job_integrator']) t
union all
select 'monitor', 'select', t, 'key, no, step, sent_at, quiet_until, answered_at, fate, code, took_us'
  from unnest(array['attempt_validator', 'attempt_integrator']) t
union all
select 'monitor', 'select', t, 'lane, seq, topic, created_at'
  from unnest(array['outbox_validator', 'outbox_integrator', 'outbox_deadline', 'outbox_projector']) t
union all
select 'monitor', 'select', 'request', 'nomor_permohonan, revisi, putaran, versi, status, terlambat, giliran, giliran_sejak, kode_opd,'
       ' nama_opd, nama_sistem, submitted_at, checked_at, accepted_at, returned_at, integrated_at, id_integrasi, jumlah_pengembalian, updated_at';

-- ---- roles and rights ----------------------------------------------------------------------------------------------
select format('create role %I nologin', :'prefix' || name) from wanted_role
 where not exists (select from pg_roles where rolname = :'prefix' || name) \gexec
select format('grant usage on schema %I to %I', :'schema', :'prefix' || name) from wanted_role \gexec

-- what was granted and is no longer wanted goes
select format('revoke all on all tables in schema %I from %I', :'schema', :'prefix' || name) from wanted_role \gexec
select format('revoke all on all tables in schema %I from public', :'schema') \gexec
select format('grant %s on %I.%I to %I',
              (select string_agg(trim(r) || coalesce(' (' || w.columns || ')', ''), ', ') from unnest(string_to_array(w.rights, ',')) r),
              :'schema', w.object, :'prefix' || w.name) from wanted w \gexec

-- the log's months are made ahead by a function of the owner's, since the projector makes no table; another counts up the recapitulation
select format('revoke execute on function %I.%s from public', :'schema', f), format('grant execute on function %I.%s to %I', :'schema', f, :'prefix' || 'projector')
  from unnest(array['event_months_ahead(int)', 'rekap_rapikan()']) f \gexec
commit;
