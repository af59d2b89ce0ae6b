//go:build !baton_stackid

#include "textflag.h"

// func peekG(offset uintptr) uint64
TEXT ·peekG(SB), NOSPLIT, $0-16
	MOVD offset+0(FP), R0
	MOVD (g)(R0), R1
	MOVD R1, ret+8(FP)
	RET

// func currentID() uint64
TEXT ·currentID(SB), NOSPLIT, $0-8
	MOVD ·idOffset(SB), R0
	MOVD (g)(R0), R1
	MOVD R1, ret+0(FP)
	RET
