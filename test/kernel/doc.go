// Package kernel runs tests on real kernel drivers without hardware: in a User-Mode Linux, an ordinary program that is a whole
// Linux kernel with simulated cameras (vivid, v4l2loopback), coders (vicodec, vim2m), a sound card (snd-aloop) and GPIO chips
// (gpio-sim) built in. Neither KVM nor root is needed, and nothing of the machine changes.
//
//	make test-kernel                                    builds the kernel once, then runs all there is
//	go test -tags kernel,nolibopusfile -exec "$PWD/bin/kernel" -run '^TestKernel' ./internal/camera
//
// The second line, after the first, runs the kernel tests of one package: go test hands the test binary to test/kernel/run, which
// runs it in a guest of its own and gives back its output and exit status. Such tests are in files named *_kernel_test.go
// with the build tag "kernel" and are called TestKernel…; what devices there are they ask of the package test/kernel/device.
//
// The guest's root directory is that of the machine, read-only (hostfs): a test binary finds there the very libraries it was linked
// with, whatever release of Debian this is, and nothing has to be made or kept up to date. What may be written is under /run
// (TMPDIR too), in memory. The guest has no network but its own loopback.
//
// A package's testdata/guest may hold more words for the guest's kernel: parameters of its drivers, or time-travel=inf-cpu. With that
// the guest's clock goes on only when nothing is left to do: waiting costs no time, no program is ever late, and a test finds the same
// on a busy machine as on an idle one. It's not for tests that measure what work costs.
package kernel
