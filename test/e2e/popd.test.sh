#!/bin/bash
# A real client against the real daemon in its environment: login, list, retrieve, delete; and what the profile keeps from it.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/popd.test.sh "$@"

check 'the bundle is made' popd_bundle
check 'the audit admits every executable' vxe bundle audit popd
check 'it starts in the background' vxe start popd --detach
check 'it answers on port 110' wait_for_port 110
check 'the greeting is POP3' contains "$(curl -s --max-time 5 telnet://127.0.0.1:110 </dev/null 2>&1 | head -c 3)" '^\+OK'

refuses_wrong_password() { ! pop3 wrong alice:wrong /; }
check 'a wrong password is refused' refuses_wrong_password
refuses_unknown_account() { ! pop3 unknown "mallory:$password" /; }
check 'an account that is not in the bundle is refused' refuses_unknown_account

listing=$(pop3 list "alice:$password" /)
check 'three messages are listed' [ "$(grep -c '^[123] ' <<<"$listing")" = 3 ]
check 'a message arrives whole' contains "$(pop3 retrieve "alice:$password" /3)" 'The figures are fine\.'
check 'a message is deleted' pop3 delete "alice:$password" /2 --head -X DELE
check 'it is gone from the spool' lacks "$world/mail/alice" 'Subject: Delete me'
check 'the others are still there' holds_both "$world/mail/alice" 'Subject: Lunch' 'Subject: Report'
check "another user's mail is as it was" cmp "$world/mail/bob" "$world/mail.bob.before"
check "the spool file is still alice's" [ "$(stat -c '%u %a' "$world/mail/alice")" = '12001 660' ]

serves_many() {
  local i pids=()
  for i in 1 2 3 4 5 6 7 8; do
    pop3 list "alice:$password" / >"$world/many.$i" &
    pids+=($!)
  done
  # popa3d locks the spool, so a second session at the same moment may be refused; the server must survive all of them.
  for i in "${pids[@]}"; do wait "$i"; done
  eventually 60 pop3 list "alice:$password" /
}
check 'it survives eight clients at once' serves_many

check 'the attack gets nothing that the profile does not grant' vxe attack popd

# Started in a chroot, the root above it must be gone too: the mount namespace has no other root than the instance's.
mkdir "$world/chroot"
mount --rbind / "$world/chroot"
in_chroot() {
  timeout 60 chroot "$world/chroot" bash -c 'cd "$1" && shift && exec "$@"' bash "$PWD" build/bin/vxe attack popd --only chroot-escape --only descriptor-climb
}
check 'nor does it when VXE itself is in a chroot' in_chroot
umount -l "$world/chroot"

try vxe explain popd 'openat("/etc/shadow", O_WRONLY)'
check 'explain refuses writing the shadow file' contains "$output$errors" 'refuse'
try vxe explain popd 'openat("/etc/shadow", O_RDONLY)'
check 'explain permits reading the shadow file' contains "$output$errors" 'allow|permit'

check 'it stops' vxe stop popd
gone() { ! (exec 3<>/dev/tcp/127.0.0.1/110) 2>/dev/null; }
check 'the port is free again' gone
check 'the bundle is removed' vxe bundle remove popd

end_of_tests
