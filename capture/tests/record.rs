//! Recordings: what is written is read back as the same events, whatever they hold and whatever somebody made of the file.

use pcap_file::pcapng::{Block, PcapNgReader};
use proptest::prelude::*;
use std::io::Cursor;
use tapscope_capture::file::{FileFacts, Next, Reader};
use tapscope_capture::record::{Section, Writer};
use tapscope_graph::host::{
    AddressScope, Backend, BackendKind, Bridge, BridgePort, Cable, CableEnd, CableKind, CableRole, CableSight, CableState, Carrier, Device,
    DeviceCounters, DeviceId, DeviceKind, FdbEntry, FirewallRule, Guest, HostAddress, HostChange, HostFact, HostNeighbor, Namespace,
    NeighborState, Netns, Nic, OperState, PortState, PortVlan, Prefix, Reader as HostReader, Route, RouteKind, Rule, Setting, TunMode,
    Unreadable, VlanProtocol,
};
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, LossCause, MacAddr, PointId, PointInfo, Text, Timestamp};

/// The events of a file, with frames that follow each other in one batch, and what is known of it.
fn read(bytes: &[u8]) -> (Vec<Event>, FileFacts) {
    let mut reader = Reader::new(Cursor::new(bytes.to_vec()), "recording").expect("a pcapng file");
    let (mut events, mut batch) = (Vec::new(), Batch::default());
    loop {
        match reader.next(&mut batch) {
            Next::Event(event) => events.push(event),
            Next::Frames => events.push(Event::Frames(batch.clone())),
            Next::End => return (joined(events), reader.into_facts()),
        }
    }
}

/// Frames that follow each other in one batch: how they were batched is no event.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for event in events {
        match (all.last_mut(), event) {
            (_, Event::Frames(batch)) if batch.is_empty() => {}
            (Some(Event::Frames(before)), Event::Frames(batch)) => batch.frames().for_each(|frame| before.push(frame)),
            (_, event) => all.push(event),
        }
    }
    all
}

fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Section { application: "tapscope test".into(), ..Section::default() });
    for event in events {
        writer.write(event).expect("memory takes everything");
    }
    writer.finish().expect("memory takes everything")
}

