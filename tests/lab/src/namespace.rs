//! A network namespace, and what one puts into it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, file};
use crate::keeper::MARK;
use crate::lab::Shared;
use crate::output::Output;
use crate::process::Process;
use crate::run;

/// After how many seconds a command is ended that was to end by itself.
const LIMIT: &str = "60";

/// A network namespace of a lab. Names of devices in it are free: `tap0` here is not `tap0` elsewhere.
///
/// What makes something gives the namespace back, so that one can go on: `host.tap("tap0")?.tap("tap1")?`.
#[derive(Clone, Debug)]
pub struct Namespace {
    lab: Arc<Shared>,
    name: String,
}

impl Namespace {
    pub(crate) fn new(lab: &Arc<Shared>, name: &str) -> Result<Self, Error> {
        let namespace = Self { lab: Arc::clone(lab), name: format!("{}-{name}", lab.id) };
        let mut add = Command::new("ip");
        add.args(["netns", "add", &namespace.name]);
        let what = format!("ip netns add {}", namespace.name);
        run::run(lab, "the lab", &what, &mut add)?.expect("the lab", &what)?;
        namespace.must("ip link set lo up")?;
        namespace.ipv6_is("1")
    }

    /// Its name outside, as in `ip netns exec NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it, as in setns(2).
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// Runs a shell command to its end, which has to come within a minute.
    ///
    /// # Errors
    ///
    /// Only if it could not be run: a failure of the command is in the output. See [`Namespace::must`].
    pub fn run(&self, command: &str) -> Result<Output, Error> {
        let mut shell = self.command("timeout");
        shell.args(["-k", "1", LIMIT, "sh", "-c", command]);
        run::run(&self.lab, &self.name, command, &mut shell)
    }

    /// Runs a shell command that has to work, and gives what it wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with all that it wrote if its status is not 0.
    pub fn must(&self, command: &str) -> Result<String, Error> {
        self.run(command)?.expect(&self.name, command)
    }

    /// Whether a shell command works: `host.can("ping -c1 -W2 10.0.2.101")`.
    ///
    /// # Errors
    ///
    /// As [`Namespace::run`].
    pub fn can(&self, command: &str) -> Result<bool, Error> {
        Ok(self.run(command)?.is_success())
    }

