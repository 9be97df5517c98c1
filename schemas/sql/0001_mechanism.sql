-- oldest program: 0.1
-- What every worker stands on: offsets, outboxes, dead letters. Source: design, "Delivery".

create table consumer_offset (
    consumer_group text   not null,
    topic          text   not null,
    partition      int    not null,
    next_offset    bigint,             -- the next record to read; null = from the beginning
    generation     bigint not null,    -- raised by each process that takes the partition over
    last_timestamp bigint,             -- of the record before next_offset, ms; with last_hash it tells
    last_hash      bigint,             -- whether the topic is still the one we read
    updated_at     timestamptz not null default now(),
    primary key (consumer_group, topic, partition)
) with (fillfactor = 50);

-- Takes partitions over: whoever held them before can commit nothing more.
create function take_offsets(p_group text, p_topics text[], p_partitions int[])
returns table (r_topic text, r_partition int, r_next bigint, r_generation bigint, r_timestamp bigint, r_hash bigint)
language sql as $$
    insert into consumer_offset as c (consumer_group, topic, partition, generation)
    select p_group, u.t, u.p, 1 from unnest(p_topics, p_partitions) u(t, p) order by u.t, u.p
    on conflict (consumer_group, topic, partition) do update set generation = c.generation + 1
    returning topic, partition, next_offset, generation, last_timestamp, last_hash
$$;

-- The first statement of every transaction that applies records. Locks in order and RAISES (ZF001) unless each
-- partition is still held by this generation and stands where the caller believes.
create function advance_offsets(p_group text, p_topics text[], p_partitions int[], p_expected bigint[],
                                p_generations bigint[], p_next bigint[], p_timestamps bigint[], p_hashes bigint[])
returns void language plpgsql as $$
declare
    held int;
begin
    perform 1 from consumer_offset c join unnest(p_topics, p_partitions) u(t, p)
        on c.consumer_group = p_group and c.topic = u.t and c.partition = u.p
        order by c.topic, c.partition for update of c;
    update consumer_offset c
       set next_offset = u.n, last_timestamp = u.ts, last_hash = u.h, updated_at = now()
      from unnest(p_topics, p_partitions, p_expected, p_generations, p_next, p_timestamps, p_hashes)
           u(t, p, e, g, n, ts, h)
     where c.consumer_group = p_group and c.topic = u.t and c.partition = u.p
       and coalesce(c.next_offset, -1) = u.e and c.generation = u.g;
    get diagnostics held = row_count;
    if held <> cardinality(p_topics) then
        raise exception 'offsets moved: % of % partitions are still ours', held, cardinality(p_topics)
            using errcode = 'ZF001';
    end if;
end
$$;

-- One outbox per worker. Insert-only for the worker, emptied by whoever holds the lane.
create table outbox_lane (
    worker      text not null,
    lane        int  not null,
    owner       text not null,
    lease_until timestamptz not null,
    primary key (worker, lane)
) with (fillfactor = 50);

create table outbox_validator (
    lane       int    not null,
    seq        bigint generated always as identity,
    topic      text   not null,
    key        bytea,
    value      bytea,
    headers    bytea,
    created_at timestamptz not null default clock_timestamp(),
    primary key (lane, seq)
);
create table outbox_integrator (like outbox_validator including all);
create table outbox_deadline   (like outbox_validator including all);
create table outbox_projector  (like outbox_validator including all);

-- Where each dead letter came from; its bytes are in the dead letter topic.
create table dead_letter (
    worker       text   not null,
    topic        text   not null,
    partition    int    not null,
    kafka_offset bigint not null,
    code         text   not null,
    reason       text   not null,
    failed_at    timestamptz not null default now(),
    primary key (worker, topic, partition, kafka_offset)
);

-- Which (source, id) a judge has met, and what it said: the same again is a repeat, another content is ID_REUSED.
-- `key` is the first 16 bytes of SHA-256 over source and id, `hash` of SHA-256 over type, subject and data.
create table seen_validator  (key bytea primary key, hash bytea not null, at timestamptz not null default now());
create table seen_integrator (like seen_validator including all);

