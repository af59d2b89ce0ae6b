//go:build !unix

package subprocess_test

// hasChildren cannot tell.
func hasChildren() bool { return false }