/// A row of each kind.
fn facts(words: &[String], n: u32) -> Vec<HostFact> {
    let text = |index: usize| Text::new(&words[index % words.len()]);
    let mac = MacAddr([2, 0, 0, 0, (n >> 8) as u8, n as u8]);
    let id = DeviceId { netns: Netns(u64::from(n) << 20), index: n };
    let prefix = Prefix { ip: [10, 0, 0, 0].into(), length: 8 };
    let vlan = PortVlan { vid: n as u16 % 4095, is_pvid: true, is_untagged: false };
    let port = BridgePort { state: PortState::Learning, number: 3, vlans: vec![vlan; n as usize % 40], ..BridgePort::default() };
    let kinds = [
        DeviceKind::Tun(TunMode { is_tap: true, owner: Some(0), ..TunMode::default() }),
        DeviceKind::Bridge(Bridge { id: Some((32768, mac)), vlans: vec![vlan], ..Bridge::default() }),
        DeviceKind::Vlan { vid: 7, protocol: VlanProtocol::Ad },
        DeviceKind::Macvtap(text(0)),
        DeviceKind::Vxlan(n),
        DeviceKind::Other(text(1)),
        DeviceKind::Unknown,
    ];
    let device = Device {
        id,
        name: text(0),
        kind: kinds[n as usize % kinds.len()].clone(),
        mac: Some(mac),
        speed: Some(n),
        mtu: 1500,
        is_up: true,
        oper_state: OperState::LowerLayerDown,
        master: Some(id),
        port: Some(port),
        aliases: vec![text(2), text(0)],
        counters: DeviceCounters { received_packets: u64::MAX, sent_octets: u64::from(n), ..DeviceCounters::default() },
        ..Device::default()
    };
    let backend = Backend { id: Some(text(0)), kind: BackendKind::Other(text(1)), devices: vec![id], hub: Some(0), ..Backend::default() };
    let nic = Nic { mac: Some(mac), has_default_mac: true, backend: Some(backend), ..Nic::default() };
    let sights = [
        CableSight::Carried { device: id, carrier: Carrier::Tcp { address: [127, 0, 0, 1].into(), port: 8010 } },
        CableSight::Carried { device: id, carrier: Carrier::Multicast { group: ([230, 0, 0, 1], 1234).into() } },
        CableSight::Asked { monitor: None, remedy: text(2) },
        CableSight::Unknown,
    ];
    let end = CableEnd { pid: Some(n), local: Some(([127, 0, 0, 1], 8010).into()), role: CableRole::Listens, ..CableEnd::default() };
    let route = Route {
        netns: id.netns,
        table: 254,
        destination: prefix,
        gateway: Some([10, 0, 0, 1].into()),
        device: None,
        source: None,
        metric: n,
        kind: RouteKind::Blackhole,
        protocol: text(1),
        is_dead: true,
    };
    let rule = Rule {
        netns: id.netns,
        is_v6: false,
        priority: n,
        source: Some(prefix),
        destination: None,
        in_device: Some(text(0)),
        out_device: None,
        mark: Some((1, u32::MAX)),
        table: Some(100),
        text: text(2),
    };
    let neighbor = HostNeighbor {
        device: id,
        ip: std::net::Ipv6Addr::LOCALHOST.into(),
        mac: None,
        state: NeighborState::Failed,
        is_router: true,
        is_proxy: false,
    };
    vec![
        HostFact::Namespace(Namespace { id: id.netns, name: Some(text(0)), pid: Some(n), is_own: true }),
        HostFact::Device(Box::new(device)),
        HostFact::Address(HostAddress {
            device: id,
            ip: [10, 0, 0, 1].into(),
            length: 24,
            peer: Some([10, 0, 0, 2].into()),
            scope: AddressScope::Link,
            is_tentative: true,
            is_duplicate: false,
            is_deprecated: false,
            is_dynamic: true,
        }),
        HostFact::Route(route),
        HostFact::Rule(rule),
        HostFact::Neighbor(neighbor),
        HostFact::Fdb(FdbEntry { port: id, mac, vlan: Some(1), age: Some(n), flags: vec![text(1)], ..FdbEntry::default() }),
        HostFact::Setting(Setting { netns: id.netns, name: text(1), value: text(2) }),
        HostFact::Firewall(FirewallRule { rule: text(2), hits: Some((1, u64::MAX)), ..FirewallRule::default() }),
        HostFact::Guest(Box::new(Guest { pid: n, name: Some(text(0)), nics: vec![nic], monitors: vec![text(1)], ..Guest::default() })),
        HostFact::Cable(Box::new(Cable {
            key: text(0),
            kind: CableKind::Other(text(1)),
            ends: vec![end],
            state: CableState::NotAccepted,
            sight: sights[n as usize % sights.len()].clone(),
            ..Cable::default()
        })),
        HostFact::Reader(HostReader { pid: n, program: text(0), ..HostReader::default() }),
        HostFact::Unreadable(Unreadable { what: text(0), why: text(1), remedy: text(2) }),
        HostFact::Backlog(u64::from(n)),
    ]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(prop_oneof![any::<String>(), "[a-z]{1,9}", Just("a\\b\u{202e}\x1b[2J\"".to_owned())], 3)
}

fn info() -> impl Strategy<Value = PointInfo> {
    let name = || proptest::option::of(prop_oneof!["[ -~]{0,15}", "\\PC{0,40}", Just("a\0\0".to_owned())]);
    (name(), name(), 0..300_u32, any::<u32>(), proptest::option::of(any::<(u64, u32)>()), proptest::option::of(any::<String>())).prop_map(
        |(name, description, link_type, snap_length, device, cable)| PointInfo {
            name,
            description,
            link_type: LinkType(link_type),
            snap_length,
            file: 0,
            device: device.map(|(netns, index)| DeviceId { netns: Netns(netns), index }),
            cable: cable.map(|cable| Text::new(&cable)),
        },
    )
}

