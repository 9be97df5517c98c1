-- oldest program: 0.1
-- What a request is to Bedelau (jenis_pengajuan) and, of a change or an ending, which request it is about. A form's are
-- kept with its body, since its decision may come in another transaction; a request's are those of the form decided last.

alter table integration_body add jenis text not null default 'baru';
alter table integration_body add asal text; -- nomor_permohonan_asal
alter table integration add jenis text not null default 'baru';
alter table integration add asal text;
create index integration_asal on integration (asal) where asal is not null; -- who waits for that request
