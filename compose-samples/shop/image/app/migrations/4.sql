create index items_name on items (name);