fn frames(points: u32) -> impl Strategy<Value = Event> {
    let frame = (0..i64::MAX, 0..points, 0..3_usize, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..70));
    proptest::collection::vec(frame, 0..20).prop_map(|frames| {
        let mut batch = Batch::default();
        for (at, point, direction, original_length, bytes) in &frames {
            let direction = [Direction::Unknown, Direction::Inbound, Direction::Outbound][*direction];
            let (at, point) = (Timestamp(*at), PointId(*point));
            batch.push(Frame { at, point, direction, original_length: *original_length, bytes });
        }
        Event::Frames(batch)
    })
}

fn event(points: u32) -> impl Strategy<Value = Event> {
    let point = (0..points).prop_map(PointId);
    let cause = prop_oneof![Just(LossCause::Kernel), Just(LossCause::Interface), Just(LossCause::Queue)];
    let host = (any::<i64>(), words(), any::<u32>(), any::<bool>()).prop_map(|(at, words, n, goes)| {
        let changes = facts(&words, n).into_iter().map(|fact| if goes { HostChange::Gone(fact.key()) } else { HostChange::Set(fact) });
        Event::Host { at: Timestamp(at), changes: changes.collect() }
    });
    prop_oneof![
        6 => frames(points),
        2 => host,
        1 => info().prop_map(Event::Opened),
        1 => (point.clone(), info(), any::<i64>()).prop_map(|(point, info, at)| Event::Resumed { point, info, at: Timestamp(at) }),
        1 => (point.clone(), proptest::option::of(any::<String>())).prop_map(|(point, reason)| Event::Closed { point, reason }),
        1 => (point, any::<u64>(), cause).prop_map(|(point, frames, cause)| Event::Lost { point, frames, cause }),
        1 => any::<i64>().prop_map(|at| Event::Host { at: Timestamp(at), changes: Vec::new() }),
    ]
}

/// Any sequence that a source can give: points open before anything is said of them.
fn events() -> impl Strategy<Value = Vec<Event>> {
    (1..4_u32).prop_flat_map(|points| {
        let opened = proptest::collection::vec(info().prop_map(Event::Opened), points as usize);
        (opened, proptest::collection::vec(event(points), 0..20)).prop_map(|(opened, more)| as_they_were([opened, more].concat()))
    })
}

