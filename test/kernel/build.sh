#!/usr/bin/env bash
# Build the kernel that test/kernel runs its tests on, once, into the cache directory: User-Mode Linux from Debian's linux-source,
# with simulated hardware built in. Needs the network; three minutes on two processors. Prints nothing when the kernel is there.
# usage: build.sh           needs what `scripts/deps.sh kernel` installs; no root
#   DOORSTATION_KERNEL_KEEP=1 leaves the source tree in the cache, beside the kernel
# The kernel is made anew when this script changes. It is made beside its place and moved there when whole, under a lock: two builds
# at once do not collide, and one that was interrupted leaves nothing that looks finished.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
cache=${DOORSTATION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/doorstation-lab}
suite=forky # Debian's stable kernels have no gpio-sim, and its older v4l2loopback doesn't fit newer kernels

started=$SECONDS
say() { printf 'kernel: [%3d s] %s\n' $((SECONDS - started)) "$*"; }
die() { printf 'kernel: %s\n' "$*" >&2; exit 1; }

[[ $(uname -s) = Linux && $(uname -m) = x86_64 ]] ||
  die "the tests on real drivers need User-Mode Linux, which exists for Linux on x86-64 only; this machine is $(uname -s) on $(uname -m)"

stamp=kernel-$(cat "$here/build.sh" | sha256sum | cut -c1-12)
mkdir -p "$cache"
exec 9>"$cache/kernel.lock"
flock 9
new=$cache/$stamp.new
trap 'rm -rf --one-file-system "$new"' EXIT

# fetch gets the sources: the kernel's into src, v4l2loopback's into loopback.
fetch() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg source
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$') ||
    die "apt names no Debian mirror here"
  mkdir -p apt/lists/partial apt/archives/partial
  echo "deb [signed-by=$keyring] $mirror $suite main" >apt/sources.list
  # A mirror that lags makes the release look expired; that must not stop a test's kernel.
  cat >apt/apt.conf <<END
