package asyncio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestAReadUntilLooksAgainAtWhatCameAfterAnotherRead(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		r := asyncio.NewStreamReader(100)
		r.FeedData([]byte("aaaa"))
		w := asyncio.CreateTask(c, func(c ctx) ([]byte, error) { return r.ReadUntil(c, []byte(";")) })
		require.NoError(t, yield(c, 1))
		taken, err := r.ReadSome(c, 100)
		require.Equal(t, "aaaa", string(taken))
		require.NoError(t, err)
		r.FeedData([]byte("b;cccc;"))
		line, err := w.Await(c)
		require.Equal(t, "b;", string(line))
		return err
	}))
}

func TestOfTwoSeparatorsThatEndTogetherTheShorterOneCounts(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		for _, separators := range [][][]byte{{[]byte("a;"), []byte(";")}, {[]byte(";"), []byte("a;")}} {
			r := asyncio.NewStreamReader(3)
			r.FeedData([]byte("xxxa;"))
			_, err := r.ReadUntil(c, separators...)
			require.Equal(t, &asyncio.LimitOverrunError{Consumed: 4, Found: true}, err)
		}
		return nil
	}))
}
