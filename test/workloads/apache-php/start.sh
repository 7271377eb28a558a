# Apache with a small site in PHP that keeps its data in files. Sourced by bash.
# shellcheck shell=bash disable=SC2034

create=(apache-php --mount "/var/www=$WORKLOAD_FOLDER/www" --mount "/var/lib/site=$WORKLOAD_FOLDER/site"
  --mount "/var/log/apache2=$WORKLOAD_FOLDER/log" --mount "/etc/apache2/conf.d=$WORKLOAD_FOLDER/conf.d")
# It connects to its own port to wake children that are to end.
accept=('network:tcp/80:connect')

prepare() {
  local site=$WORKLOAD_FOLDER/www/html
  mkdir -p "$site/lib" "$WORKLOAD_FOLDER/site/sessions" "$WORKLOAD_FOLDER/site/notes" "$WORKLOAD_FOLDER/log" "$WORKLOAD_FOLDER/conf.d"
  chown -R 33:33 "$WORKLOAD_FOLDER/site"
  printf 'static text\n' >"$site/plain.txt"
  head -c 3000000 /dev/urandom >"$site/large.bin"
  printf '<?php echo "sum: ", 40 + 2, "\\n";' >"$site/index.php"
  printf '<?php function shown($x) { return htmlspecialchars($x); }' >"$site/lib/shown.php"
  # shellcheck disable=SC2016  # PHP's variables
  printf '%s' '<?php require "lib/shown.php"; $f = "/var/lib/site/notes/" . basename($_GET["name"]);
if ($_SERVER["REQUEST_METHOD"] === "POST") { file_put_contents($f, $_POST["text"], LOCK_EX); echo "kept\n"; }
elseif (isset($_GET["remove"])) { echo unlink($f) ? "removed\n" : "no\n"; }
elseif (is_file($f)) { echo shown(file_get_contents($f)), "\n"; }
else { http_response_code(404); echo "none\n"; }' >"$site/note.php"
  printf '%s' '<?php session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; echo "visit ", $_SESSION["n"], "\n";' >"$site/visit.php"
  printf '%s' '<?php $u = $_FILES["file"]; move_uploaded_file($u["tmp_name"], "/var/lib/site/notes/" . basename($u["name"])); echo $u["size"], "\n";' >"$site/upload.php"
  printf '%s' '<?php header("Content-Type: text/plain"); echo date("Y") > 2000 ? "now " : "", json_encode(["a" => [1, 2], "h" => hash("sha256", "x")]), preg_replace("/[aeiou]/", "_", " vowels"), strlen(random_bytes(8)), "\n";' >"$site/tools.php"
  printf '%s' '<?php nosuchfunction();' >"$site/broken.php"
  printf '%s' '<?php foreach (glob("/var/lib/site/notes/*") as $f) echo basename($f), " "; echo "\n";' >"$site/list.php"
}

ready() { within 15 port_answers 80; }
