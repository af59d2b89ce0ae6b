package hub

// An Unlinker is a registration that is kept in no Links, and knows itself how it
// is taken back.
type Unlinker interface {
	// Unlink takes it back and reports whether it could: see [Link.Unlink].
	Unlink() bool
}

// elsewhere marks the Link of a registration that is kept in no Links.
var elsewhere Links

// DelegatedLink returns a Link whose Unlink is that of u.
func DelegatedLink(u Unlinker) *Link { return &Link{list: &elsewhere, to: u} }

// Outside reports whether somebody outside the thread may tell a Link that was just
// made: whether its Unlinker has a method Outside that says so.
func Outside(l *Link) bool {
	if l == nil {
		return false
	}
	o, ok := l.to.(interface{ Outside() bool })
	return ok && o.Outside()
}
