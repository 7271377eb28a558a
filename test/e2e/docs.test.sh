#!/bin/bash
# The documents are true: the tutorial's commands run as they stand, links lead somewhere, manual pages render.
. "$(dirname "$0")/tap.sh"
in_own_world test/e2e/docs.test.sh "$@"

check 'the manual pages render without a warning' scripts/check-man.sh

links_lead_somewhere() {
  local document target folder status=0
  while IFS= read -r document; do
    folder=$(dirname "$document")
    while IFS= read -r target; do
      [[ $target == *://* || $target == '#'* ]] && continue
      [[ -e $folder/${target%%#*} ]] || { echo "$document: $target"; status=1; }
    done < <(grep -oP '\]\(\K[^)\s]+' "$document")
  done < <(find . -maxdepth 1 -name '*.md'; find docs -name '*.md')
  return "$status"
}
check 'every relative link leads to a file' links_lead_somewhere

# The tables of SECURITY.md name attempts: `word` those of vxe attack, CVE numbers those of make holes.
claims_are_tried() {
  local name status=0 names
  names=$(build/bin/vxe-attack --list | grep -oP '"name":"\K[^"]+')
  while IFS= read -r name; do
    if [[ $name == CVE-* ]]; then
      grep -q "cve: '$name'" test/holes/holes.mjs || { echo "SECURITY.md: $name is not tried by test/holes"; status=1; }
    else
      grep -qx -- "$name" <<<"$names" || { echo "SECURITY.md: $name is no attempt of vxe attack"; status=1; }
    fi
  done < <(awk -F ' [|] ' '/^[|] / && NF == 4 && !/^[|] (---|against)/ { print $4 }' SECURITY.md | grep -oP '`\K[a-z0-9-]+(?=`)|CVE-[0-9-]+')
  return "$status"
}
check 'every attempt that SECURITY.md names is made' claims_are_tried

every_verb_is_documented() {
  local verb
  for verb in start stop restart status run exec logs trace 'bundle create' 'bundle audit' 'bundle list' 'bundle inspect' 'bundle remove' \
    explain learn attack completion; do
    grep -q "\`$verb" docs/reference/cli.md || { echo "docs/reference/cli.md lacks $verb"; return 1; }
    vxe $verb --help >/dev/null 2>&1 || { echo "vxe $verb --help fails"; return 1; }
  done
}
check 'every verb that is documented has help' every_verb_is_documented

# The tutorial in one shell, block by block. Its first block builds, which was done before the tests.
commands_of docs/tutorial.md 2 'inside && n > 1 && /^curl .*DELE/ { print "for i in {1..300}; do ! grep -q \"Delete me\" \"$W/mail/alice\" || { sleep 0.2; continue; }; echo == deleted; break; done" }'
VXE_CACHE=${VXE_CACHE:-$PWD/build/cache} TMPDIR=$world PATH="$world/bin:$PATH" \
  bash -e "$world/tutorial.sh" >"$world/tutorial.out" 2>&1 </dev/null
commands_ran 2
check 'tutorial: the deleted message is gone from the spool' grep -qx '== deleted' "$world/tutorial.out"
check 'tutorial: a wrong password is refused' grep -qx 'refused' "$world/tutorial.out"

end_of_tests
