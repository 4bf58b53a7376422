//! What the kernel lets through to a ring: programs of the Berkeley Packet Filter, compiled by libpcap and put behind each other.
//!
//! Read pcap-filter(7) first. Two things of it shape this file. First, `vlan` shifts what all that follows looks at, so two expressions
//! cannot be joined by `and` as text: each is compiled alone, and the programs are joined instead. Second, `inbound` and `outbound` only
//! work in the kernel: libpcap also runs the filter that it was given on the first frames of a ring in user space, where these words
//! match nothing, and the first frame of a quiet line would be lost (libpcap issues 1254 and 1482). So libpcap compiles, and the program
//! is attached to its socket past it.

use super::{Follow, Role};
use pcap::{Active, Capture};
use socket2::{SockFilter, SockRef};
use std::fmt::Write;
use std::io;
use tapscope_graph::{Direction, LinkType};

/// `BPF_RET | BPF_K` and `BPF_JMP | BPF_JA` (linux/bpf_common.h).
const RETURN: u16 = 0x06;
const JUMP: u16 = 0x05;
/// The kernel refuses longer programs (`BPF_MAXINSNS`, linux/bpf_common.h).
const LONGEST: usize = 4096;

/// Protocols that say how a network works, above Ethernet's header or behind VLAN tags.
///
/// `icmp6` alone would miss what has a hop-by-hop header before it, such as all of MLD (RFC 3810, section 5), and fragments.
const CONTROL: &str = "icmp or icmp6 or (ip6 and (ip6[6] = 0 or ip6[6] = 44) and ip6[40] = 58) or igmp \
    or udp port 67 or udp port 68 or udp port 546 or udp port 547";
/// What of them a VXLAN carries over IPv4: behind its header of 8 octets stands an Ethernet frame (RFC 7348, section 5; ports of IANA and of
/// Linux). There ARP, ICMP and ICMPv6 tell under which identifier the other end sends.
///
/// A program of its own: libpcap 1.10 misses tagged frames where octets of `udp` and `vlan` stand in one expression.
const TUNNELED_CONTROL: &str = "(udp dst port 4789 or udp dst port 8472) and (udp[28:2] = 0x0806 or (udp[28:2] = 0x0800 and udp[39] = 1) \
    or (udp[28:2] = 0x86dd and udp[36] = 58))";
/// Frames of LLC (their type is a length), and those to the addresses of IEEE 802.1 (STP, LACP, LLDP, EAPOL) and Cisco (CDP, PVST).
const LINK_CONTROL: &str = "ether[12:2] <= 1500 or (ether[0:4] = 0x0180c200 and ether[4] = 0) or ether[0:4] = 0x01000ccc";

/// The expression for the control protocols and what the user follows.
fn control(link_type: LinkType, follow: &[Follow]) -> String {
    let mut inner = CONTROL.to_owned();
    for followed in follow {
        let _ = match followed {
            Follow::Ip(ip) => write!(inner, " or host {ip}"),
            Follow::Mac(mac) if link_type == LinkType::ETHERNET => write!(inner, " or ether host {mac}"),
            // Nothing else has hardware addresses where libpcap looks for them.
            Follow::Mac(_) => Ok(()),
        };
    }
    if link_type != LinkType::ETHERNET {
        return inner;
    }
    let inner = format!("arp or {inner}");
    // A tag may be beside the frame or in it, and a second one behind it (IEEE 802.1ad). Each `vlan` looks one tag deeper from there on.
    format!("{LINK_CONTROL} or {inner} or (vlan and ({inner} or (vlan and ({inner}))))")
}

/// Why the kernel's filter could not be set.
pub(super) enum Refusal {
    /// libpcap cannot compile the user's expression for this link type.
    User(pcap::Error),
    /// libpcap cannot compile one of ours.
    Own(pcap::Error),
    /// The kernel does not take it.
    Kernel(io::Error),
}

