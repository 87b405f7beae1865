//go:build race

package audio

// raced: the race detector makes arithmetic some ten times as dear, and finds no race in one goroutine.
const raced = true
