// Package setup is the conversation behind `doorstation setup`: from a machine with a button and a camera to a door that rings.
//
// It knows neither terminal nor hardware nor network: a [Person] answers, and Home Assistant, the PBX, the hardware, the service and
// the files are interfaces of two to five methods ([Home], [Exchange], [Hardware], [Agent], [Files]). The package machine implements
// them for this machine, the package terminal puts the questions to a terminal.
//
// Everything is gathered first; only the last but one step writes, and each file as a whole. Whoever stops before that finds
// everything as it was, and the agent running again if it ran.
package setup
