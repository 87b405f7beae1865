// Package config holds the example of a local file, which `doorstation setup` begins with.
package config

import _ "embed" // the example

//go:embed doorstation.example.yaml
var example string

// Example is the text of the example: every key, with what it means.
func Example() []byte { return []byte(example) }
