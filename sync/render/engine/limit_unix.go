//go:build unix

package main

import "syscall"

// limitData makes the process fail when it asks for more memory than this. Where the system can not do that, the agent's
// deadline is what is left.
func limitData(bytes uint64) {
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
