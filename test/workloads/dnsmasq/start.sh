# dnsmasq with names in a file of hosts and in its settings. Sourced by bash.
# shellcheck shell=bash disable=SC2034

create=(dnsmasq --mount "/etc/dnsmasq.d=$WORKLOAD_FOLDER/conf.d" --mount "/etc/hosts.d=$WORKLOAD_FOLDER/hosts")
# A name server answers whoever asks, at the port that asked.
accept=('network:udp/*')

prepare() {
  mkdir -p "$WORKLOAD_FOLDER/conf.d" "$WORKLOAD_FOLDER/hosts"
  printf '192.0.2.10 alpha.example alpha\n192.0.2.11 beta.example\n2001:db8::10 alpha.example\n' >"$WORKLOAD_FOLDER/hosts/base"
  {
    printf 'local=/example/\naddress=/wild.example/192.0.2.99\ncname=www.example,alpha.example\n'
    printf 'mx-host=example,alpha.example,10\nsrv-host=_ldap._tcp.example,beta.example,389\n'
    printf 'txt-record=short.example,"a text"\n'
    local i
    for i in 1 2 3 4 5 6 7 8 9; do printf 'txt-record=long.example,"%s"\n' "$(printf "$i%.0s" {1..240})"; done
  } >"$WORKLOAD_FOLDER/conf.d/names.conf"
}

ready() { within 10 reading 'A alpha.example => 192.0.2.10' node "$workloads/dns.mjs" 127.0.0.1; }
