#!/bin/sh
# Makes a Debian 13 root with GIMP 3 and Xvfb for the host tests: once per machine, needs root.
#   tests/hosts/gimp/bootstrap.sh [ROOT]        (build/trixie by default; about 900 MB, ten minutes)
#   WITH_KRITA=1 tests/hosts/gimp/bootstrap.sh  also installs Krita 5.2 there
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")/../../.." && pwd)
root=${1:-$here/build/trixie}

[ "$(id -u)" = 0 ] || { echo "bootstrap.sh: needs root, for debootstrap and chroot" >&2; exit 1; }

mirror() {
    [ -n "${RETOUCH_DEBIAN_MIRROR:-}" ] && { echo "$RETOUCH_DEBIAN_MIRROR"; return; }
    found=$(awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
    [ -n "$found" ] || found=$(awk '$1=="deb"{print $2; exit}' /etc/apt/sources.list 2>/dev/null || true)
    echo "${found:-http://deb.debian.org/debian}"
}

# Another apt on this machine is waited for.
apt="apt-get -o DPkg::Lock::Timeout=900"

inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

command -v debootstrap >/dev/null || {
    $apt update -qq
    $apt install -y --no-install-recommends debootstrap
}

source=$(mirror)
mkdir -p "$root"
[ -e "$root/.retouch-base" ] || {
    debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$source"
    touch "$root/.retouch-base"
}
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# apt's proxy settings, where the machine has any.
grep -rhi 'proxy' /etc/apt/apt.conf /etc/apt/apt.conf.d/ 2>/dev/null >"$root/etc/apt/apt.conf.d/90proxy" || true
echo "deb $source trixie main" >"$root/etc/apt/sources.list"
# No service starts inside the root.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"

inside apt-get update -qq
inside apt-get install -y --no-install-recommends \
    gimp python3-gi gir1.2-gimp-3.0 gir1.2-gtk-3.0 xvfb xdotool openbox fonts-dejavu-core \
    adwaita-icon-theme
[ "${WITH_KRITA:-}" = 1 ] && inside apt-get install -y --no-install-recommends krita python3-pyqt5
inside apt-get clean
rm -rf "$root/var/lib/apt/lists"

# The first start looks at fonts and asks every plug-in: do it here; tests begin with what it found.
rm -rf "$root/srv/first" && mkdir -p "$root/srv/first/gimp"
inside env HOME=/srv/first XDG_RUNTIME_DIR=/srv/first GIMP3_DIRECTORY=/srv/first/gimp \
    timeout 300 gimp-console-3.0 -i -d --quit >/dev/null 2>&1
inside gimp-console-3.0 --version
echo "GIMP 3 is in $root"
