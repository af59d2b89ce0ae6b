package coro_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/baton-go/baton/coro"
)

func TestAGeneratorLivesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ticks := coro.Generate(func(yield func(time.Duration) error) error {
			for {
				time.Sleep(time.Hour)
				if err := yield(time.Since(start)); err != nil {
					return err
				}
			}
		})
		for i := range 3 {
			v, err := ticks.Next()
			assert.NoError(t, err)
			assert.Equal(t, time.Duration(i+1)*time.Hour, v)
		}
		assert.NoError(t, ticks.Close())
		for v := range upTo(3).All() {
			time.Sleep(time.Duration(v) * time.Hour)
		}
		assert.Equal(t, 6*time.Hour, time.Since(start))
	})
	assert.Zero(t, coro.Live())
}
