package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// children are the processes of one control plane. The kernel kills each of them when this process dies,
// however it dies, so that nothing is ever left behind.
type children struct {
	logs  string
	ended chan string

	mu        sync.Mutex
	processes []*exec.Cmd
	gone      []chan struct{}
}

func newChildren(logs string) *children {
	return &children{logs: logs, ended: make(chan string, 8)}
}

// start runs this same binary as another part, its output in a log file of the part's name.
func (c *children) start(part string, flags []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.logs, part+".log"))
	if err != nil {
		return err
	}
	command := exec.Command(self, append([]string{part}, flags...)...)
	command.Stdout, command.Stderr = log, log
	command.Dir = c.logs
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	gone := make(chan struct{})
	go func() {
		// The death signal follows the thread that made the child, so that thread is kept until the child ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		started <- command.Start()
		if command.Process == nil {
			return
		}
		_ = command.Wait()
		close(gone)
		c.ended <- part
	}()
	if err := <-started; err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = append(c.processes, command)
	c.gone = append(c.gone, gone)
	return nil
}

// stop ends the parts in reverse order: politely for two seconds, then not.
func (c *children) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.processes) - 1; i >= 0; i-- {
		// The API server drains for many seconds when asked politely; nothing here needs that.
		signal := syscall.SIGKILL
		if i == 0 {
			signal = syscall.SIGTERM
		}
		_ = c.processes[i].Process.Signal(signal)
		select {
		case <-c.gone[i]:
		case <-time.After(2 * time.Second):
			_ = c.processes[i].Process.Kill()
			<-c.gone[i]
		}
	}
}
