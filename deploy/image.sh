#!/usr/bin/env bash
# Makes the container image bin/image/roamclear.tar from bin/roamclear, the engine that it fetched, and four packages
# of Debian (C library, root certificates, time zones, names of the system): no container engine takes part, no image
# is loaded from anywhere. Wants Debian, of the release that bin/roamclear was built on or a later one.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/bin/image
rm -rf "$out"
mkdir -p "$out/debs" "$out/base/var/lib/dpkg/status.d" "$out/base/etc/ssl/certs"

# Where packages are looked up may be old: what is gone from the archive is looked up again.
packages=(base-files ca-certificates libc6 tzdata)
(cd "$out/debs" && chmod 777 . && { apt-get -qq download "${packages[@]}" 2>/dev/null || { apt-get -qq update && apt-get -qq download "${packages[@]}"; }; })
for deb in "$out"/debs/*.deb; do
  dpkg-deb --extract "$deb" "$out/base"
  dpkg-deb --field "$deb" >"$out/base/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
done
cat "$out"/base/usr/share/ca-certificates/mozilla/*.crt >"$out/base/etc/ssl/certs/ca-certificates.crt"
# A program needs no manuals, no other character sets, no places to keep things in.
rm -rf "$out"/base/{bin,boot,dev,home,lib/systemd,media,mnt,opt,proc,root,run,sbin,srv,sys,tmp} \
  "$out"/base/usr/{games,include,local,sbin,src,bin} "$out"/base/usr/share/{base-files,bug,common-licenses,dict,info,lintian,locale,man,misc,ca-certificates} \
  "$out"/base/usr/lib/x86_64-linux-gnu/{gconv,audit} "$out"/base/var/{backups,cache,local,lock,log,mail,opt,run,spool,tmp} \
  "$out"/base/etc/{ca-certificates,default,dpkg,opt,profile.d,skel,terminfo,update-motd.d}
find "$out/base/usr/share/doc" -type f ! -name copyright -delete

version=$(deploy/version.sh)
go run -C deploy/image . --base "$out/base" --program "$PWD/bin/roamclear" --engine "$(bin/roamclear engine fetch)" \
  --version "$version" --revision "$(git rev-parse HEAD)" --time "$(git log -1 --format=%ct)" --tag "roamclear:$version" --to "$out/roamclear.tar"
rm -rf "$out/debs" "$out/base"
echo "roamclear:$version: docker load --input bin/image/roamclear.tar"
ls -l "$out"
