#!/usr/bin/env bash
# Prints the semantic version of the checkout, for packages and images: 1.2.3 on the tag v1.2.3, 1.2.4-dev.5.gabc1234
# five commits behind it, 0.0.0-dev.5.gabc1234 where there is no tag; .dirty behind it where files were changed.
set -euo pipefail
cd "$(dirname "$0")/.."
dirty=
git diff --quiet HEAD || dirty=dirty
if described=$(git describe --match 'v[0-9]*' --long 2>/dev/null); then
  commit=${described##*-} described=${described%-*}
  behind=${described##*-} version=${described%-*}
  version=${version#v}
  if [ "$behind" != 0 ] || [ "$dirty" ]; then version=${version%.*}.$((${version##*.} + 1)); fi
else
  version=0.0.0 behind=$(git rev-list --count HEAD) commit=g$(git rev-parse --short HEAD)
fi
if [ "$behind" != 0 ] || [ "$dirty" ]; then version+=-dev.$behind.$commit${dirty:+.dirty}; fi
echo "$version"
