# Asks once who listens to which multicast group (RFC 2710, a general query), as a router would: the device's name.
import socket, struct, sys


def checksum(octets):
    total = sum(struct.unpack(">%dH" % (len(octets) // 2), octets))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
device.bind((sys.argv[1], 0))
source, group = socket.inet_pton(socket.AF_INET6, "fe80::1"), socket.inet_pton(socket.AF_INET6, "ff02::1")
query = struct.pack(">BBHHH16sBBH", 130, 0, 0, 100, 0, b"\0" * 16, 0, 125, 0)
alert = b"\x3a\x00\x05\x02\x00\x00\x01\x00"  # hop-by-hop options: router alert, padding
pseudo = source + group + struct.pack(">II", len(query), 58)
query = query[:2] + struct.pack(">H", checksum(pseudo + query)) + query[4:]
header = struct.pack(">IHBB", 0x60000000, len(alert) + len(query), 0, 1) + source + group
device.send(bytes.fromhex("333300000001020000000099") + b"\x86\xdd" + header + alert + query)