Dir::Etc::sourcelist "$new/apt/sources.list"; Dir::Etc::sourceparts "-";
Dir::State "$new/apt"; Dir::State::lists "$new/apt/lists"; Dir::State::status "/dev/null"; Dir::Cache "$new/apt";
APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "3";
END
  export APT_CONFIG=$new/apt/apt.conf
  apt-get -qq update
  source=$(apt-cache depends linux-source | sed -n 's/.*Depends: \(linux-source-[0-9.]*\)$/\1/p' | head -1)
  [[ -n $source ]] || die "Debian $suite names no linux-source"
  say "fetching $source (160 MB) and v4l2loopback of Debian $suite"
  apt-get -qq download "$source" v4l2loopback-dkms
  unset APT_CONFIG
  mkdir src loopback
  dpkg-deb --fsys-tarfile "$source"_*.deb | tar -xO "./usr/src/$source.tar.xz" | tar -xJ -C src --strip-components=1
  dpkg-deb --fsys-tarfile v4l2loopback-dkms_*.deb | tar -x -C loopback --strip-components=4 --wildcards './usr/src/*/*.[ch]'
  rm -rf apt ./*.deb
}

# adapt puts into the source tree what it lacks.
adapt() {
  # v4l2loopback is made for a module; it works built in as well.
  mkdir src/drivers/media/test-drivers/v4l2loopback
  mv loopback/*.[ch] src/drivers/media/test-drivers/v4l2loopback/
  echo 'obj-y := v4l2loopback.o' >src/drivers/media/test-drivers/v4l2loopback/Makefile
  echo 'obj-y += v4l2loopback/' >>src/drivers/media/test-drivers/Makefile
  # Time as on the kernels of Debian and Raspberry Pi OS: snd-aloop counts in ticks.
  sed -i '/^config HZ$/,/default/s/default 100$/default 250/' src/arch/um/Kconfig
  # User-Mode Linux can't interrupt itself, so that interrupt work (the edges of gpio-sim) waits for the next tick, and edges of
  # one line in between become one. A shot of the timer at once makes good for it.
  local time=src/arch/um/kernel/time.c
  sed -i -e 's|^#include <linux/threads.h>|#include <linux/irq_work.h>\n&|' \
    -e 's|^\tevt->event_handler(evt);|\tirq_work_run();\n&|' \
    -e 's|^static struct clock_event_device _timer_clockevent|void arch_irq_work_raise(void)\
{\
	struct clock_event_device *evt = \&timer_clockevent[raw_smp_processor_id()];\
\
	if (clockevent_state_oneshot(evt))\
		itimer_next_event(0, evt);\
}\
\
&|' $time
  [[ $(grep -c irq_work $time) = 3 ]] || die "the timer of this kernel isn't as it was: $time"
}

# configure chooses what is built: as little as the tests need, so that it does not take long. With the clock of time-travel=inf-cpu a
# thread that spins until another has done something lets it run after so many iterations.
configure() {
  local option options=(-e DEBUG_INFO_NONE --set-val UML_PCI_OVER_VIRTIO_DEVICE_ID 1 --set-val UML_MAX_USERSPACE_ITERATIONS 50) wanted=(
    # A Linux in which Go programs run, with consoles that lead out of it and the machine's files.
    64BIT STATIC_LINK BINFMT_ELF BINFMT_SCRIPT BLOCK CGROUPS NAMESPACES USER_NS NET_NS FHANDLE SYSVIPC POSIX_MQUEUE NO_HZ_IDLE HIGH_RES_TIMERS
    UML_TIME_TRAVEL_SUPPORT SSL STDERR_CONSOLE NULL_CHAN PTY_CHAN UNIX98_PTYS HOSTFS DEVTMPFS DEVTMPFS_MOUNT SHMEM TMPFS TMPFS_XATTR
    CONFIGFS_FS INOTIFY_USER NET UNIX INET IPV6 PACKET
    # Faults that say where they are.
    KALLSYMS BUG
    # The first two bring HAS_IOMEM, without which sound and vivid can't be chosen.
    UML_PCI_OVER_VIRTIO VIRTIO_UML
    GPIOLIB GPIO_CDEV GPIO_SIM
    MEDIA_SUPPORT MEDIA_SUPPORT_FILTER MEDIA_TEST_SUPPORT MEDIA_CAMERA_SUPPORT MEDIA_PLATFORM_SUPPORT V4L_TEST_DRIVERS
    V4L_PLATFORM_DRIVERS V4L_MEM2MEM_DRIVERS FB VIDEO_VIVID VIDEO_VICODEC VIDEO_VIM2M
    SOUND SND SND_DRIVERS SND_PROC_FS SND_VERBOSE_PROCFS SND_ALOOP
  )
  for option in "${wanted[@]}"; do options+=(-e "$option"); done
  make -s ARCH=um allnoconfig
  ./scripts/config "${options[@]}"
  make -s ARCH=um olddefconfig
  for option in "${wanted[@]}"; do
    grep -q "^CONFIG_$option=y" .config || die "the kernel's configuration refused $option"
  done
}

if [[ ! -d $cache/$stamp ]]; then
  for tool in gcc make flex bison bc xz dpkg-deb apt-get; do
    command -v "$tool" >/dev/null || die "$tool is missing; scripts/deps.sh kernel installs what is needed"
  done
  rm -rf --one-file-system "$new"
  mkdir "$new"
  cd "$new"
  fetch
  adapt
  cd src
  configure
  say "building Linux $(make -s ARCH=um kernelversion) (five minutes on two processors, once)"
  make -s -j"$(nproc)" ARCH=um linux >../build.log 2>&1 9>&- || { tail -30 ../build.log >&2; die "the kernel doesn't build"; }
  strip -o ../linux linux
  cp .config ../config
  make -s ARCH=um kernelversion >../version
  cd ..
  ./linux --version >/dev/null || die "the kernel that was built doesn't run here"
  [[ -n ${DOORSTATION_KERNEL_KEEP:-} ]] || rm -rf src loopback
  # Those of other versions of this script stay a while: another clone may use them.
  find "$cache" -maxdepth 1 -name 'kernel-*' -mtime +30 -exec rm -rf --one-file-system {} +
  mv "$new" "$cache/$stamp"
  say "Linux $(cat "$cache/$stamp/version") is in $cache/$stamp"
fi
ln -sfn "$stamp" "$cache/kernel"
