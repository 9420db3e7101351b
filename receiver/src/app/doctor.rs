//! What `receiver doctor` checks: what this computer receives with, and what arrives.

mod listen;
mod owner;
mod tally;

pub use listen::Checks;

use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result};
use proto::app::Checklist;
use proto::diagnosis::WANTED_BUFFER;
use proto::sys::{Interface, Stop, stop_at_signals};

use crate::net::ReceiveSocket;
use crate::window::{Options, Window};

/// Says what this computer has to receive pictures with and to show them on, and what arrives; returns whether all is
/// well.
///
/// # Errors
/// If the interfaces cannot be listed, or nobody reads what is said.
pub fn check(checks: &Checks, out: &mut dyn Write) -> Result<bool> {
    let stop = Stop::new().context("cannot make an event")?;
    stop_at_signals(&stop).context("cannot handle signals")?;
    let mut list = Checklist::new(out);
    interfaces(&mut list, checks.listen.ip().is_multicast())?;
    let socket = port(&mut list, checks)?;
    firewall(&mut list, checks.listen.port())?;
    display(&mut list)?;
    if let Some(socket) = socket {
        listen::listen(&mut list, socket, checks, &stop)?;
    }
    Ok(list.is_well())
}

fn interfaces(list: &mut Checklist<'_>, is_group: bool) -> Result<()> {
    list.section("Network interfaces, any of whose addresses a sender's --dest can name")?;
    let all = Interface::all()?;
    for interface in &all {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let mtu = interface.mtu().map_or_else(String::new, |mtu| format!(", MTU {mtu}"));
        let wireless = if interface.is_wireless() { ", Wi-Fi" } else { "" };
        let (name, index) = (&interface.name, interface.index);
        list.ok(format_args!("{name}, index {index}{mtu}{wireless}: {}", addresses.join(", ")))?;
    }
    if all.iter().all(|interface| interface.is_loopback) {
        list.attention("no network but this computer itself: plug in a cable, or join a Wi-Fi")?;
    }
    if is_group && all.iter().any(Interface::is_wireless) {
        list.note(
            "most Wi-Fi access points send a group's datagrams at a slow rate and do not repeat what was lost: if it \
             comes by Wi-Fi, have the sender name this computer's own address by --dest",
        )?;
    }
    Ok(())
}

/// Opens the port that is to be listened on, where that is free.
fn port(list: &mut Checklist<'_>, checks: &Checks) -> Result<Option<ReceiveSocket>> {
    let Checks { listen, interface, .. } = checks;
    list.section("Port")?;
    let socket = match ReceiveSocket::open(*listen, interface.as_deref()) {
        Ok(socket) => socket,
        Err(error) => {
            match owner::of_port(listen.port()) {
                Some((pid, name)) if name == "receiver" => list.ok(format_args!(
                    "{listen} is taken by a receiver that runs, process {pid}; what arrives there, it says itself, and \
                     nothing more is checked here"
                ))?,
                Some((pid, name)) => list.attention(format_args!(
                    "port {} is taken by {name}, process {pid}; end that, or choose another port with --listen",
                    listen.port()
                ))?,
                None => list.attention(format_args!("{error:#}"))?,
            }
            return Ok(None);
        }
    };
    match socket.interface() {
        Some(interface) if listen.ip().is_multicast() => {
            list.ok(format_args!("{listen} is free, and the group is joined by {interface}"))?;
            list.note(
                "a switch that snoops on multicast also needs a querier in the network; there is one if this shows \
                 something within two minutes: sudo tcpdump -ni any igmp or icmp6",
            )?;
        }
        _ => list.ok(format_args!("{listen} is free"))?,
    }
    let (got, wanted) = (socket.buffer() / 1024, WANTED_BUFFER / 1024);
    if got < wanted {
        list.attention(format_args!(
            "the receive buffer is {got} KiB of {wanted}, so that bursts may be lost; to allow more: sudo sysctl -w \
             net.core.rmem_max={WANTED_BUFFER}"
        ))?;
    } else {
        list.ok(format_args!("the receive buffer is {got} KiB"))?;
    }
    Ok(Some(socket))
}

/// Says what can be said of firewalls: whether their rules let a datagram pass is for a person to read.
fn firewall(list: &mut Checklist<'_>, port: u16) -> Result<()> {
    list.section("Firewall on this computer")?;
    let rules = [("nft", &["list", "ruleset"][..]), ("iptables", &["-S"])].into_iter().find_map(
        |(program, arguments)| {
            Some((program, arguments, Command::new(program).args(arguments).output().ok()?))
        },
    );
    let Some((program, arguments, output)) = rules else {
        list.note("neither nft nor iptables is installed: probably there is none")?;
        return Ok(());
    };
    let command = format!("sudo {program} {}", arguments.join(" "));
    let text = String::from_utf8_lossy(&output.stdout);
    let refuses = ["drop", "reject", "DROP", "REJECT"].iter().any(|word| text.contains(word));
    if !output.status.success() {
        list.note(format_args!(
            "its rules cannot be read without root; see that they let UDP port {port} in: {command}"
        ))?;
    } else if refuses {
        list.note(format_args!(
            "there are rules that drop or refuse something; see that they let UDP port {port} in: {command}"
        ))?;
    } else {
        list.ok(format_args!("{program} lists no rule that drops or refuses anything"))?;
    }
    Ok(())
}

fn display(list: &mut Checklist<'_>) -> Result<()> {
    list.section("Display")?;
    match Window::open(&Options::default()) {
        Ok(window) => {
            list.ok(window.describe())?;
            list.ok(window.screen())?;
        }
        Err(error) => list.attention(format_args!("{error:#}"))?,
    }
    Ok(())
}
