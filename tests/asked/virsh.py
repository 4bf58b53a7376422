"""As virsh(1) and libvirtd do with a domain's monitor: `virsh.py serve MONITOR SOCKET` holds it, `virsh.py … qemu-monitor-command` asks."""
import json, os, socket, sys

def serve(monitor, path):
    qmp = socket.socket(socket.AF_UNIX)
    qmp.connect(monitor)
    lines = qmp.makefile("r")
    def ask(text, fds):
        socket.send_fds(qmp, [text.encode() + b"\n"], fds)
        while True:
            answer = json.loads(lines.readline())
            if "event" not in answer:
                return answer
    lines.readline()
    ask('{"execute":"qmp_capabilities"}', [])
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    print("holds it", flush=True)
    while True:
        client, _ = server.accept()
        text, fds, _, _ = socket.recv_fds(client, 1 << 20, 4)
        client.sendall(json.dumps(ask(text.decode(), fds)).encode())
        client.close()
        for fd in fds:
            os.close(fd)

def main(arguments):
    if arguments[0] == "serve":
        serve(*arguments[1:])
    if arguments[:2] != ["--quiet", "qemu-monitor-command"] or arguments[arguments.index("--domain") + 1] != "g1":
        sys.exit("error: failed to get domain")
    fds = [int(arguments[arguments.index("--pass-fds") + 1])] if "--pass-fds" in arguments else []
    libvirt = socket.socket(socket.AF_UNIX)
    libvirt.connect(os.environ["FAKE_LIBVIRT"])
    socket.send_fds(libvirt, [arguments[arguments.index("--cmd") + 1].encode()], fds)
    print(libvirt.makefile("r").read())

main(sys.argv[1:])
