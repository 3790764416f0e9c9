alter table items add column note text;
insert into items (name, written_by) values ('a note for everything', 'the migration of v3');
