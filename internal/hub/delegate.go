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
