#!/bin/bash
# The same kinds of work in other words: the other user, by IPv4 in words of the protocol, headers only, unknown commands, a client that goes away.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
talk() { # ANSWER LINES...: a session in the protocol's own words, whose answers hold ANSWER
  bash -c 'exec 3<>/dev/tcp/127.0.0.1/110 && printf "%s\r\n" "${@:2}" >&3 && timeout 20 cat <&3 | grep -q -- "$1"' talk "$@"
}
login=('USER bob' 'PASS open-sesame')

step 'how much there is' within 10 talk '^+OK 6 [0-9]' "${login[@]}" STAT QUIT
step 'the headers of a message' within 10 talk 'letter 4' "${login[@]}" 'TOP 4 0' QUIT
step 'unique names' within 10 talk '^6 ' "${login[@]}" UIDL QUIT
step 'what is no command is refused' within 10 talk '^-ERR' "${login[@]}" NONSENSE QUIT
step 'a deletion that is taken back' within 10 talk '^+OK' "${login[@]}" 'DELE 1' RSET QUIT
step 'a login in the wrong order is refused' within 10 talk '^-ERR' 'PASS open-sesame'
step 'a client that goes away is survived' bash -c 'exec 3<>/dev/tcp/127.0.0.1/110 && printf "USER bob\r\n" >&3'
step 'a deletion' within 10 talk '^+OK' "${login[@]}" 'DELE 6' QUIT
step 'the spool is shorter' within 10 bash -c "! grep -q 'letter 6' '$WORKLOAD_FOLDER/mail/bob'"
printf 'From eve@example.org Thu Jan  1 00:00:00 2026\nFrom: eve@example.org\nSubject: letter 6\n\nText 6.\n\n' >>"$WORKLOAD_FOLDER/mail/bob"
six() { talk 'letter 6' "${login[@]}" 'RETR 6' QUIT; }
step 'a new one is read' within 10 six
end_of_exercise
