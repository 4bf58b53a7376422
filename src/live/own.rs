//! What tapscope itself puts on the wire, which it must not see: it would send what it captures of what it sends.

use std::net::{IpAddr, SocketAddr};

/// A capture filter that leaves out what is ours; none where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own(Vec<String>);

impl Own {
    /// The ssh connection that this program's output goes into, by `SSH_CONNECTION` (ssh(1), ENVIRONMENT): client's address and port, then
    /// the server's.
    pub fn add_ssh(&mut self, connection: &str) {
        let words: Vec<&str> = connection.split_whitespace().collect();
        let [client, client_port, server, server_port] = words[..] else { return };
        let address = |text: &str| text.split('%').next().and_then(|text| text.parse::<IpAddr>().ok());
        let (Some(client), Some(server)) = (address(client), address(server)) else { return };
        let (Ok(client_port), Ok(server_port)) = (client_port.parse::<u16>(), server_port.parse::<u16>()) else { return };
        self.0.push(format!("(tcp and host {client} and host {server} and port {client_port} and port {server_port})"));
    }

    /// What a server at an address sends.
    pub fn add_server(&mut self, address: SocketAddr) {
        let port = address.port();
        self.0.push(match address.ip() {
            ip if ip.is_unspecified() => format!("(tcp and port {port})"),
            ip => format!("(tcp and host {ip} and port {port})"),
        });
    }

    /// What the user wants to see, without what is ours.
    pub fn filter(&self, wanted: Option<&str>) -> Option<String> {
        let wanted = wanted.filter(|wanted| !wanted.trim().is_empty());
        if self.0.is_empty() {
            return wanted.map(str::to_owned);
        }
        let own = format!("not ({})", self.0.join(" or "));
        Some(wanted.map_or_else(|| own.clone(), |wanted| format!("({wanted}) and {own}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_capture::filter::Filter;

    #[test]
    fn the_way_that_a_recording_takes_is_not_recorded() {
        let mut own = Own::default();
        assert_eq!(own.filter(None), None);
        assert_eq!(own.filter(Some("arp")).as_deref(), Some("arp"));
        own.add_ssh("10.0.0.9 51234 10.0.0.1 22");
        own.add_ssh("nonsense");
        own.add_ssh("fe80::1%eth0 51234 fe80::2%eth0 22");
        own.add_server("0.0.0.0:57012".parse().expect("an address"));
        let filter = own.filter(Some("ip or ip6")).expect("a filter");
        assert_eq!(
            filter,
            "(ip or ip6) and not ((tcp and host 10.0.0.9 and host 10.0.0.1 and port 51234 and port 22) or \
             (tcp and host fe80::1 and host fe80::2 and port 51234 and port 22) or (tcp and port 57012))"
        );
        Filter::new(&filter).expect("libpcap understands it");
    }
}
