#!/bin/sh
# The user, and a restart where the service runs; a first installation starts nothing.
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers roamclear.conf
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart roamclear.service
fi
