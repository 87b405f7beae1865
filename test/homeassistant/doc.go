// Package homeassistant holds the door against a real Home Assistant Core: what the stand-in of all other tests says is what the real one
// says, and a door comes from nothing to its registration with one.
package homeassistant
