#!/bin/bash
# The same kinds of work in other words: IPv6, service records, a burst, a file of hosts that is changed, a restart.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"

table() { step "$1" node "$workloads/dns.mjs" "$2"; }

table 'names are answered' '[::1]' <<'ROWS'
A     beta.example                => 192.0.2.11
AAAA  beta.example                => ENODATA
SRV   _ldap._tcp.example          => beta.example:389
A     deep.er.wild.example        => 192.0.2.99
A     WWW.Example                 => 192.0.2.10
PTR   11.2.0.192.in-addr.arpa     => beta.example
PTR   99.9.9.9.in-addr.arpa       => EREFUSED
MX    nowhere.example             => ENOTFOUND
TXT   long.example 20             => 111111*
A     alpha.example 300           => 192.0.2.10
ROWS
knows() { node "$workloads/dns.mjs" 127.0.0.1 <<<"A $1 => $2"; }
printf '192.0.2.13 delta.example\n' >"$WORKLOAD_FOLDER/hosts/other"
step 'a new host is known' within 10 knows delta.example 192.0.2.13
printf '192.0.2.14 epsilon.example\n' >>"$WORKLOAD_FOLDER/hosts/other"
step 'a changed file is read again' within 10 knows epsilon.example 192.0.2.14
step 'what is no DNS is survived' bash -c 'printf "not a question" >/dev/udp/127.0.0.1/53; exec 3<>/dev/tcp/127.0.0.1/53; printf "\0\377garbage" >&3'
step 'it restarts' restart_daemon
step 'it answers again' within 20 knows epsilon.example 192.0.2.14
end_of_exercise
