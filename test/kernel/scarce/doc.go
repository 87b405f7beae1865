// Package scarce has a machine with little memory, which its test uses up: what doorstation check says of it then.
package scarce
