// Package e2e has the scenarios of the household, each told as what a person sees and hears: the real agent, a real
// Asterisk and a real Chromium with JsSIP; Home Assistant is a stand-in that serves its contract.
package e2e
