//go:build !unix

package asyncio

// fdBlocks is not asked where no socket is supported.
func fdBlocks(int) bool { return false }
