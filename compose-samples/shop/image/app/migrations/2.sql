alter table items add column price integer not null default 0;
