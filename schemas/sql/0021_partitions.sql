-- oldest program: 0.1
-- The log in months, by the time of recording: whatever is inserted goes to the present month's tables and indexes, however
-- much stands in earlier ones. What was there is attached as it is, as the partition of all before: nothing is rewritten.
-- It is read once under the lock (is all of it older than now?), a second or so for a gigabyte. Uniqueness of (source, id)
-- stays with event_id, which is not in months: a repeat may come in another one.

-- ---- the table of before, under another name -------------------------------------------------------------------------

-- Views and functions go by the table, not by its name: they are made again for the new one. The views are locked first, as
-- who reads them does.
create temp table view_of_event on commit drop as
select c.relname as name, pg_get_viewdef(c.oid) as def from pg_class c
 where c.relkind = 'v' and c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
   and exists (select from pg_depend d join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
                where w.ev_class = c.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = 'event'::regclass);
do $$
declare
    r record;
begin
    for r in select * from view_of_event order by name loop
        execute format('create or replace view %I as %s', r.name, r.def);
    end loop;
end
$$;
lock table event in access exclusive mode;
create temp table number_of_event (n bigint) on commit drop; -- the last that was given
do $$
begin
    execute format('insert into number_of_event select greatest(last_value, (select max(seq) from event)) from %s',
                   pg_get_serial_sequence('event', 'seq'));
end
$$;

drop aggregate event_chain(event);
drop function event_link(bytea, event);
alter table event rename to event_before;
alter index event_subject rename to event_before_subject;
alter table event_before rename constraint event_pkey to event_before_pkey;

create table event (like event_before including defaults including identity including comments including storage)
    partition by range (received_at);
create index event_subject on event (subject, seq);
alter table event_before alter column seq drop identity;

do $$
declare
    r record;
begin
    execute format('alter table event alter column seq restart with %s', (select n + 1 from number_of_event));
    execute format('comment on table event is %L', obj_description('event_before'::regclass));
    for r in select * from view_of_event loop
        execute format('create or replace view %I as %s', r.name, r.def);
    end loop;
end
$$;

create function event_link(before bytea, e event) returns bytea language sql immutable as $$
    select sha256(coalesce(before, '') || e.data_hash || convert_to(concat_ws(E'\n', e.source, e.id, e.type,
        (extract(epoch from e.effective_at) * 1000000)::bigint, (extract(epoch from e.append_at) * 1000000)::bigint,
        e.topic, e.partition, e.kafka_offset), 'UTF8'))
$$;
create aggregate event_chain(e event) (sfunc = event_link, stype = bytea);

-- ---- months ----------------------------------------------------------------------------------------------------------
-- Names and bounds are by WIB, as the months of the recapitulation are.

-- Makes one month's partition; false when there is one for that time. It is attached, not made in place: that way nobody who
-- reads or writes waits. seq is unique in each, and in all by where it comes from.
create function event_month(p_month date, p_since timestamptz default '-infinity') returns boolean language plpgsql as $$
declare
    name text := 'event_' || to_char(p_month, 'YYYY_MM');
    first timestamptz := greatest(date_trunc('month', p_month::timestamp) at time zone 'Asia/Jakarta', p_since);
    next timestamptz := (date_trunc('month', p_month::timestamp) + interval '1 month') at time zone 'Asia/Jakarta';
begin
    if exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'event'::regclass and c.relname = name) then
        return false;
    end if;
    execute format('create table %I (like event including all excluding identity excluding indexes)', name);
    execute format('alter table %I add primary key (seq)', name);
    execute format('comment on table %I is %L', name, 'Jejak audit yang dicatat dalam bulan ' || to_char(p_month, 'YYYY-MM') || ' (WIB)');
    execute format('alter table event attach partition %I for values from (%L) to (%L)', name, first, next);
    return true;
exception when invalid_object_definition then -- a partition of another name has that time
    return false;
end
$$;

-- Makes the present month and p_ahead after it, as far as they are not there. One caller at a time; any number may call.
-- until: where the last of them ends; made: how many were not there; why: what kept the rest from being made.
create function event_months_ahead(p_ahead int, out until timestamptz, out made int, out why text) language plpgsql security definer as $$
declare
    present timestamp := date_trunc('month', now() at time zone 'Asia/Jakarta');
begin
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || '.event', 0));
    made := 0;
    for i in 0 .. least(greatest(p_ahead, 0), 24) loop
        begin
            made := made + event_month((present + make_interval(months => i))::date)::int;
            until := (present + make_interval(months => i + 1)) at time zone 'Asia/Jakarta';
        exception when others then
            why := sqlerrm;
            exit;
        end;
    end loop;
end
$$;

-- Its caller, who may not make tables, must not be able to put one of his own in the place of `event`.
do $$
begin
    execute format('alter function event_month(date, timestamptz) set search_path = %I, pg_temp', current_schema());
    execute format('alter function event_months_ahead(int) set search_path = %I, pg_temp', current_schema());
end
$$;
revoke execute on function event_month(date, timestamptz), event_months_ahead(int) from public;

-- Long data are compressed by lz4 from now on, where the server has it.
do $$
begin
    execute 'alter table event alter column data set compression lz4';
exception when feature_not_supported or syntax_error or invalid_parameter_value then
    raise notice 'this server has no lz4: data are compressed as before';
end
$$;

-- ---- what was there, and what comes ----------------------------------------------------------------------------------

do $$
declare
    bound timestamptz := clock_timestamp();
    r record;
begin
    if exists (select from event_before) then
        begin
            execute format('alter table event attach partition event_before for values from (minvalue) to (%L)', bound);
        exception when check_violation then -- the clock was ahead once
            select max(received_at) + interval '1 second' into bound from event_before;
            execute format('alter table event attach partition event_before for values from (minvalue) to (%L)', bound);
        end;
        comment on table event_before is 'Jejak audit yang dicatat sebelum jejak dibagi per bulan';
        perform event_month((bound at time zone 'Asia/Jakarta')::date, bound);
    end if;
    perform event_months_ahead(2);

    -- who could use the table may use it still, but by its name alone
    for r in select coalesce(nullif(a.grantee, 0)::regrole::text, 'public') as who, a.privilege_type as what
               from pg_class c, aclexplode(c.relacl) a where c.oid = 'event_before'::regclass and a.grantee <> c.relowner loop
        execute format('grant %s on event to %s', r.what, r.who);
        execute format('revoke %s on event_before from %s', r.what, r.who);
        if r.what = 'INSERT' then
            execute format('grant execute on function event_months_ahead(int) to %s', r.who);
        end if;
    end loop;
    if not exists (select from event_before) then
        drop table event_before;
    end if;
end
$$;

comment on function event_month(date, timestamptz) is 'Membuat partisi satu bulan dari jejak audit';
comment on function event_months_ahead(int) is 'Membuat partisi bulan ini dan beberapa bulan berikutnya dari jejak audit';
