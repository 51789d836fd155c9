/** One row that is rewritten to check whether writing works. */
export const writeProbe = `
create table write_probe (filler blob not null) strict;
insert into write_probe values (x'');
`
