// Command engine renders kustomizations and Helm charts with the libraries of kustomize and Helm themselves.
//
// It reads one request a line from its standard input and answers it by one line. Meanwhile it asks for the files that it
// needs, line by line: it has no file system, no network and no environment of its own.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

func main() {
	limitMemory()
	// Where memory runs out all the same, this process goes and not the agent.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	http.DefaultTransport = noNetwork{}
	go endWithParent(os.Getppid())
	wire := newWire(os.Stdin, os.Stdout)
	for {
		request, err := wire.next()
		if err != nil {
			return
		}
		documents, err := render(request, wire)
		if broken := wire.answer(documents, err); broken != nil {
			return
		}
	}
}

// endWithParent ends the process once nobody is there any more who would end it: a template may run for ever.
func endWithParent(parent int) {
	for range time.Tick(time.Second) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}

func render(request *request, wire *wire) (documents []document, err error) {
	// A library that gives up on what somebody wrote must not end the process without a word.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("it can not be rendered: %v", cause)
		}
	}()
	switch {
	case request.Kustomize != nil:
		return renderKustomize(request.Kustomize, newTree(wire))
	case request.Helm != nil:
		return renderHelm(request.Helm, newTree(wire))
	case request.Index != nil:
		return versionsOf(request.Index, newTree(wire))
	}
	return nil, errors.New("the request asks for nothing that is known")
}

// limitMemory keeps the heap small, and ends the process before it takes the machine's.
func limitMemory() {
	const usual = 384
	megabytes, err := strconv.Atoi(os.Getenv("LOCKSTEP_ENGINE_MEMORY"))
	if err != nil {
		megabytes = usual
	}
	debug.SetMemoryLimit(int64(megabytes) << 19)
	limitData(uint64(megabytes) << 20)
}

type noNetwork struct{}

func (noNetwork) RoundTrip(request *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s is not read: remote files and bases are off; keep a copy in the repository", request.URL.Redacted())
}
