-- oldest program: 0.1
-- Functions that act with their owner's rights look for tables where they are, and in the caller's temporary ones last of all: who may
-- make temporary tables could put one of his own in the place of theirs. What only triggers and projectors need is theirs alone.

do $$
declare
    r record;
begin
    for r in select oid::regprocedure as name, prorettype = 'trigger'::regtype as fires from pg_proc
              where prosecdef and pronamespace = (select oid from pg_namespace where nspname = current_schema()) loop
        execute format('alter function %s set search_path = %I, pg_temp', r.name, current_schema());
        if r.fires then -- which asks for no right when it fires
            execute format('revoke execute on function %s from public', r.name);
        end if;
    end loop;
    revoke execute on function rekap_rapikan() from public;
    for r in select distinct coalesce(nullif(a.grantee, 0)::regrole::text, 'public') as who
               from pg_class c, aclexplode(c.relacl) a where c.oid = 'rekap'::regclass and a.grantee <> c.relowner and a.privilege_type = 'INSERT' loop
        execute format('grant execute on function rekap_rapikan() to %s', r.who);
    end loop;
end
$$;
