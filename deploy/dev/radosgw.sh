#!/usr/bin/env bash
# A Ceph object gateway on loopback, with everything in memory: a real S3-compatible store to develop and test against.
#
#   deploy/dev/radosgw.sh [PORT]      needs Debian's ceph-mon, ceph-osd, ceph-common and radosgw
#
# Prints "ready http://127.0.0.1:PORT" once it answers, and runs until it is interrupted. PORT and PORT+1 must be free.
# Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where set, else "corpusmill" and "corpusmill-secret".
set -euo pipefail

port=${1:-7480}
monitor=127.0.0.1:$((port + 1))
access=${AWS_ACCESS_KEY_ID:-corpusmill}
secret=${AWS_SECRET_ACCESS_KEY:-corpusmill-secret}

for tool in ceph ceph-authtool ceph-mon ceph-osd monmaptool radosgw radosgw-admin; do
    command -v "$tool" >/dev/null || { echo "missing $tool: apt-get install ceph-mon ceph-osd ceph-common radosgw" >&2; exit 3; }
done

for taken in "$port" $((port + 1)); do
    ! (: >"/dev/tcp/127.0.0.1/$taken") 2>/dev/null || { echo "port $taken is taken: give another" >&2; exit 4; }
done

home=$(mktemp -d "${TMPDIR:-/tmp}/radosgw.XXXXXX")
daemons=()
cleanup() {
    trap - EXIT INT TERM
    exec 2>/dev/null
    for pid in "${daemons[@]}"; do kill -KILL "$pid" || true; done
    wait || true
    rm -rf "$home"
}
trap cleanup EXIT
trap 'exit 0' INT TERM

mkdir "$home"/{mon,osd,rgw,log}
cat >"$home/ceph.conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
keyring = $home/keyring
mon host = [v1:$monitor]
mon initial members = a
mon data = $home/mon
mon allow pool size one = true
mon max pg per osd = 1000
osd data = $home/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
public addr = 127.0.0.1
ms bind msgr2 = false
log file = $home/log/\$name.log
admin socket = $home/\$name.asok
[client.rgw]
rgw data = $home/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
CONF
conf=(-c "$home/ceph.conf")

daemon() {
    "$@" >>"$home/log/output" 2>&1 &
    daemons+=($!)
}

keys=(ceph-authtool "$home/keyring" --gen-key --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *')
{
    "${keys[@]}" --create-keyring -n mon.
    for name in client.admin client.rgw osd.0; do "${keys[@]}" -n "$name"; done
    monmaptool --create --addv a "[v1:$monitor]" --fsid "$(sed -n 's/^fsid = //p' "$home/ceph.conf")" "$home/monmap"
    ceph-mon "${conf[@]}" --mkfs -i a --monmap "$home/monmap" --keyring "$home/keyring"
} >>"$home/log/output" 2>&1
daemon ceph-mon "${conf[@]}" -f -i a

uuid=$(cat /proc/sys/kernel/random/uuid)
ceph "${conf[@]}" osd new "$uuid" >>"$home/log/output" 2>&1
ceph "${conf[@]}" auth import -i "$home/keyring" >>"$home/log/output" 2>&1
ceph-osd "${conf[@]}" -i 0 --mkfs --osd-uuid "$uuid" >>"$home/log/output" 2>&1
daemon ceph-osd "${conf[@]}" -f -i 0
daemon radosgw "${conf[@]}" -f -n client.rgw
radosgw-admin "${conf[@]}" user create --uid=dev --display-name=dev \
    --access-key="$access" --secret-key="$secret" >>"$home/log/output" 2>&1

for _ in $(seq 240); do
    if curl -s -o /dev/null "http://127.0.0.1:$port/"; then
        echo "ready http://127.0.0.1:$port"
        wait -n "${daemons[@]}"
        echo "a Ceph daemon ended; its last words:" >&2
        tail -n 20 "$home/log/output" >&2
        exit 1
    fi
    sleep 0.5
done
echo "the gateway did not answer within two minutes:" >&2
tail -n 20 "$home/log/output" >&2
exit 1
