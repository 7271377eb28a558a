# nginx with a site of static files, virtual hosts that the exercises add, and its own log files. Sourced by bash.
# shellcheck shell=bash disable=SC2034

create=(nginx --mount "/var/www=$WORKLOAD_FOLDER/www" --mount "/var/log/nginx=$WORKLOAD_FOLDER/log"
  --mount "/etc/nginx/conf.d=$WORKLOAD_FOLDER/conf.d")

prepare() {
  local site=$WORKLOAD_FOLDER/www/html i
  mkdir -p "$site/docs/deep/er" "$site/empty" "$WORKLOAD_FOLDER/www/other" "$WORKLOAD_FOLDER/log" "$WORKLOAD_FOLDER/conf.d"
  printf '<h1>It serves</h1>\n' >"$site/index.html"
  printf 'plain text\n' >"$site/plain.txt"
  printf 'one\n' >"$site/docs/index.html"
  printf 'two\n' >"$site/docs/deep/er/page.html"
  printf 'with a space\n' >"$site/a b.txt"
  printf 'umlaut\n' >"$site/"$'gr\xc3\xbc\xc3\x9fe.txt'
  printf 'elsewhere\n' >"$WORKLOAD_FOLDER/www/other/index.html"
  printf 'not for anyone\n' >"$site/private.txt"
  chmod 600 "$site/private.txt"
  ln -s plain.txt "$site/link.txt"
  ln -s /etc/hostname "$site/outside.txt"
  : >"$site/zero.bin"
  for ((i = 0; i < 2000; i++)); do printf 'line %d of a text that can be compressed\n' "$i"; done >"$site/docs/long.html"
  head -c 8000000 /dev/urandom >"$site/large.bin"
  head -c 300000 /dev/urandom >"$site/middle.bin"
}

ready() { within 10 port_answers 80; }
