// Package machine is what a setup works with on this machine: Home Assistant over the network, the hardware, systemd's service, the
// door's files. It maps between package setup and the rooms, and may know all of them.
package machine
