package net

import "syscall"

// OpenBSD has no times for a single connection.

func sysSetKeepIdle(int, int) error     { return syscall.ENOPROTOOPT }
func sysSetKeepInterval(int, int) error { return syscall.ENOPROTOOPT }
func sysSetKeepCount(int, int) error    { return syscall.ENOPROTOOPT }
