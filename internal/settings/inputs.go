package settings

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

func (r *reader) inputs(n ast.Node, p *parts, in *Inputs) {
	r.mapping(n, "inputs", keys{
		"contact": func(n ast.Node) { in.Contact = r.contact(n, p) },
		"tamper":  func(n ast.Node) { in.Tamper = r.tamper(n, p) },
	})
}

func (r *reader) contact(n ast.Node, p *parts) *Contact {
	// A contact that is closed while the door is shut, to ground: a cable that is cut reads as an open door.
	c := Contact{Open: "high", Pull: "up", Debounce: 100 * time.Millisecond, LeftOpen: 2 * time.Minute}
	var pin ast.Node
	ok := r.mapping(n, "a door contact", keys{
		"pin":       func(n ast.Node) { pin = n },
		"open":      func(n ast.Node) { c.Open = r.choice(n, "low", "high") },
		"pull":      func(n ast.Node) { c.Pull = r.choice(n, "up", "down", "none") },
		"debounce":  func(n ast.Node) { c.Debounce = r.duration(n, time.Millisecond, 5*time.Second, "100ms") },
		"left_open": func(n ast.Node) { c.LeftOpen = r.duration(n, 5*time.Second, 24*time.Hour, "2m") },
		"forced":    func(n ast.Node) { c.Forced = r.boolean(n) },
	})
	if ok {
		c.Pin = r.pin(n, pin, p, "the door contact")
	}
	return &c
}

func (r *reader) tamper(n ast.Node, p *parts) *Tamper {
	t := Tamper{Active: "high", Pull: "up", Debounce: 100 * time.Millisecond, BlockLock: true}
	var pin ast.Node
	ok := r.mapping(n, "a tamper switch", keys{
		"pin":        func(n ast.Node) { pin = n },
		"active":     func(n ast.Node) { t.Active = r.choice(n, "low", "high") },
		"pull":       func(n ast.Node) { t.Pull = r.choice(n, "up", "down", "none") },
		"debounce":   func(n ast.Node) { t.Debounce = r.duration(n, time.Millisecond, 5*time.Second, "100ms") },
		"block_lock": func(n ast.Node) { t.BlockLock = r.boolean(n) },
	})
	if ok {
		t.Pin = r.pin(n, pin, p, "the tamper switch")
	}
	return &t
}
