# memcached as its recipe has it. Sourced by bash.
# shellcheck shell=bash disable=SC2034

create=(memcached)
prepare() { :; }
ready() { within 10 port_answers 11211; }
