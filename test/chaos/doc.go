// Package chaos has the troubles that a household's servers and networks get into, and what becomes of the door: the real
// agent in a network of its own, at the end of a wire on which there is weather, and a real Asterisk that is stopped, killed and
// lost. After each trouble the door is registered again by itself, the next press rings and is answered, and nothing
// has been left behind in the agent.
package chaos
