-- oldest program: 0.1
-- What is remembered of a request's forms, so that a return can be seen to list what could have been listed before:
-- for each member of the form 16 bits of a hash, and which findings were told (workers/validator/late.h says what that
-- gives away, and how long it is). Null: nothing is remembered (no form was judged yet, the request has ended, or its
-- forms were judged before this column was).
alter table pemeriksaan add riwayat bytea;
