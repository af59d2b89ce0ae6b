package fileobject_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
)

func Example() {
	dir, err := os.MkdirTemp("", "fileobject")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "lines")
	err = gevent.Run(func() error {
		if err := fileobject.WriteFile(name, []byte("one\ntwo\n"), 0o600); err != nil {
			return err
		}
		f, err := fileobject.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		for s.Scan() { // other greenlets run meanwhile
			fmt.Println(s.Text())
		}
		return s.Err()
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// one
	// two
}
