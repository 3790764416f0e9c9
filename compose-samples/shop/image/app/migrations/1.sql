create table items (id serial primary key, name text not null, written_by text not null);
