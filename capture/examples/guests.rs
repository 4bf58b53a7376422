//! Prints the guests of this host, their cards and what these are plugged into, and what may not be read.
//!
//! `cargo run --example guests -- 100` looks a hundred times more and says how long one look takes.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("guests are only found on Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    use std::path::Path;
    use std::time::Instant;
    use tapscope_capture::inventory::linux::guest::{GuestWatch, Guests};
    use tapscope_graph::Text;
    use tapscope_graph::host::{DeviceId, Netns};

    let own = std::fs::read_link("/proc/self/ns/net").ok();
    let own = own.as_ref().and_then(|link| link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()).map(Netns);
    // Devices of our own namespace only.
    let resolve = move |netns: Netns, name: &str| {
        let index = std::fs::read_to_string(Path::new("/sys/class/net").join(name).join("ifindex")).ok()?;
        (own == Some(netns)).then_some(DeviceId { netns, index: index.trim().parse().ok()? })
    };
    let mut guests = Guests::new(Path::new("/proc"));
    let scan = guests.scan(&resolve);
    let text = |text: &Option<Text>| text.as_ref().map_or("-".into(), Text::to_string);
    for guest in &scan.guests {
        println!("guest {} {} {}", guest.pid, guest.program, text(&guest.name));
        for nic in &guest.nics {
            let mac = nic.mac.map_or("-".into(), |mac| mac.to_string());
            print!("  {} {mac}", text(&nic.model));
            if let Some(backend) = &nic.backend {
                let indices: Vec<u32> = backend.devices.iter().map(|device| device.index).collect();
                print!(" <- {} {} {indices:?}", backend.kind.name(), text(&backend.interface));
            }
            println!();
        }
        guest.monitors.iter().for_each(|monitor| println!("  qmp {monitor}"));
        guest.unreadable.iter().for_each(|missing| println!("  not seen: {missing}"));
    }
    scan.readers.iter().for_each(|reader| println!("reader {} {} {}", reader.pid, reader.program, reader.interface));
    scan.unreadable.iter().for_each(|row| println!("not seen: {}: {}: {}", row.what, row.why, row.remedy));
    match GuestWatch::new(Path::new("/proc")) {
        Ok(watch) => println!("new guests: {:?}", watch.means()),
        Err(error) => println!("new guests: {error}"),
    }
    if let Some(times) = std::env::args().nth(1).and_then(|times| times.parse::<u32>().ok()).filter(|&times| times > 0) {
        let start = Instant::now();
        (0..times).for_each(|_| drop(guests.scan(&resolve)));
        println!("one look takes {:?}", start.elapsed() / times);
    }
}
