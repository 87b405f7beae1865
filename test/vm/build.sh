#!/usr/bin/env bash
# Build what test/vm boots, once, into the cache directory: Debian trixie with systemd and the C libraries that the package asks for, the
# kernel of forky (Debian's stable ones have no gpio-sim), and a tiny initramfs. Prints nothing when it is there, and in the end the directory.
# usage: build.sh            needs root, and what `scripts/deps.sh vm` installs; half a minute and the network
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
cache=${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/doorstation-lab}
stamp=vm-$(sha256sum <"$here/build.sh" | cut -c1-12)
started=$SECONDS
say() { printf 'vm: [%3d s] %s\n' $((SECONDS - started)) "$*" >&2; }
die() { printf 'vm: %s\n' "$*" >&2; exit 1; }
# patiently gives a mirror that is being synchronised a minute or two.
patiently() {
  local pause
  for pause in 20 60; do
    "$@" && return 0
    say "failed, and tried again in $pause s: $1"
    sleep $pause
  done
  "$@"
}

mkdir -p "$cache"
exec 9>"$cache/vm.lock"
flock 9
if [[ -e $cache/$stamp/.complete ]]; then
  touch "$cache/$stamp" # in use
  echo "$cache/$stamp"
  exit 0
fi
[[ $(id -u) = 0 ]] || die "building the virtual machine's disk needs root, once: run test/vm/build.sh as root, with DOORSTATION_CACHE=$cache"
new=$cache/$stamp.new
rm -rf --one-file-system "$new"
trap 'rm -rf --one-file-system "$new"' EXIT
mkdir -p "$new"/apt/{lists/partial,cache/archives/partial,debs}
cd "$new"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$') || die "apt names no Debian mirror here"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The kernel's packages are unpacked, never installed: no initramfs-tools, no hooks.
echo "deb [signed-by=$keyring] $mirror forky main" >apt/sources.list
cat >apt/apt.conf <<A
Dir::Etc::sourcelist "$PWD/apt/sources.list"; Dir::Etc::sourceparts "-"; Dir::State::lists "$PWD/apt/lists"; Dir::Cache "$PWD/apt/cache";
Dir::State::status "/dev/null"; APT::Architectures { "amd64"; }; APT::Architecture "amd64"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "3";
A
(
  export APT_CONFIG=$PWD/apt/apt.conf
  patiently apt-get -qq update
  image=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
  version=${image#linux-image-}
  # From 7.x on it is split; older ones are one package.
  if apt-cache show "linux-modules-$version" >/dev/null 2>&1; then set -- "linux-base-$version" "linux-binary-$version" "linux-modules-$version"
  else set -- "$image"; fi
  say "fetching Linux $version"
  (cd apt/debs && patiently apt-get -qq download "$@")
  echo "$version" >version
)
version=$(cat version)
mkdir kernel
for deb in apt/debs/*.deb; do dpkg-deb -x "$deb" kernel; done
rm -rf apt
modules=kernel; [[ -d kernel/usr/lib/modules ]] && modules=kernel/usr
depmod -b "$modules" "$version"
cp "$modules/lib/modules/$version/vmlinuz" vmlinuz 2>/dev/null || cp kernel/boot/vmlinu[xz]-"$version" vmlinuz

say "installing Debian trixie into a directory"
debian() {
  rm -rf --one-file-system root
  mmdebstrap --quiet --mode=root --variant=minbase --keyring="$keyring" --aptopt='APT::Sandbox::User "root"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' --include="$1" trixie root "$mirror"
}
patiently debian systemd,systemd-sysv,udev,kmod,iproute2,openssh-server,procps,busybox-static,alsa-utils,libopus0,libspeexdsp1,init-system-helpers
mkdir -p root/usr/lib/modules
# Only what the tests load, and what it depends on.
for m in gpio-sim vivid snd-aloop virtio_net virtio_pci virtio_blk virtio_rng ext4; do
  modprobe -d "$modules" -S "$version" --show-depends "$m" 2>/dev/null || true
done | awk '$1 == "insmod" { print $2 }' | awk '!seen[$0]++' | while read -r file; do
  install -D -m 0644 "$file" "root/usr/lib/modules/$version/${file#*"/$version/"}"
done
cp "$modules/lib/modules/$version"/modules.{builtin,order,builtin.modinfo} "root/usr/lib/modules/$version/"
depmod -b root/usr "$version"

: >root/etc/fstab
echo door >root/etc/hostname
echo 0123456789abcdef0123456789abcdef >root/etc/machine-id
sed -i 's/^root:[^:]*:/root::/' root/etc/shadow
mkdir -p root/etc/systemd/{network,system/multi-user.target.wants,system/sysinit.target.wants,journald.conf.d} root/etc/ssh/sshd_config.d
printf '[Journal]\nStorage=persistent\n' >root/etc/systemd/journald.conf.d/lab.conf
# Only the test is on this network.
printf 'PermitRootLogin yes\nPermitEmptyPasswords yes\nUsePAM no\n' >root/etc/ssh/sshd_config.d/lab.conf
wants=root/etc/systemd/system/multi-user.target.wants
ln -sf /usr/lib/systemd/system/systemd-networkd.service "$wants/"
for unit in getty@tty1.service serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service dpkg-db-backup.timer fstrim.timer \
  systemd-firstboot.service; do ln -sf /dev/null "root/etc/systemd/system/$unit"; done
ln -sf /usr/lib/systemd/system/systemd-networkd-wait-online.service "$wants/"

# The hardware of the door, before anything that uses it: a Pi's GPIO, a camera, a sound card.
cat >root/usr/local/sbin/lab-hardware <<'H'
#!/bin/sh
set -e
modprobe gpio-sim
modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0
modprobe snd-aloop pcm_substreams=2
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
c=/sys/kernel/config/gpio-sim/header
[ ! -d "$c" ] || exit 0
mkdir -p "$c/bank0"
echo 54 >"$c/bank0/num_lines"
echo pinctrl-rp1 >"$c/bank0/label"
i=0
while [ $i -lt 28 ]; do
  mkdir "$c/bank0/line$i"
  case $i in 0) name=ID_SDA ;; 1) name=ID_SCL ;; *) name=GPIO$i ;; esac
  echo $name >"$c/bank0/line$i/name"
  i=$((i + 1))
done
echo 1 >"$c/live"
chip=$(cat "$c/bank0/chip_name")
ln -sfn "/sys/devices/platform/$(cat "$c/dev_name")/$chip" /run/lab-gpio
echo pull-up >/run/lab-gpio/sim_gpio17/pull
H
chmod +x root/usr/local/sbin/lab-hardware
cat >root/etc/systemd/system/lab-hardware.service <<'U'
[Unit]
Description=The door's simulated hardware
DefaultDependencies=no
After=systemd-udevd.service sys-kernel-config.mount systemd-tmpfiles-setup.service
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-hardware
U
ln -sf ../lab-hardware.service root/etc/systemd/system/sysinit.target.wants/

# initramfs: busybox, and the modules that a root file system on virtio needs.
mkdir -p initramfs/{bin,mods,proc,sys,dev,newroot}
cp root/usr/bin/busybox initramfs/bin/
for m in virtio_pci virtio_blk ext4; do modprobe -d "$modules" -S "$version" --show-depends "$m" 2>/dev/null || true; done |
  awk '$1 == "insmod" { print $2 }' | awk '!seen[$0]++' | while read -r file; do
  name=$(basename "$file")
  case $name in
  *.xz) name=${name%.xz}; xz -dc "$file" >"initramfs/mods/$name" ;;
  *.zst) name=${name%.zst}; zstd -qdc "$file" >"initramfs/mods/$name" ;;
  *) cp "$file" initramfs/mods/ ;;
  esac
  echo "$name" >>initramfs/mods/order
done
touch initramfs/mods/order
cat >initramfs/init <<'I'
#!/bin/busybox sh
BB=/bin/busybox
$BB mount -t proc proc /proc
$BB mount -t sysfs sys /sys
$BB mount -t devtmpfs dev /dev
while read -r m; do $BB insmod /mods/$m; done </mods/order
i=0
while [ ! -b /dev/vda ] && [ $i -lt 300 ]; do $BB sleep 0.1; i=$((i + 1)); done
mode=rw
net=0
for word in $($BB cat /proc/cmdline); do
  case $word in lab.readonly) mode=ro ;; lab.net=*) net=${word#*=} ;; esac
done
$BB mount -t ext4 -o $mode,noatime /dev/vda /newroot || exec $BB sh
# Each machine of a test has another address; it stays the same from boot to boot.
file=/newroot/etc/systemd/network/10-lab.network
[ -e $file ] || printf '[Match]\nName=en* eth*\n[Network]\nAddress=10.79.%s.2/24\nGateway=10.79.%s.1\nIPv6AcceptRA=no\n' $net $net >$file
$BB umount /proc /sys
$BB mount --move /dev /newroot/dev
exec $BB switch_root /newroot /sbin/init
I
chmod +x initramfs/init
(cd initramfs && find . | cpio -o -H newc --quiet) >initrd

mkfs.ext4 -q -F -E lazy_itable_init=1 -d root disk.img 1200M >/dev/null
rm -rf root kernel initramfs version
find "$cache" -maxdepth 1 -name 'vm-????????????' -mtime +2 -exec rm -rf --one-file-system {} + # nobody uses them any more
cd "$cache"
touch "$new/.complete"
mv "$new" "$cache/$stamp"
say "done: $(du -h "$cache/$stamp/disk.img" | cut -f1)"
echo "$cache/$stamp"
