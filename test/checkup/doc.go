// Package checkup provokes the faults that doorstation check knows, on the lab's real parts: each by breaking something, and each gone when
// that is mended.
package checkup
