-- oldest program: 0.1
-- A predecessor that was stopped in the middle of sending a transaction must not keep its locks for as long as it lives.

-- Ends this program's other sessions that have waited for their client longer than p_after with a transaction half sent.
-- idle_in_transaction_session_timeout and statement_timeout do not see them: to the server they are busy.
create function break_stalled(p_after interval) returns bigint language sql as $$
    select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
     where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
       and application_name = current_setting('application_name') and xact_start is not null
       and state = 'active' and wait_event = 'ClientRead' and state_change < clock_timestamp() - p_after
$$;

-- Takes partitions over: whoever held them before can commit nothing more. Gives up soon where it has to wait for a
-- transaction of theirs, to look again whether that one is stalled.
create or replace function take_offsets(p_group text, p_topics text[], p_partitions int[])
returns table (r_topic text, r_partition int, r_next bigint, r_generation bigint, r_timestamp bigint, r_hash bigint)
language sql set lock_timeout = '3s' as $$
    insert into consumer_offset as c (consumer_group, topic, partition, generation)
    select p_group, u.t, u.p, 1 from unnest(p_topics, p_partitions) u(t, p) order by u.t, u.p
    on conflict (consumer_group, topic, partition) do update set generation = c.generation + 1
    returning topic, partition, next_offset, generation, last_timestamp, last_hash
$$;