/// Lets through what a point of this role wants of one direction.
pub(super) fn attach(
    capture: &Capture<Active>,
    link_type: LinkType,
    role: Role,
    direction: Option<Direction>,
    user: Option<&str>,
    follow: &[Follow],
) -> Result<(), Refusal> {
    let mut programs = Vec::new();
    match direction {
        Some(Direction::Inbound) => programs.push(compile(capture, "inbound").map_err(Refusal::Own)?),
        Some(Direction::Outbound) => programs.push(compile(capture, "outbound").map_err(Refusal::Own)?),
        Some(Direction::Unknown) | None => {}
    }
    let takes_bulk = match role {
        Role::Whole => true,
        Role::Edge => direction != Some(Direction::Outbound),
        Role::Bridge => direction == Some(Direction::Outbound),
        Role::Inner => false,
    };
    if !takes_bulk {
        let tunneled = compile(capture, TUNNELED_CONTROL).map_err(Refusal::Own)?;
        let control = compile(capture, &control(link_type, follow)).map_err(Refusal::Own)?;
        programs.push(either(tunneled, control));
    }
    if let Some(user) = user {
        programs.push(compile(capture, user).map_err(Refusal::User)?);
    }
    if programs.is_empty() {
        return Ok(());
    }
    let program: Vec<SockFilter> =
        join(programs).into_iter().map(|Step { code, yes, no, value }| SockFilter::new(code, yes, no, value)).collect();
    if program.len() > LONGEST {
        let words = format!("the filter has {} instructions, and the kernel takes {LONGEST}", program.len());
        return Err(Refusal::Kernel(io::Error::new(io::ErrorKind::InvalidInput, words)));
    }
    SockRef::from(capture).attach_filter(&program).map_err(Refusal::Kernel)
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    code: u16,
    yes: u8,
    no: u8,
    value: u32,
}

fn compile(capture: &Capture<Active>, expression: &str) -> Result<Vec<Step>, pcap::Error> {
    let program = capture.compile(expression, true)?;
    // The crate gives the numbers as text only: code, two jumps, value.
    let steps = program.get_instructions().iter().map(|instruction| read(&instruction.to_string()));
    steps.collect::<Option<_>>().ok_or(pcap::Error::InvalidString)
}

fn read(text: &str) -> Option<Step> {
    let mut numbers = text.split_ascii_whitespace();
    let code = numbers.next()?.parse().ok()?;
    let (yes, no) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(Step { code, yes, no, value: numbers.next()?.parse().ok()? })
}

/// A program that goes on to what is behind it, where it would otherwise end with such a value.
fn without_end(program: Vec<Step>, is_it: impl Fn(u32) -> bool) -> impl Iterator<Item = Step> {
    let length = program.len();
    program.into_iter().enumerate().map(move |(at, step)| match step {
        Step { code: RETURN, value, .. } if is_it(value) => Step { code: JUMP, yes: 0, no: 0, value: (length - at - 1) as u32 },
        other => other,
    })
}

/// One program that accepts what one of two accepts: where the first would refuse, it goes on to the second.
fn either(first: Vec<Step>, second: Vec<Step>) -> Vec<Step> {
    without_end(first, |value| value == 0).chain(second).collect()
}

/// One program that accepts what all accept: where one would accept, it goes on to the next.
fn join(programs: Vec<Vec<Step>>) -> Vec<Step> {
    let mut joined = Vec::new();
    let last = programs.len().saturating_sub(1);
    for (number, program) in programs.into_iter().enumerate() {
        joined.extend(without_end(program, |value| value > 0 && number < last));
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_joined_where_they_accept() {
        let step = |code, value| Step { code, yes: 0, no: 1, value };
        let (yes, no) = (step(RETURN, 262_144), step(RETURN, 0));
        let jump = |value| Step { code: JUMP, yes: 0, no: 0, value };
        let (one, two) = (vec![step(0x15, 4), yes, no], vec![step(0x15, 8), yes, no]);
        assert_eq!(join(vec![one.clone(), two.clone()]), [step(0x15, 4), jump(1), no, two[0], yes, no]);
        assert_eq!(either(one.clone(), two.clone()), [step(0x15, 4), yes, jump(0), two[0], yes, no]);
        // Whichever of the two accepts, the third is asked.
        let three = vec![step(0x15, 16), yes, no];
        let joined = join(vec![either(one, two.clone()), three.clone()]);
        assert_eq!(joined, [step(0x15, 4), jump(4), jump(0), two[0], jump(1), no, three[0], yes, no]);
    }
}
