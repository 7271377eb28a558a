# popa3d over accounts and spools of its own. Sourced by bash.
# shellcheck shell=bash disable=SC2034

create=(popd --account alice --account bob --accounts-from "$WORKLOAD_FOLDER/accounts"
  --mount "/etc/shadow=$WORKLOAD_FOLDER/accounts/shadow" --mount "/var/mail=$WORKLOAD_FOLDER/mail")
# Half a is alice's. That the server may open another one's mail is for an administrator to say.
decided=(--narrow file:/var/mail/bob)

prepare() {
  local user uid hash n
  hash=$(openssl passwd -6 -salt vxe.path open-sesame)
  mkdir -p "$WORKLOAD_FOLDER/accounts" "$WORKLOAD_FOLDER/mail"
  {
    printf 'root:x:0:0:root:/root:/usr/sbin/nologin\npopa3d:x:112:65534::/var/lib/popa3d:/usr/sbin/nologin\n'
    printf 'alice:x:12001:12001::/home/alice:/usr/sbin/nologin\nbob:x:12002:12002::/home/bob:/usr/sbin/nologin\n'
  } >"$WORKLOAD_FOLDER/accounts/passwd"
  printf 'root:x:0:\nmail:x:8:\nnogroup:x:65534:\nalice:x:12001:\nbob:x:12002:\n' >"$WORKLOAD_FOLDER/accounts/group"
  printf '%s:20000:0:99999:7:::\n' "alice:$hash" "bob:$hash" >"$WORKLOAD_FOLDER/accounts/shadow"
  chmod 640 "$WORKLOAD_FOLDER/accounts/shadow"
  chown root:mail "$WORKLOAD_FOLDER/mail"
  chmod 2775 "$WORKLOAD_FOLDER/mail"
  for user in alice bob; do
    [[ $user == alice ]] && uid=12001 || uid=12002
    for n in 1 2 3 4 5 6; do
      printf 'From carol@example.org Thu Jan  1 00:00:00 2026\nFrom: carol@example.org\nTo: %s@example.org\nSubject: letter %d\n\nText %d.\n\n' \
        "$user" "$n" "$n"
    done >"$WORKLOAD_FOLDER/mail/$user"
    chown "$uid:8" "$WORKLOAD_FOLDER/mail/$user"
    chmod 660 "$WORKLOAD_FOLDER/mail/$user"
  done
}

ready() { within 10 port_answers 110; }
