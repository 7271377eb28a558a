#!/bin/bash
# One who reads and deletes, wrong passwords, an unknown user, several at a time. What is deleted here comes by a new letter first.
# shellcheck source=test/workloads/lib.sh
. "$(dirname "$0")/../lib.sh"
# A login that comes while the spool is locked is told to come again.
pop() { curl --silent --max-time 20 --user "$1" "${@:3}" "pop3://127.0.0.1:110$2"; }
letter() {
  printf 'From dave@example.org Thu Jan  1 00:00:00 2026\nFrom: dave@example.org\nSubject: %s\n\nNew.\n\n' "$2" >>"$WORKLOAD_FOLDER/mail/$1"
}

letter alice 'to delete'
step 'the list of messages' within 10 pop alice:open-sesame /
step 'a message' within 10 pop alice:open-sesame /3
refused_login() { ! pop "$1" /; }
step 'a wrong password is refused' refused_login alice:wrong
step 'an unknown user is refused' refused_login nobody:x
last=$(grep -c '^From ' "$WORKLOAD_FOLDER/mail/alice")
step 'the last message is deleted' within 10 pop alice:open-sesame "/$last" --head --request DELE
step 'it is gone' within 10 bash -c "! grep -q 'to delete' '$WORKLOAD_FOLDER/mail/alice'"
two() { curl --silent --max-time 20 --user alice:open-sesame pop3://127.0.0.1:110/2 | grep -q 'letter 2'; }
step 'the others are still there' within 10 two
end_of_exercise
