# Attaches a program to a device that drops every frame before anybody sees it (bpf(2), generic XDP), and holds it: the device's name.
import ctypes, os, signal, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
BPF = 321  # x86_64
# r0 = XDP_DROP; exit
program = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0))
licence = ctypes.create_string_buffer(b"GPL\0")


def bpf(command, *fields):
    attributes = ctypes.create_string_buffer(struct.pack(*fields), 128)
    descriptor = libc.syscall(BPF, command, attributes, 128)
    if descriptor < 0:
        sys.exit("bpf: " + os.strerror(ctypes.get_errno()))
    return descriptor


load = "<IIQQIIQII16sII", 6, 2, ctypes.addressof(program), ctypes.addressof(licence), 0, 0, 0, 0, 0, b"drop", 0, 37
loaded = bpf(5, *load)  # BPF_PROG_LOAD
link = bpf(28, "<IIII", loaded, socket.if_nametoindex(sys.argv[1]), 37, 2)  # BPF_LINK_CREATE with XDP_FLAGS_SKB_MODE
print("attached", flush=True)
signal.pause()
