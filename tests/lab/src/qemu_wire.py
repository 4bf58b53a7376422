# A guest without a kernel of its own, in a real QEMU: what the NIC of a QEMU process would send and receive goes to a device in the guest's
# namespace. The machine has a card that nothing drives; filters of QEMU (net/filter-mirror.c) take its place at the netdev `n0`.
# Arguments: QEMU's namespace, the guest's namespace, its device's name and address, a folder for sockets, QEMU's further arguments, `-netdev`
# among them.
import ctypes, fcntl, os, select, socket, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    descriptor = os.open("/run/netns/" + namespace, os.O_RDONLY)
    if libc.setns(descriptor, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(descriptor)


def connect(path):
    deadline = time.monotonic() + 20
    while True:
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(path)
            return stream
        except OSError:
            if time.monotonic() > deadline or os.getppid() == 1:
                raise
            time.sleep(0.02)


def copy(tap, into, out):
    into, out = connect(into), connect(out)
    poll = select.poll()
    poll.register(tap, select.POLLIN)
    poll.register(out, select.POLLIN)
    print("wired", flush=True)
    waiting = b""
    while True:
        for descriptor, what in poll.poll():
            if descriptor == tap:
                frame = os.read(tap, 70000)
                # As on a socket netdev: the length in four octets, then the frame.
                into.sendall(struct.pack(">I", len(frame)) + frame)
                continue
            waiting += out.recv(1 << 16) or sys.exit(0)
            while len(waiting) >= 4:
                length = struct.unpack(">I", waiting[:4])[0]
                if len(waiting) < 4 + length:
                    break
                try:
                    os.write(tap, waiting[4 : 4 + length])
                except OSError:
                    pass  # its network card is down
                waiting = waiting[4 + length :]


host, guest, nic, mac, folder, *arguments = sys.argv[1:]
enter(guest)
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", nic.encode(), 0x0002 | 0x1000))  # TUNSETIFF: IFF_TAP, IFF_NO_PI
enter(host)
into, out = folder + "/into", folder + "/out"
if os.fork() == 0:
    copy(tap, into, out)
os.close(tap)
user = os.environ.get("QEMU_USER")
if user:
    os.chmod(folder, 0o777)
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
os.execvp(
    "qemu-system-x86_64",
    ["qemu-system-x86_64", "-M", "pc", "-accel", "tcg,tb-size=16", "-m", "16", "-nodefaults", "-display", "none"]
    + ["-chardev", "socket,id=into,server=on,wait=off,path=" + into, "-chardev", "socket,id=out,server=on,wait=off,path=" + out]
    + arguments
    + ["-device", "e1000,netdev=n0,romfile=,mac=" + mac]
    + ["-object", "filter-redirector,id=r0,netdev=n0,queue=tx,outdev=out", "-object", "filter-redirector,id=r1,netdev=n0,queue=rx,indev=into"],
)
