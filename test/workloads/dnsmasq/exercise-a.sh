#!/bin/bash
# Names of every kind by UDP and TCP, many at a time, a new host that appears while it runs, its counts on a signal.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"

table() { step "$1" node "$workloads/dns.mjs" 127.0.0.1; }

table 'names are answered' <<'ROWS'
A     alpha.example             => 192.0.2.10
AAAA  alpha.example             => 2001:db8::10
A     any.wild.example          => 192.0.2.99
CNAME www.example               => alpha.example
MX    example                   => 10:alpha.example
TXT   short.example             => a text
PTR   10.2.0.192.in-addr.arpa   => alpha.example
A     nowhere.example           => ENOTFOUND
A     elsewhere.invalid         => EREFUSED
# an answer too long for a datagram comes by TCP
TXT   long.example              => 111111*
A     beta.example 200          => 192.0.2.11
ROWS
printf '192.0.2.12 gamma.example\n' >"$WORKLOAD_FOLDER/hosts/more"
knows() { node "$workloads/dns.mjs" 127.0.0.1 <<<"A $1 => $2"; }
step 'a new host is known' within 10 knows gamma.example 192.0.2.12
step 'it takes SIGUSR1' signal_daemon USR1
step 'it takes SIGHUP' signal_daemon HUP
step 'and still answers' within 10 knows alpha.example 192.0.2.10
end_of_exercise
