package uring

import "unsafe"

// The layouts of the kernel's interface, which are the same on all
// architectures. What differs does not compile, so vetting for an architecture
// tests it.

var (
	_ [64]byte  = [unsafe.Sizeof(Request{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(Completion{})]byte{}
	_ [120]byte = [unsafe.Sizeof(params{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(sqOffsets{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(cqOffsets{})]byte{}
	_ [8]byte   = [unsafe.Sizeof(probeOp{})]byte{}

	_ [16 + 8*maxOps]byte = [unsafe.Sizeof(probe{})]byte{}
)

var (
	_ [0]byte  = [unsafe.Offsetof(Request{}.op)]byte{}
	_ [1]byte  = [unsafe.Offsetof(Request{}.Flags)]byte{}
	_ [2]byte  = [unsafe.Offsetof(Request{}.ioprio)]byte{}
	_ [4]byte  = [unsafe.Offsetof(Request{}.fd)]byte{}
	_ [8]byte  = [unsafe.Offsetof(Request{}.off)]byte{}
	_ [16]byte = [unsafe.Offsetof(Request{}.addr)]byte{}
	_ [24]byte = [unsafe.Offsetof(Request{}.len)]byte{}
	_ [28]byte = [unsafe.Offsetof(Request{}.opFlags)]byte{}
	_ [32]byte = [unsafe.Offsetof(Request{}.UserData)]byte{}
	_ [40]byte = [unsafe.Offsetof(Request{}.bufIndex)]byte{}
	_ [42]byte = [unsafe.Offsetof(Request{}.personality)]byte{}
	_ [44]byte = [unsafe.Offsetof(Request{}.spliceFD)]byte{}
	_ [48]byte = [unsafe.Offsetof(Request{}.addr3)]byte{}

	_ [0]byte  = [unsafe.Offsetof(Completion{}.UserData)]byte{}
	_ [8]byte  = [unsafe.Offsetof(Completion{}.Result)]byte{}
	_ [12]byte = [unsafe.Offsetof(Completion{}.Flags)]byte{}

	_ [20]byte = [unsafe.Offsetof(params{}.features)]byte{}
	_ [24]byte = [unsafe.Offsetof(params{}.wqFD)]byte{}
	_ [40]byte = [unsafe.Offsetof(params{}.sq)]byte{}
	_ [80]byte = [unsafe.Offsetof(params{}.cq)]byte{}
	_ [24]byte = [unsafe.Offsetof(sqOffsets{}.array)]byte{}
	_ [32]byte = [unsafe.Offsetof(sqOffsets{}.userAddr)]byte{}
	_ [20]byte = [unsafe.Offsetof(cqOffsets{}.cqes)]byte{}
	_ [24]byte = [unsafe.Offsetof(cqOffsets{}.flags)]byte{}

	_ [16]byte = [unsafe.Offsetof(probe{}.ops)]byte{}
	_ [2]byte  = [unsafe.Offsetof(probeOp{}.flags)]byte{}
)
