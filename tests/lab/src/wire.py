# Stands in for a guest without a kernel of its own: holds a TAP's descriptor as QEMU does, and copies frames between it and a device in
# the guest's namespace. Arguments: the TAP's namespace and name, the guest's namespace and its device's name; flags to open the TAP with,
# if they are not those of frames without any header.
import ctypes, fcntl, os, select, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
PLAIN = 0x0002 | 0x1000  # IFF_TAP, IFF_NO_PI


def tap(namespace, name, flags=PLAIN):
    descriptor = os.open("/run/netns/" + namespace, os.O_RDONLY)
    if libc.setns(descriptor, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(descriptor)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", name.encode(), flags))  # TUNSETIFF
    return device


# The TAP's namespace last: that is where the process lives, as QEMU would.
guest = tap(sys.argv[3], sys.argv[4])
host = tap(sys.argv[1], sys.argv[2], int(sys.argv[5], 0) if len(sys.argv) > 5 else PLAIN)
poll = select.poll()
poll.register(host, select.POLLIN)
poll.register(guest, select.POLLIN)
print("wired", flush=True)
while True:
    for descriptor, what in poll.poll():
        if what & ~select.POLLIN:
            sys.exit(0)
        for _ in range(64):
            try:
                frame = os.read(descriptor, 70000)
            except BlockingIOError:
                break
            except OSError:
                sys.exit(0)
            try:
                os.write(guest if descriptor == host else host, frame)
            except OSError:
                pass  # the other side is down: its network card drops the frame
