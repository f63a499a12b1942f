// Client sends requests for a time and tells how many failed, and how. It ends with 1 when one did.
//
//	client [FLAGS] URL
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

var (
	connections = flag.Int("connections", 8, "how many requests are under way at a time, each on a connection of its own")
	duration    = flag.Duration("for", 0, "how long to send, without end until SIGTERM or SIGINT if 0")
	count       = flag.Int("count", 0, "how many requests to send at most, no limit if 0")
	rate        = flag.Float64("rate", 0, "requests per second in all, as fast as they are answered if 0")
	limit       = flag.Duration("timeout", 10*time.Second, "how long one request may take")
	wait        = flag.Duration("wait", 0, "how long to wait for a first answer of 200 before it counts")
	host        = flag.String("host", "", "the Host header, the URL's if empty")
	method      = flag.String("method", "GET", "the method")
	body        = flag.Int("body", 0, "bytes of request body")
	http2       = flag.Bool("http2", false, "HTTP/2 without TLS, by prior knowledge")
	fresh       = flag.Bool("new-connections", false, "a new connection for each request")
)

func main() {
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := awaitFirst(ctx, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "no answer of 200:", err)
		os.Exit(1)
	}
	if *duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *duration)
		defer cancel()
	}
	result := run(ctx, flag.Arg(0))
	json.NewEncoder(os.Stdout).Encode(result)
	if result.Failed > 0 || result.Retried > 0 {
		os.Exit(1)
	}
}

// awaitFirst asks until the answer is 200.
func awaitFirst(ctx context.Context, url string) error {
	sender := newSender()
	for end := time.Now().Add(*wait); *wait > 0; {
		status, err := sender.send(url)
		switch {
		case status == 200:
			return nil
		case time.Now().After(end) && err != nil:
			return err
		case time.Now().After(end):
			return fmt.Errorf("status %d", status)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// run sends until the context ends; a request that has begun is waited for, and counts.
func run(ctx context.Context, url string) Result {
	turns := make(chan struct{})
	go pace(ctx, turns)
	tally := newTally()
	var senders sync.WaitGroup
	for range *connections {
		senders.Go(func() {
			sender := newSender()
			for range turns {
				begun := time.Now()
				status, err := sender.send(url)
				tally.add(begun, status, err, sender.takeRetries())
			}
		})
	}
	senders.Wait()
	return tally.result()
}

// pace gives out a turn per request, evenly when there is a rate.
func pace(ctx context.Context, turns chan<- struct{}) {
	defer close(turns)
	begun := time.Now()
	for given := 0; *count == 0 || given < *count; given++ {
		due := time.After(0)
		if *rate > 0 {
			due = time.After(time.Until(begun.Add(time.Duration(float64(given) / *rate * float64(time.Second)))))
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		select {
		case <-ctx.Done():
			return
		case turns <- struct{}{}:
		}
	}
}
