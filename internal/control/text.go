package control

// Text is the status for people.
func (s Status) Text() string { return "" }
