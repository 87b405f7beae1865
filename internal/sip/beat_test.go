package sip

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnAgentWithoutItsPBXIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nowhere := errors.New("nobody knows")
		a, err := New(Config{
			Extension: "110", Password: "x", Domain: "pbx.invalid",
			Locate: func(context.Context) (Endpoint, error) { return Endpoint{}, nowhere },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err = a.Alive(t.Context()); err != nil {
			t.Errorf("before Run: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		for range 100 {
			time.Sleep(17 * time.Second)
			if err = a.Alive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if err = <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if err = a.Alive(t.Context()); err != nil {
			t.Errorf("after Run: %v", err)
		}
	})
}

func TestAnAgentWhoseLoopStandsStillIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a, err := New(Config{
			Extension: "110", Password: "x", Domain: "pbx.invalid",
			Locate: func(context.Context) (Endpoint, error) {
				<-release // and does not look at its context
				return Endpoint{}, errors.New("late")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(heartLimit)
		if err = a.Alive(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if err = a.Alive(t.Context()); !errors.Is(err, ErrHangs) {
			t.Errorf("it says %v", err)
		}
		stop()
		close(release)
		if err = <-done; err != nil {
			t.Error(err)
		}
	})
}
