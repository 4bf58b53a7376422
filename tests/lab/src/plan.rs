//! What a guest is to be, before it boots.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::Error;
use crate::guest::{Guest, Machine};
use crate::lab::Shared;
use crate::namespace::Namespace;

/// A description of a guest.
///
/// A NIC is described from the left to the right: [`mac`](Plan::mac), [`ip`](Plan::ip) and [`gateway`](Plan::gateway), in any order, then what it is
/// attached to ([`tap`](Plan::tap), [`user`](Plan::user), [`netdev`](Plan::netdev), [`attached`](Plan::attached)), which ends it. What follows is
/// about the next NIC. In the guest they are `eth0`, `eth1` and so on.
#[derive(Clone, Debug)]
#[must_use = "a plan does nothing until it is booted"]
pub struct Plan {
    lab: Arc<Shared>,
    name: String,
    number: u32,
    namespace: Option<Namespace>,
    /// The NIC that is being described.
    nic: Nic,
    macs: Vec<String>,
    /// For the kernel.
    settings: Vec<String>,
    /// For QEMU.
    arguments: Vec<String>,
    memory: u32,
    named: bool,
    /// The first thing that makes no sense.
    wrong: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Nic {
    mac: Option<String>,
    addresses: Vec<String>,
}

impl Plan {
    pub(crate) fn new(lab: &Arc<Shared>, name: &str) -> Self {
        // It becomes the name of files, the guest's host name, and a word on the kernel's command line.
        let plain = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        let wrong = (!plain).then(|| "a guest's name is made of letters, digits and hyphens; see Plan::unnamed for others".to_owned());
        Self {
            lab: Arc::clone(lab),
            name: name.to_owned(),
            number: lab.guests.fetch_add(1, Ordering::Relaxed),
            namespace: None,
            nic: Nic::default(),
            macs: Vec::new(),
            settings: Vec::new(),
            arguments: Vec::new(),
            memory: 80,
            named: true,
            wrong,
        }
    }

    /// The hardware address of the NIC; without it, one that no other guest of this lab has.
    pub fn mac(mut self, address: &str) -> Self {
        self.nic.mac = Some(address.to_owned());
        self
    }

    /// An address of the NIC with its prefix length, or `dhcp` to ask for one; several times for several.
    pub fn ip(mut self, address: &str) -> Self {
        self.nic.addresses.push(address.to_owned());
        self
    }

    /// The default router, through the NIC.
    pub fn gateway(mut self, address: &str) -> Self {
        self.nic.addresses.push(format!("via={address}"));
        self
    }

    /// The namespace that QEMU runs in. [`Plan::tap`] and [`Plan::user`] say it, too.
    pub fn within(mut self, namespace: &Namespace) -> Self {
        if self.namespace.as_ref().is_some_and(|other| other.name() != namespace.name()) {
            self.wrong.get_or_insert_with(|| "a guest's QEMU can run in one namespace only".to_owned());
        }
        self.namespace = Some(namespace.clone());
        self
    }

    /// Attaches the NIC to a TAP device that is there.
    pub fn tap(self, namespace: &Namespace, device: &str) -> Self {
        self.within(namespace).netdev(&format!("tap,ifname={device},script=no,downscript=no"))
    }

    /// Attaches the NIC to QEMU's network of its own (`-netdev user`).
    pub fn user(self, namespace: &Namespace) -> Self {
        self.within(namespace).netdev("user")
    }

    /// Attaches the NIC to any back end, described as for `-netdev` without an id: `socket,listen=127.0.0.1:5000`,
    /// `socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1`, `stream,server=on,addr.type=unix,addr.path=/…`, `user,restrict=on`.
    /// Its id is `n0`, `n1` and so on.
    pub fn netdev(self, description: &str) -> Self {
        let id = format!("n{}", self.macs.len());
        let netdev = format!("{description},id={id}");
        // The boot ROM is never used, and a file less.
        let device = format!("virtio-net-pci,netdev={id},mac={{mac}},romfile=");
        self.attached(["-netdev", &netdev, "-device", &device])
    }