/// Every second point that goes on does so under the description that it had.
fn as_they_were(mut events: Vec<Event>) -> Vec<Event> {
    let mut known = Vec::new();
    for event in &mut events {
        match event {
            Event::Opened(info) => known.push(info.clone()),
            Event::Resumed { point, info, at } if at.0 % 2 == 0 => info.clone_from(&known[point.0 as usize]),
            Event::Resumed { point, info, .. } => known[point.0 as usize].clone_from(info),
            _ => {}
        }
    }
    events
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_the_same_events(events in events()) {
        let (again, facts) = read(&written(&events));
        prop_assert_eq!(facts.incomplete, None);
        prop_assert_eq!(facts.first_passed_over, None);
        prop_assert_eq!(again, joined(events));
    }

    /// A reader that checks what the specification says of lengths, options and their order.
    #[test]
    fn an_independent_reader_finds_the_same_frames(events in events()) {
        let file = written(&events);
        let mut reader = PcapNgReader::new(&file[..]).expect("a section");
        let mut found = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.expect("a block as the specification has it").0 {
                Block::EnhancedPacket(packet) => found.push((packet.timestamp.as_nanos() as i64, packet.data.into_owned())),
                Block::SectionHeader(_) | Block::InterfaceDescription(_) | Block::InterfaceStatistics(_) | Block::NameResolution(_) => {}
                other => panic!("{other:?}"),
            }
        }
        let batches = events.iter().filter_map(|event| if let Event::Frames(batch) = event { Some(batch) } else { None });
        let expected: Vec<_> = batches.flat_map(|batch| batch.frames().map(|frame| (frame.at.0, frame.bytes.to_vec()))).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_recording_that_is_cut_anywhere_gives_all_that_was_whole(events in events(), part in 0.0..1.0) {
        let whole = written(&events);
        let cut = (whole.len() as f64 * part) as usize;
        prop_assume!(cut >= 28);
        let (again, _) = read(&whole[..cut]);
        let (all, _) = read(&whole);
        let frames = |events: &[Event]| -> Vec<(Timestamp, Vec<u8>)> {
            let batches = events.iter().filter_map(|event| if let Event::Frames(batch) = event { Some(batch) } else { None });
            batches.flat_map(|batch| batch.frames().map(|frame| (frame.at, frame.bytes.to_vec()))).collect()
        };
        prop_assert!(frames(&all).starts_with(&frames(&again)));
        let others = |events: &[Event]| events.iter().filter(|event| !matches!(event, Event::Frames(_))).cloned().collect::<Vec<_>>();
        prop_assert!(others(&all).starts_with(&others(&again)));
    }

    #[test]
    fn whatever_a_custom_option_holds_is_told_and_the_frames_go_on(
        content in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "tapscope/1 (\\PC{0,60}|\\{\"host\":\\{\"at\":[0-9]{1,25},\"changes\":\\[[\\[\\]{}\":a-z0-9,]{0,60})".prop_map(String::into_bytes),
        ],
        copied in any::<bool>(),
    ) {
        let mut frame = Batch::default();
        let at = Timestamp(1);
        frame.push(Frame { at, point: PointId(0), direction: Direction::Unknown, original_length: 1, bytes: &[7] });
        let before = written(&[Event::Opened(PointInfo::default())]);
        let all = written(&[Event::Opened(PointInfo::default()), Event::Frames(frame.clone())]);
        let behind_interface = before.len() - statistics_length(&before);
        let mut file = all[..behind_interface].to_vec();
        file.extend_from_slice(&custom(copied, &content));
        file.extend_from_slice(&all[behind_interface..]);
        let (again, facts) = read(&file);
        prop_assert_eq!(facts.incomplete, None);
        prop_assert!(again.contains(&Event::Frames(frame)));
    }
}

/// The length of the last block, which is its last four octets.
fn statistics_length(file: &[u8]) -> usize {
    let last = file.last_chunk::<4>().expect("a block");
    u32::from_le_bytes(*last) as usize
}

/// A name resolution block without names whose options hold this.
fn custom(copied: bool, content: &[u8]) -> Vec<u8> {
    let code: u16 = if copied { 2989 } else { 19_373 };
    let mut body = vec![0; 4];
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(content.len() as u16 + 4).to_le_bytes());
    body.extend_from_slice(&32_473_u32.to_le_bytes());
    body.extend_from_slice(content);
    body.resize(body.len().next_multiple_of(4) + 4, 0);
    let length = body.len() as u32 + 12;
    [&4_u32.to_le_bytes()[..], &length.to_le_bytes(), &body, &length.to_le_bytes()].concat()
}

#[test]
fn a_port_that_flaps_is_one_interface_until_it_is_another_one() {
    let info = |description: &str| PointInfo { name: Some("tap0".into()), description: Some(description.into()), ..PointInfo::default() };
    let closed = || Event::Closed { point: PointId(0), reason: Some("it is down".into()) };
    let resumed = |description: &str, at| Event::Resumed { point: PointId(0), info: info(description), at: Timestamp(at) };
    let mut events = vec![Event::Opened(info("port of br0"))];
    (0..1000).for_each(|at| events.extend([closed(), resumed("port of br0", at)]));
    events.extend([closed(), resumed("port of br1", 1000)]);
    let file = written(&events);
    let mut reader = PcapNgReader::new(&file[..]).expect("a section");
    let mut interfaces = 0;
    while let Some(block) = reader.next_block() {
        interfaces += usize::from(matches!(block.expect("a block").0, Block::InterfaceDescription(_)));
    }
    assert_eq!(interfaces, 2);
    assert_eq!(read(&file).0, events);
}

