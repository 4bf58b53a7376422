# Sends a frame: the device's name, the octets in hexadecimal.
import socket, sys

device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
device.bind((sys.argv[1], 0))
device.send(bytes.fromhex(sys.argv[2]).ljust(60, b"\0"))