    /// Attaches the NIC by the oldest way of QEMU's command line, `-net nic -net tap`: both are ports of a hub inside QEMU.
    pub fn legacy_tap(self, namespace: &Namespace, device: &str) -> Self {
        let tap = format!("tap,ifname={device},script=no,downscript=no");
        self.within(namespace).attached(["-net", "nic,model=virtio,macaddr={mac}", "-net", &tap])
    }

    /// Attaches the NIC by any arguments of QEMU, in which `{mac}` stands for its hardware address. The guest has a driver for virtio only.
    pub fn attached<'argument>(mut self, arguments: impl IntoIterator<Item = &'argument str>) -> Self {
        let nic = std::mem::take(&mut self.nic);
        let number = self.macs.len();
        let mac = nic.mac.unwrap_or_else(|| format!("52:54:00:00:{:02x}:{number:02x}", self.number & 0xff));
        self.arguments.extend(arguments.into_iter().map(|argument| argument.replace("{mac}", &mac)));
        if !nic.addresses.is_empty() {
            self.settings.push(format!("lab.eth{number}={}", nic.addresses.join(",")));
        }
        self.macs.push(mac);
        self
    }

    /// Any more arguments for QEMU, such as `-object filter-dump,…`.
    pub fn arguments<'argument>(mut self, arguments: impl IntoIterator<Item = &'argument str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Memory in MiB: 80 if nothing is said; 72 is the least that boots.
    pub fn memory(mut self, mebibytes: u32) -> Self {
        self.memory = mebibytes;
        self
    }

    /// QEMU is not told the guest's name, or only by [`Plan::arguments`]; it is `-name guest=NAME` otherwise.
    pub fn unnamed(mut self) -> Self {
        self.named = false;
        self
    }

    /// IPv6 is on in the guest; it is off otherwise, so that captures hold what the test is about.
    pub fn ipv6(mut self) -> Self {
        self.settings.push("lab.ipv6=on".to_owned());
        self
    }

    /// Starts the guest and waits until it is up, with its addresses: 4 to 6 seconds where it is emulated.
    ///
    /// # Errors
    ///
    /// If the description makes no sense, QEMU refuses it, or the guest does not come up, with all that QEMU and the guest have said.
    pub fn boot(self) -> Result<Guest, Error> {
        let guest = self.start()?;
        guest.wait_until_up()?;
        Ok(guest)
    }

    /// Starts the guest and does not wait, to see it come up. See also [`Lab::boot`](crate::Lab::boot).
    ///
    /// # Errors
    ///
    /// If the description makes no sense, or QEMU does not start. What it refuses later is seen by who waits.
    pub fn start(mut self) -> Result<Guest, Error> {
        if self.nic.mac.is_some() || !self.nic.addresses.is_empty() {
            self.wrong.get_or_insert_with(|| {
                "the last address is of a NIC that is attached to nothing: say what it is attached to after it".to_owned()
            });
        }
        let wrong = |why: String| Error::Plan { place: format!("the guest {}", self.name), why };
        if let Some(why) = self.wrong {
            return Err(wrong(why));
        }
        let Some(namespace) = self.namespace else { return Err(wrong("it is in no namespace: say which by Plan::within".to_owned())) };
        let Some(image) = self.lab.image.clone() else { return Err(wrong("its lab was made without guests".to_owned())) };

        let mut arguments: Vec<String> = Vec::new();
        if self.named {
            arguments.extend(["-name".to_owned(), format!("guest={}", self.name)]);
        }
        arguments.extend(image.accelerator.arguments().iter().map(|&argument| argument.to_owned()));
        let machine = ["-M", "pc", "-m", &self.memory.to_string(), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"];
        arguments.extend(machine.map(str::to_owned));
        self.settings.extend([format!("lab.name={}", self.name), format!("lab.nics={}", self.macs.len())]);
        let (fixed, settings) = (image.accelerator.kernel_arguments(), self.settings.join(" "));
        arguments.extend(["-kernel".to_owned(), image.kernel.display().to_string()]);
        arguments.extend(["-initrd".to_owned(), image.initramfs.display().to_string()]);
        arguments.extend(["-append".to_owned(), format!("console=ttyS0,115200 quiet panic=-1 {fixed} {settings}")]);
        arguments.extend(self.arguments);
        Guest::start(Machine { lab: self.lab, name: self.name, namespace, macs: self.macs, arguments })
    }
}
