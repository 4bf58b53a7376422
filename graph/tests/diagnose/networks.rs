//! The networks that questions are asked about, as text.

/// Two guests on one bridge, as devices 2 and 3; the bridge is device 4.
pub const STD: &str = "
    0 host ns 1 own
    0 host device 2 tapA tap 12 master 4
    0 host device 3 tapB tap 13 master 4
    0 host device 4 br0 bridge 14
    0 host guest 100 a a@2
    0 host guest 101 b b@3
";

/// A asks for B twice at tapA, and nothing comes out at tapB.
pub const ASKED: &str = "
    0.1 tapB<    b>* arp who-has 10.9.0.9 tell 10.9.0.2
    1.0 tapA<    a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0 tapA<    a>* arp who-has 10.9.0.2 tell 10.9.0.1
";

/// A and B know each other, and A's echo comes in at tapA.
pub const KNOWN: &str = "
    0.10 tapA<   a>* arp who-has 10.9.0.2 tell 10.9.0.1
    0.11 tapB>   a>* arp who-has 10.9.0.2 tell 10.9.0.1
    0.12 tapB<   b>a arp 10.9.0.2 is-at for 10.9.0.1
    0.13 tapA>   b>a arp 10.9.0.2 is-at for 10.9.0.1
    1.00 tapA<   a>b icmp request 10.9.0.1>10.9.0.2 7/1
    2.00 tapA<   a>b icmp request 10.9.0.1>10.9.0.2 7/2
";

/// A guest on each of two bridges, 4 and 5; the host routes between them.
pub const ROUTED: &str = "
    0 host ns 1 own
    0 host device 2 tapA tap 12 master 4
    0 host device 3 tapB tap 13 master 5
    0 host device 4 brA bridge 14
    0 host device 5 brB bridge 15
    0 host guest 100 a a@2
    0 host guest 101 b b@3
    0 host address 4 10.9.1.254/24
    0 host address 5 10.9.2.254/24
    0 host route 10.9.1.0/24 4
    0 host route 10.9.2.0/24 5
    0 host set net.ipv4.ip_forward 1
    0.01 tapA<   a>* arp who-has 10.9.1.254 tell 10.9.1.1
    0.02 tapA>  14>a arp 10.9.1.254 is-at for 10.9.1.1
    0.03 tapB<   b>* arp who-has 10.9.2.254 tell 10.9.2.1
    0.04 tapB>  15>b arp 10.9.2.254 is-at for 10.9.2.1
    0.05 host neighbor 5 10.9.2.1 b reachable
    0.06 brB>   15>b udp - 10.9.2.254:1>10.9.2.1:2
";

/// A's echo for B comes as far as the host.
pub const SENT: &str = "
    1.00 tapA<   a>14 icmp request 10.9.1.1>10.9.2.1 7/1
    1.01 brA<    a>14 icmp request 10.9.1.1>10.9.2.1 7/1
    2.00 tapA<   a>14 icmp request 10.9.1.1>10.9.2.1 7/2
    2.01 brA<    a>14 icmp request 10.9.1.1>10.9.2.1 7/2
";
