# Makes this machine one that serves mail: the bundles in their place, an account, a spool. Sourced by bash.
# shellcheck shell=bash

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
machine=/usr/local/vm

mkdir -p /var/lib/vxe/bundles /var/log/vxe
[[ -d /var/lib/vxe/bundles/popd ]] || cp -a "$machine"/bundles/. /var/lib/vxe/bundles/
if ! grep -q '^alice:' /etc/shadow; then
  cat "$machine/world/accounts/shadow" >>/etc/shadow
  cp -a "$machine"/world/mail/. /var/mail/
  chmod 2775 /var/mail
  # The units came with a disk that was mounted after systemd had looked.
  systemctl daemon-reload
fi
