//! Where the orchestrators are: all on this machine's own address, or each in a network namespace of its own, joined by a cable
//! that can be pulled.

use std::{net::Ipv4Addr, process::Command};

/// A network for three.
pub(super) enum Net {
    /// All on 127.0.0.1.
    Plain,
    /// By the number of this network.
    Namespaces(u8),
}

/// Runs `ip`; whether it went well.
fn ip(arguments: &str) -> bool {
    let ran = Command::new("ip").args(arguments.split(' ')).output();
    ran.is_ok_and(|output| output.status.success())
}

impl Net {
    /// One with namespaces.
    ///
    /// # Errors
    /// Why there can be none here.
    pub(super) fn with_namespaces() -> Result<Self, String> {
        let root = std::fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        if !root.unwrap_or(false) || !ip("netns list") {
            return Err("network namespaces need root and `ip` (package iproute2)".to_owned());
        }
        // So that two tests at the same time have two networks.
        let net = Self::Namespaces(u8::try_from(std::process::id() % 200).unwrap_or(0) + 20);
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").map_err(|error| error.to_string())?;
        for number in 0..3 {
            let (name, cable) = (net.name(number), net.cable(number));
            let (host, node) = (net.of_host(number), net.of_node(number));
            let made = ip(&format!("netns add {name}"))
                && ip(&format!("link add {cable} type veth peer name eth0 netns {name}"))
                && ip(&format!("addr add {host}/24 dev {cable}"))
                && ip(&format!("link set {cable} up"))
                && ip(&format!("-n {name} addr add {node}/24 dev eth0"))
                && ip(&format!("-n {name} link set eth0 up"))
                && ip(&format!("-n {name} link set lo up"))
                && ip(&format!("-n {name} route add default via {host}"));
            if !made {
                return Err("network namespaces can't be made here".to_owned());
            }
        }
        Ok(net)
    }

    fn name(&self, number: usize) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Namespaces(net) => format!("segue{net}-{number}"),
        }
    }

    fn cable(&self, number: usize) -> String {
        self.name(number).replace("segue", "sg")
    }

    fn address(&self, number: usize, last: u8) -> Ipv4Addr {
        match self {
            Self::Plain => Ipv4Addr::LOCALHOST,
            Self::Namespaces(net) => Ipv4Addr::new(10, *net, u8::try_from(number).unwrap_or(0), last),
        }
    }

    /// Where the test is, as seen by a node.
    pub(super) fn of_host(&self, number: usize) -> Ipv4Addr {
        self.address(number, 1)
    }

    /// Where a node is.
    pub(super) fn of_node(&self, number: usize) -> Ipv4Addr {
        self.address(number, 2)
    }

    /// A command, run where a node is.
    pub(super) fn within(&self, number: usize, command: Command) -> Command {
        let Self::Namespaces(_) = self else { return command };
        let mut within = Command::new("ip");
        within
            .args(["netns", "exec", &self.name(number)])
            .arg(command.get_program())
            .args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            within.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => within.env(name, value),
                None => within.env_remove(name),
            };
        }
        within.stdin(std::process::Stdio::null());
        within
    }

    /// Pulls the cable of a node, or puts it in again.
    pub(super) fn cut_off(&self, number: usize, cut: bool) {
        let state = if cut { "down" } else { "up" };
        assert!(ip(&format!("link set {} {state}", self.cable(number))), "the cable of {number} {state}");
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if let Self::Namespaces(_) = self {
            for number in 0..3 {
                // The cable goes with it.
                ip(&format!("netns del {}", self.name(number)));
                ip(&format!("link del {}", self.cable(number)));
            }
        }
    }
}
