// Package local has variables with a value of their own in each greenlet. It is
// Python's gevent.local for Go.
//
// # A variable
//
// A [Local] is mostly a package variable. The zero value is ready to use; New
// makes the value of a greenlet that has none when it first asks:
//
//	var session = local.Local[*Session]{New: newSession}
//
//	func handle() {
//		session.Get().User = "ada" // seen by this greenlet only
//	}
//
// Where gevent has an object with attributes, and runs its __init__ again in each
// greenlet, there is one variable here, of whatever type, and New.
//
// # Inheritance
//
// A greenlet begins without values, as in gevent, whoever spawned it. What is to
// be passed on says so with a function Inherit, and who spawns says so too:
//
//	var request = local.Local[string]{Inherit: local.Share[string]}
//
//	gevent.Spawn(local.Inherit(work)) // request has the spawner's value in it
//
// # The end of a value
//
// A value is forgotten when its greenlet has ended, or when its Local is garbage.
// That of a main greenlet is forgotten with its Run.
package local
