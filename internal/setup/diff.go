package setup

import "strings"

// diffLine is a line of a text that stays, comes or goes.
type diffLine struct {
	style Style // Plain, Added or Removed
	text  string
}

// diffContext is how many lines that stay are shown around those that don't.
const diffContext = 2

// diff says what changes from one text to another, in lines; lines far from a change are left out and stand as "…". Both are files
// of a few hundred lines, so the table of longest common subsequences is small.
func diff(before, now string) []diffLine {
	a, b := strings.Split(strings.TrimRight(before, "\n"), "\n"), strings.Split(strings.TrimRight(now, "\n"), "\n")
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var all []diffLine
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, diffLine{Plain, a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || length[i+1][j] >= length[i][j+1]):
			all = append(all, diffLine{Removed, a[i]})
			i++
		default:
			all = append(all, diffLine{Added, b[j]})
			j++
		}
	}
	return shorten(all)
}

// shorten leaves out what is far from a change.
func shorten(all []diffLine) []diffLine {
	near := make([]bool, len(all))
	for i, l := range all {
		if l.style != Plain {
			for k := max(0, i-diffContext); k <= min(len(all)-1, i+diffContext); k++ {
				near[k] = true
			}
		}
	}
	var short []diffLine
	for i, l := range all {
		if near[i] {
			short = append(short, l)
		} else if i == 0 || near[i-1] {
			short = append(short, diffLine{Plain, "…"})
		}
	}
	return short
}
