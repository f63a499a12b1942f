package main

import (
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Result is what is printed. Times are in milliseconds; the first failures are told with their moment.
type Result struct {
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Retried  int            `json:"retried"`
	Statuses map[string]int `json:"statuses"`
	Errors   map[string]int `json:"errors,omitempty"`
	First    []Failure      `json:"first_failures,omitempty"`
	Median   float64        `json:"median_ms"`
	P99      float64        `json:"p99_ms"`
	Slowest  float64        `json:"slowest_ms"`
}

// Failure is an answer other than 2xx, or none.
type Failure struct {
	At  time.Time `json:"at"`
	Why string    `json:"why"`
}

type tally struct {
	mutex sync.Mutex
	so    Result
	took  []float64
}

func newTally() *tally {
	return &tally{so: Result{Statuses: map[string]int{}, Errors: map[string]int{}}}
}

// Addresses with their ports differ from error to error, and would make each one of its kind.
var ports = regexp.MustCompile(`\b[0-9.]+:\d+(->\S+:\d+)?`)

func (t *tally) add(begun time.Time, status int, err error, retries int) {
	took := float64(time.Since(begun).Microseconds()) / 1000
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.so.Requests++
	t.so.Retried += retries
	t.took = append(t.took, took)
	why := ""
	if status > 0 {
		t.so.Statuses[strconv.Itoa(status)]++
	}
	if err != nil {
		why = ports.ReplaceAllString(err.Error(), "ADDRESS")
		t.so.Errors[why]++
	} else if status < 200 || status > 299 {
		why = "status " + strconv.Itoa(status)
	}
	if why == "" {
		return
	}
	t.so.Failed++
	if len(t.so.First) < 10 {
		t.so.First = append(t.so.First, Failure{begun, why})
	}
}

func (t *tally) result() Result {
	slices.Sort(t.took)
	if n := len(t.took); n > 0 {
		t.so.Median, t.so.P99, t.so.Slowest = t.took[n/2], t.took[n*99/100], t.took[n-1]
	}
	return t.so
}
