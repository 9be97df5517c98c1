-- oldest program: 0.1
-- The deadline worker's own state: it alone decides met or missed.

create table deadline_clock (
    nomor_permohonan text primary key,
    urutan     bigint not null default 0,
    fakta      text   not null default '',
    jam        text   not null default '[]', -- its clocks as last told, and which warnings went out, as JSON
    due_at     timestamptz                   -- the next instant at which a clock warns or is missed
) with (fillfactor = 70);
create index deadline_clock_due on deadline_clock (due_at) where due_at is not null;

-- An id that was used for another content opens no clock: its judge sets the record aside.
create table seen_deadline (like seen_validator including all);