    /// A program to be run in this namespace: `host.command("tcpdump").args([...])`. It is taken down with the lab, if it still runs then.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program).env(MARK, &self.lab.id);
        command
    }

    /// Starts a program of [`Namespace::command`] in the background; what it writes goes to `NAME.log` in the lab's folder.
    ///
    /// # Errors
    ///
    /// If `ip` cannot be started. A program that does not exist is seen in the log: wait for what it says when it is ready
    /// ([`Process::wait_for`]).
    pub fn start(&self, name: &str, command: &mut Command) -> Result<Process, Error> {
        Process::start(&self.lab, &self.name, name, command)
    }

    /// Adds a TAP device that outlives those who open it, and sets it up.
    ///
    /// # Errors
    ///
    /// With what `ip` said; so for all below.
    pub fn tap(&self, name: &str) -> Result<&Self, Error> {
        self.must(&format!("ip tuntap add dev {name} mode tap && ip link set {name} up")).map(|_| self)
    }

    /// Adds a bridge without STP over these ports, and sets it up.
    ///
    /// # Errors
    ///
    /// With what `ip` said.
    pub fn bridge<'name>(&self, name: &str, ports: impl IntoIterator<Item = &'name str>) -> Result<&Self, Error> {
        self.must(&format!("ip link add {name} type bridge stp_state 0 forward_delay 0"))?;
        for port in ports {
            self.port(name, port)?;
        }
        self.must(&format!("ip link set {name} up")).map(|_| self)
    }

    /// Attaches one more port to a bridge.
    ///
    /// # Errors
    ///
    /// With what `ip` said.
    pub fn port(&self, bridge: &str, port: &str) -> Result<&Self, Error> {
        self.must(&format!("ip link set {port} master {bridge} && ip link set {port} up")).map(|_| self)
    }

    /// Adds a pair of veth devices, one end here, the other one there, and sets both up.
    ///
    /// # Errors
    ///
    /// With what `ip` said.
    pub fn veth(&self, name: &str, there: &Self, peer: &str) -> Result<&Self, Error> {
        self.must(&format!("ip link add {name} type veth peer name {peer} netns {} && ip link set {name} up", there.name))?;
        there.must(&format!("ip link set {peer} up")).map(|_| self)
    }

    /// Gives a device an address: `host.address("bridge0", "10.0.2.100/24")`. An address of IPv6 is there at once, unchecked.
    ///
    /// # Errors
    ///
    /// With what `ip` said.
    pub fn address(&self, device: &str, address: &str) -> Result<&Self, Error> {
        let unchecked = if address.contains(':') { " nodad" } else { "" };
        self.must(&format!("ip address add {address} dev {device}{unchecked}")).map(|_| self)
    }

    /// Writes a setting below `/proc/sys`, such as `net/ipv4/ip_forward`.
    ///
    /// # Errors
    ///
    /// If the kernel does not have it, or does not take the value.
    pub fn setting(&self, name: &str, value: &str) -> Result<&Self, Error> {
        self.must(&format!("echo '{value}' > '/proc/sys/{name}'")).map(|_| self)
    }

    /// Wires a TAP of this namespace to a new device of another one, `nic`, by a process that holds the TAP's descriptor as QEMU would: a
    /// stand-in for a guest that is there at once. Both devices are up when this returns.
    ///
    /// # Errors
    ///
    /// With what `ip` said, or if the process does not start; it needs Python 3.
    pub fn wire(&self, tap: &str, guest: &Self, nic: &str, mac: &str) -> Result<Process, Error> {
        self.tap(tap)?;
        guest.must(&format!("ip tuntap add dev {nic} mode tap && ip link set {nic} address {mac}"))?;
        // By Python's own process: its id is to be the one that has the TAP open.
        let mut command = Command::new("python3");
        command.args(["-c", include_str!("wire.py"), &self.name, tap, &guest.name, nic]).env(MARK, &self.lab.id);
        let process = self.start(&format!("wire-{}-{tap}", self.name), &mut command)?;
        process.wait_for("wired", Duration::from_secs(20))?;
        guest.must(&format!("ip link set {nic} up"))?;
        Ok(process)
    }

    /// Starts a QEMU in this namespace whose card is a new device of another one, `nic`: with a netdev `n0` among its arguments, which is
    /// what QEMU's manual has, and no system inside. As [`Namespace::wire`], but real where QEMU itself matters: its sockets, its user-mode
    /// stack, how it opens a TAP. The device is up when this returns.
    ///
    /// # Errors
    ///
    /// With what `ip` said, or if QEMU does not start.
    pub fn qemu(&self, name: &str, guest: &Self, nic: &str, mac: &str, arguments: &[&str]) -> Result<Process, Error> {
        guest.must(&format!("ip tuntap add dev {nic} mode tap && ip link set {nic} address {mac}"))?;
        let folder = self.lab.folder.join(name);
        fs::create_dir(&folder).map_err(file("make", &folder))?;
        let mut command = self.command("python3");
        command.args(["-c", include_str!("qemu_wire.py"), &self.name, &guest.name, nic, mac]).arg(&folder).args(["-name", name]);
        let process = self.start(&format!("qemu-{name}"), command.args(arguments))?;
        process.wait_for("wired", Duration::from_secs(30))?;
        guest.must(&format!("ip link set {nic} up"))?;
        Ok(process)
    }

    /// Lets this namespace be a router.
    ///
    /// # Errors
    ///
    /// As [`Namespace::setting`].
    pub fn forwards(&self) -> Result<&Self, Error> {
        self.setting("net/ipv4/ip_forward", "1")?.setting("net/ipv6/conf/all/forwarding", "1")
    }

    /// Switches IPv6 on. Devices that are there get a link-local address when they come up the next time.
    ///
    /// # Errors
    ///
    /// As [`Namespace::setting`].
    pub fn ipv6(&self) -> Result<&Self, Error> {
        self.clone().ipv6_is("0").map(|_| self)
    }

    fn ipv6_is(self, off: &str) -> Result<Self, Error> {
        // A kernel without IPv6 has it off.
        if self.can("test -e /proc/sys/net/ipv6")? {
            self.setting("net/ipv6/conf/all/disable_ipv6", off)?.setting("net/ipv6/conf/default/disable_ipv6", off)?;
        }
        Ok(self)
    }

    /// Loads rules of nftables, as in a file for `nft -f`.
    ///
    /// # Errors
    ///
    /// With what `nft` said.
    pub fn nft(&self, rules: &str) -> Result<&Self, Error> {
        let path = self.lab.folder.join(format!("{}.nft", self.name));
        fs::write(&path, rules).map_err(file("write", &path))?;
        self.must(&format!("nft -f '{}'", path.display())).map(|_| self)
    }

    /// Says whom to ask for names in this namespace: `/etc/netns/NAME/resolv.conf`, which [`Namespace::command`] shows as `/etc/resolv.conf`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn resolver(&self, address: &str) -> Result<&Self, Error> {
        let folder = Path::new("/etc/netns").join(&self.name);
        // Another lab that ends may remove the folder above between the two steps of making this one.
        fs::create_dir_all(&folder).or_else(|_| fs::create_dir_all(&folder)).map_err(file("make", &folder))?;
        let path = folder.join("resolv.conf");
        fs::write(&path, format!("nameserver {address}\n")).map_err(file("write", &path))?;
        Ok(self)
    }

    /// Starts dnsmasq for DHCP and names, with nothing set but these options, such as `--interface=bridge0` and
    /// `--dhcp-range=10.0.2.50,10.0.2.90,255.255.255.0,1h`. It has started when this returns. Leases are in `dnsmasq.leases` in the lab's folder.
    ///
    /// # Errors
    ///
    /// With what it said if it does not start.
    pub fn dnsmasq<'option>(&self, options: impl IntoIterator<Item = &'option str>) -> Result<Process, Error> {
        let mut command = self.command("dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root"]);
        command.args(["--pid-file=", "--log-facility=-", "--log-dhcp", "--no-ping"]);
        command.arg(format!("--dhcp-leasefile={}", self.lab.folder.join("dnsmasq.leases").display())).args(options);
        let process = self.start(&format!("dnsmasq-{}", self.name), &mut command)?;
        process.wait_for("started, version", Duration::from_secs(10))?;
        Ok(process)
    }
}
