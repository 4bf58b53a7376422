# Asks for an old lease as a DHCP client does after a reboot (RFC 2131, section 4.3.2, INIT-REBOOT): the device's name, the address.
import fcntl, socket, struct, sys

client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
client.setsockopt(socket.SOL_SOCKET, 25, sys.argv[1].encode())  # SO_BINDTODEVICE
client.bind(("0.0.0.0", 68))
mac = fcntl.ioctl(client, 0x8927, struct.pack("16s24x", sys.argv[1].encode()))[18:24]  # SIOCGIFHWADDR
zero = b"\0" * 4
message = struct.pack(">BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, 0x1234, 0, 0x8000, zero, zero, zero, zero, mac, b"", b"")
message += b"\x63\x82\x53\x63" + b"\x35\x01\x03" + b"\x32\x04" + socket.inet_aton(sys.argv[2]) + b"\xff"
client.sendto(message, ("255.255.255.255", 67))
