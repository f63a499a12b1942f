package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
)

// sender sends one request at a time, on a connection of its own.
type sender struct {
	client http.Client
	tried  int
}

func newSender() *sender {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!*http2)
	protocols.SetUnencryptedHTTP2(*http2)
	return &sender{client: http.Client{
		Timeout: *limit,
		Transport: &http.Transport{
			Protocols:         protocols,
			DisableKeepAlives: *fresh,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send gives the status once the whole body has been read.
func (s *sender) send(url string) (int, error) {
	// Go's client quietly sends again what was lost on a connection that it had kept. Here that is a loss, and counted.
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { s.tried++ }}
	s.tried = 0
	ctx := httptrace.WithClientTrace(context.Background(), trace)
	request, err := http.NewRequestWithContext(ctx, *method, url, bytes.NewReader(make([]byte, *body)))
	if err != nil {
		return 0, err
	}
	request.Host = *host
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// takeRetries: how often the last request was sent again.
func (s *sender) takeRetries() int { return max(0, s.tried-1) }
