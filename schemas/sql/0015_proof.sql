-- oldest program: 0.1
-- What it takes to prove the record and to make it again from its log.

-- Each fact's link is SHA-256 over the link before, the hash of its data, and source, id and type; see workers/sop/record.h.
-- revisi: of a fact whose data do not say it (an extension attribute did); 0 = none.
alter table event add column chain bytea, add column revisi int;
alter table request add column chain bytea;

-- Further copies of an event that lie before the one that was read first: of copies the first in the topics counts.
create table event_copy (
    source       text        not null,
    id           text        not null,
    type         text        not null,
    subject      text        not null,
    topic        text        not null,
    partition    int         not null,
    kafka_offset bigint      not null,
    append_at    timestamptz not null,
    effective_at timestamptz not null,
    primary key (topic, partition, kafka_offset)
);
create index event_copy_subject on event_copy (subject);

create function event_link(before bytea, data_hash bytea, source text, id text, type text) returns bytea
language sql immutable as $$
    select sha256(coalesce(before, '') || data_hash || convert_to(source || E'\n' || id || E'\n' || type, 'UTF8'))
$$;
create aggregate event_chain(data_hash bytea, source text, id text, type text) (sfunc = event_link, stype = bytea);

update event e set chain = c.chain
  from (select seq, event_chain(data_hash, source, id, type) over (partition by subject order by seq) as chain from event) c
 where e.seq = c.seq;
update request r set chain = (select e.chain from event e where e.subject = r.nomor_permohonan order by e.seq desc limit 1);

comment on column event.chain is 'Mata rantai: SHA-256 atas mata rantai sebelumnya dan fakta ini';
comment on column event.revisi is 'Revisi yang dimaksud fakta ini; 0 bila tidak ada';
comment on column request.chain is 'Mata rantai terakhir dari fakta-fakta permohonan ini';
comment on table event_copy is 'Salinan lain dari fakta yang sama, yang letaknya lebih awal di topik';
