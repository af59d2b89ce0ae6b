package local

// Inherit returns a function that runs f with values of the calling greenlet: of
// each [Local] that has a function Inherit, and a value here. They are taken, by
// that function, when Inherit is called; so the greenlet may end, or change its
// values, before the function runs.
//
//	gevent.Spawn(local.Inherit(f))
//
// The greenlet that runs it keeps the values afterwards; the ones that it had are
// replaced. Gevent has no such thing: there a greenlet never inherits.
func Inherit[F func() | func() error](f F) F {
	values := heritage()
	switch f := any(f).(type) {
	case func():
		if f != nil {
			return any(func() { bequeath(values); f() }).(F)
		}
	case func() error:
		if f != nil {
			return any(func() error { bequeath(values); return f() }).(F)
		}
	}
	panic("local.Inherit: the function is nil; pass the function that is to be run")
}

// heritage returns what the calling greenlet passes on.
func heritage() map[*key]any {
	t, _ := current.Get()
	if t == nil {
		return nil
	}
	heirs := make(map[*key]any)
	t.mu.Lock()
	for k, v := range t.values {
		if k.inherit != nil {
			heirs[k] = v
		}
	}
	t.mu.Unlock()
	for k, v := range heirs { // users' functions, which may use Locals
		heirs[k] = k.inherit(v)
	}
	return heirs
}

// bequeath gives the values to the calling greenlet.
func bequeath(values map[*key]any) {
	for k, v := range values {
		here().set(k, v)
	}
}
