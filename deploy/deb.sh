#!/usr/bin/env bash
# Makes the Debian packages in bin/deb from bin/roamclear and the engine that it fetched, and checks what is in them.
set -euo pipefail
cd "$(dirname "$0")/.."
nfpm=${NFPM:-go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2}
export STAGE=bin/deb/stage ENGINE DEB_VERSION ENGINE_VERSION GLIBC_VERSION SOURCE_DATE_EPOCH
rm -rf bin/deb
mkdir -p $STAGE
cp bin/roamclear $STAGE/
bin/roamclear completion bash >$STAGE/completion.bash
ENGINE=$(bin/roamclear engine fetch)
ENGINE_VERSION=$(basename "$(dirname "$ENGINE")")
DEB_VERSION=$(deploy/version.sh | sed 's/-/~/')
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
GLIBC_VERSION=$(grep -aoE 'GLIBC_2\.[0-9]+' bin/roamclear | sort -uV | tail -1 | cut -d_ -f2)

for package in nfpm engine; do $nfpm package --config deploy/deb/$package.yaml --packager deb --target bin/deb/; done
rm -r $STAGE

# What is in them is what is looked for: the program starts from where it is unpacked, and finds its engine there.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
for deb in bin/deb/*.deb; do
  dpkg-deb --field "$deb" Package Version Depends
  dpkg-deb --extract "$deb" "$root"
done
while read -r mode path; do
  have=$(stat -c '%a %U' "$root$path")
  [ "$have" = "$mode root" ] || { echo "$path: $have, want $mode root" >&2; exit 1; }
done <<LIST
755 /usr/bin/roamclear
644 /usr/lib/roamclear/engine/$ENGINE_VERSION/libchdb.so
644 /usr/lib/systemd/system/roamclear.service
644 /usr/lib/sysusers.d/roamclear.conf
644 /etc/roamclear/roamclear.yaml
644 /usr/share/bash-completion/completions/roamclear
644 /usr/share/doc/roamclear/README.md
644 /usr/share/doc/roamclear/copyright
LIST
found=$("$root/usr/bin/roamclear" engine fetch)
[ "$found" = "$root/usr/lib/roamclear/engine/$ENGINE_VERSION/libchdb.so" ] || { echo "the engine is looked for in $found" >&2; exit 1; }
"$root/usr/bin/roamclear" check-config --config "$root/etc/roamclear/roamclear.yaml" >/dev/null
dpkg-deb --ctrl-tarfile bin/deb/roamclear_*.deb | tar -xO ./conffiles | grep -qx /etc/roamclear/roamclear.yaml
ls -l bin/deb
