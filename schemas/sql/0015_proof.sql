-- oldest program: 0.1
-- What it takes to prove the record and to make it again from its log.

-- Each fact's link is SHA-256 over the link before, the hash of its data, source, id, type, times and place; see workers/sop/record.h.
-- revisi: of a fact whose data do not say it (an extension attribute did); 0 = none.
alter table event add column chain bytea, add column revisi int;
alter table request add column chain bytea;

-- Further copies of an event that lie before the one that was read first: of copies the first in the topics counts.
create table event_copy (
    seq          bigint      generated always as identity,
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

-- Of what revisi a fact is was said by an attribute at times, which the log did not keep; the facts behind the row know.
update event e set revisi = x.r
  from request q, json_to_recordset(nullif(q.fakta, '')::json -> 'facts') as x(s text, i text, r int)
 where e.subject = q.nomor_permohonan and e.source = x.s and e.id = x.i and x.r is not null;

create function event_link(before bytea, e event) returns bytea language sql immutable as $$
    select sha256(coalesce(before, '') || e.data_hash || convert_to(concat_ws(E'\n', e.source, e.id, e.type,
        (extract(epoch from e.effective_at) * 1000000)::bigint, (extract(epoch from e.append_at) * 1000000)::bigint,
        e.topic, e.partition, e.kafka_offset), 'UTF8'))
$$;
create aggregate event_chain(e event) (sfunc = event_link, stype = bytea);

update event e set chain = c.chain
  from (select seq, event_chain(x) over (partition by subject order by seq) as chain from event x) c
 where e.seq = c.seq;
update request r set chain = (select e.chain from event e where e.subject = r.nomor_permohonan order by e.seq desc limit 1);

comment on column event.chain is 'Mata rantai: SHA-256 atas mata rantai sebelumnya dan fakta ini';
comment on column event.revisi is 'Revisi yang dimaksud fakta ini; 0 bila tidak ada';
comment on column request.chain is 'Mata rantai terakhir dari fakta-fakta permohonan ini';
comment on table event_copy is 'Salinan lain dari fakta yang sama, yang letaknya lebih awal di topik';
