-- oldest program: 0.1
-- A form that waits for its turn keeps what the envelope said of its revisi: PA20-W-302 must not depend on whether it waited.

alter table pemeriksaan_tahan add revisi_ext int not null default 0; -- the extension attribute; 0 = absent

-- pemeriksaan.jenis and nama_sistem are read by nobody since 0007 and written no more. They stay for as long as validators
-- of the version before may run beside: those name both in their statements.
