//go:build !baton_stackid

#include "textflag.h"

// func peekG(offset uintptr) uint64
TEXT ·peekG(SB), NOSPLIT, $0-16
	MOVQ (TLS), AX
	MOVQ offset+0(FP), CX
	MOVQ (AX)(CX*1), AX
	MOVQ AX, ret+8(FP)
	RET

// func currentID() uint64
TEXT ·currentID(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ ·idOffset(SB), CX
	MOVQ (AX)(CX*1), AX
	MOVQ AX, ret+0(FP)
	RET