#[test]
fn a_host_that_says_very_much_at_once_is_one_event_in_several_blocks() {
    let facts =
        (0..20_000).map(|n| HostFact::Setting(Setting { netns: Netns(n), name: Text::new("net.ipv4.ip_forward"), value: Text::new("1") }));
    let events = vec![Event::Host { at: Timestamp(5), changes: facts.map(HostChange::Set).collect() }];
    let file = written(&events);
    assert!(file.windows(14).filter(|window| window == b"\"goes_on\":true").count() > 3);
    assert_eq!(read(&file).0, events);
}

#[test]
fn what_a_custom_option_says_wrongly_is_told() {
    let told = |content: &[u8]| {
        let file = [written(&[]), custom(false, content)].concat();
        read(&file).1.first_passed_over.unwrap_or_default()
    };
    assert_eq!(told(b"somebody else's"), "");
    assert!(told(b"tapscope/2 {}").ends_with("it is of a newer version of tapscope"), "{}", told(b"tapscope/2 {}"));
    let nowhere = told(br#"tapscope/1 {"closed":{"point":3,"reason":null}}"#);
    assert!(nowhere.ends_with("it names point 3, and the section has 0"), "{nowhere}");
    assert!(told(br#"tapscope/1 {"closed":"#).contains("EOF"), "{}", told(br#"tapscope/1 {"closed":"#));
}

#[test]
fn names_and_losses_are_told_to_everybody() {
    let mut batch = Batch::default();
    let frame = Frame { at: Timestamp(7), point: PointId(0), direction: Direction::Unknown, original_length: 1, bytes: &[7] };
    batch.push(frame);
    let lost = |frames, cause| Event::Lost { point: PointId(0), frames, cause };
    let mut writer = Writer::new(Vec::new(), Section::default());
    let events = [
        Event::Opened(PointInfo::default()),
        lost(3, LossCause::Kernel),
        lost(4, LossCause::Interface),
        lost(5, LossCause::Queue),
        Event::Frames(batch),
    ];
    events.iter().for_each(|event| writer.write(event).expect("memory takes everything"));
    let (name, name6) = (Text::new("printer.lan"), Text::new("host"));
    let names = [([10, 0, 0, 9].into(), &name), (std::net::Ipv6Addr::LOCALHOST.into(), &name6)];
    writer.names(names).expect("memory takes everything");
    let file = writer.finish().expect("memory takes everything");

    let mut reader = PcapNgReader::new(&file[..]).expect("a section");
    let mut told = Vec::new();
    while let Some(block) = reader.next_block() {
        match block.expect("a block").0 {
            Block::NameResolution(block) => told.extend(block.records.iter().map(|record| format!("{record:?}"))),
            Block::InterfaceStatistics(block) => told.extend(block.options.iter().map(|option| format!("{option:?}"))),
            Block::EnhancedPacket(block) => told.extend(block.options.iter().map(|option| format!("{option:?}"))),
            _ => {}
        }
    }
    let told = told.join("\n");
    for words in [
        "DropCount(12)",
        "Ipv4Record { ip_addr: 10.0.0.9, names: [\"printer.lan\"] }",
        "Ipv6Record { ip_addr: ::1, names: [\"host\"] }",
        "IsbIfRecv(13)",
        "IsbIfDrop(4)",
        "IsbOsDrop(8)",
        "IsbUsrDeliv(1)",
    ] {
        assert!(told.contains(words), "{words} is not in:\n{told}");
    }
    // Names are learned from the frames that taught them, and losses are events: neither comes back twice.
    assert_eq!(read(&file).0, events);
}
