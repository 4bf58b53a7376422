//! What ifconfig(8) and brconfig(8) print.
